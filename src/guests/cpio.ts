// SPDX-License-Identifier: Apache-2.0
// Writes the "newc" cpio archive that Linux unpacks as its initial file system. Times, owners and inode
// numbers are fixed, so that the same entries always give the same bytes.

export type CpioEntry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode?: number }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly content: Uint8Array;
      readonly mode?: number;
    }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character-device';
      readonly path: string;
      readonly major: number;
      readonly minor: number;
      readonly mode?: number;
    };

const S_IFCHR = 0o020_000;
const S_IFDIR = 0o040_000;
const S_IFREG = 0o100_000;
const S_IFLNK = 0o120_000;

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const ALIGN_BYTES = 4;
/** Archives are padded to this, as the cpio program does. */
const BLOCK_BYTES = 512;

interface NewcHeader {
  readonly inode: number;
  readonly mode: number;
  readonly linkCount: number;
  readonly contentBytes: number;
  readonly major: number;
  readonly minor: number;
  readonly path: string;
}

/**
 * The archive's bytes. Paths are relative without a leading "/"; a folder comes before what is in it.
 * Throws RangeError for a path that is empty, absolute or used twice.
 */
export function encodeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const seen = new Set<string>();
  let inode = 1;
  for (const entry of entries) {
    if (entry.path === '' || entry.path.startsWith('/') || entry.path === TRAILER) {
      throw new RangeError(`not a path for an archive: ${JSON.stringify(entry.path)}`);
    }
    if (seen.has(entry.path)) throw new RangeError(`twice in the archive: ${entry.path}`);
    seen.add(entry.path);
    parts.push(...encodeEntry(entry, inode++));
  }
  parts.push(
    encodeHeader({
      inode: 0,
      mode: 0,
      linkCount: 1,
      contentBytes: 0,
      major: 0,
      minor: 0,
      path: TRAILER,
    }),
  );
  return concatPadded(parts, BLOCK_BYTES);
}

function encodeEntry(entry: CpioEntry, inode: number): Uint8Array[] {
  const plain = { inode, linkCount: 1, contentBytes: 0, major: 0, minor: 0, path: entry.path };
  switch (entry.kind) {
    case 'folder':
      return [encodeHeader({ ...plain, linkCount: 2, mode: S_IFDIR | (entry.mode ?? 0o755) })];
    case 'character-device':
      return [
        encodeHeader({
          ...plain,
          mode: S_IFCHR | (entry.mode ?? 0o600),
          major: entry.major,
          minor: entry.minor,
        }),
      ];
    case 'link':
      return encodeContent(
        { ...plain, mode: S_IFLNK | 0o777 },
        new TextEncoder().encode(entry.target),
      );
    case 'file':
      return encodeContent({ ...plain, mode: S_IFREG | (entry.mode ?? 0o644) }, entry.content);
  }
}

function encodeContent(header: NewcHeader, content: Uint8Array): Uint8Array[] {
  return [
    encodeHeader({ ...header, contentBytes: content.length }),
    concatPadded([content], ALIGN_BYTES),
  ];
}

/** The 110 characters of a newc header, the path, a NUL, and zeros to a multiple of 4. */
function encodeHeader(header: NewcHeader): Uint8Array {
  const path = new TextEncoder().encode(`${header.path}\0`);
  const fields = [
    header.inode,
    header.mode,
    0, // uid
    0, // gid
    header.linkCount,
    0, // mtime
    header.contentBytes,
    0, // device of the archive's file system
    0,
    header.major,
    header.minor,
    path.length,
    0, // check, unused in newc
  ];
  const text = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return concatPadded([new TextEncoder().encode(text), path], ALIGN_BYTES);
}

function concatPadded(parts: readonly Uint8Array[], multiple: number): Uint8Array {
  const contentBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(Math.ceil(contentBytes / multiple) * multiple);
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
