// SPDX-License-Identifier: Apache-2.0

/** Hands bytes to the browser to be saved under a name. */
export function saveFile(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
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
