// SPDX-License-Identifier: Apache-2.0

/** Hands bytes, or what the server sends, to the browser to be saved under a name. */
export function saveFile(name: string, what: Blob | URL): void {
  const link = document.createElement('a');
  link.href = what instanceof URL ? what.href : URL.createObjectURL(what);
  link.download = name;
  link.click();
  if (what instanceof Blob) URL.revokeObjectURL(link.href);
}

/** "/tmp/boot.memtrace" -> "boot.memtrace". */
export function baseName(file: string): string {
  return file.replace(/^.*[/\\]/, '');
}

/** "boot.memtrace" and "map.png" -> "boot-map.png". */
export function fileNameFor(trace: string, what: string): string {
  const base = baseName(trace).replace(/\.[^.]*$/, '');
  return `${base === '' ? 'trace' : base}-${what}`;
}
