// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { encodeCpio } from './cpio.ts';

interface Listed {
  readonly path: string;
  readonly mode: string;
  readonly content: string;
}

/** A second reader of the format, from its description: header of 13 hex fields, all parts aligned to 4. */
function listArchive(bytes: Uint8Array): Listed[] {
  const text = Buffer.from(bytes).toString('latin1');
  const listed: Listed[] = [];
  let at = 0;
  for (;;) {
    expect(text.slice(at, at + 6)).toBe('070701');
    const field = (index: number): number =>
      Number.parseInt(text.slice(at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const path = text.slice(at + 110, at + 110 + field(11) - 1);
    expect(text[at + 110 + field(11) - 1]).toBe('\0');
    const begin = (at + 110 + field(11) + 3) & ~3;
    if (path === 'TRAILER!!!') return listed;
    listed.push({
      path,
      mode: field(1).toString(8),
      content: text.slice(begin, begin + field(6)),
    });
    at = (begin + field(6) + 3) & ~3;
  }
}

const ENTRIES = [
  { kind: 'folder', path: 'bin' },
  { kind: 'file', path: 'bin/tool', content: new TextEncoder().encode('hello'), mode: 0o755 },
  { kind: 'link', path: 'bin/sh', target: 'tool' },
  { kind: 'character-device', path: 'console', major: 5, minor: 1 },
] as const;

describe('encodeCpio', () => {
  it('writes every kind of entry where the format wants it', () => {
    expect(listArchive(encodeCpio(ENTRIES))).toEqual([
      { path: 'bin', mode: '40755', content: '' },
      { path: 'bin/tool', mode: '100755', content: 'hello' },
      { path: 'bin/sh', mode: '120777', content: 'tool' },
      { path: 'console', mode: '20600', content: '' },
    ]);
  });

  it('gives the same bytes each time, in whole blocks', () => {
    const once = encodeCpio(ENTRIES);
    expect(once).toEqual(encodeCpio(ENTRIES));
    expect(once.length % 512).toBe(0);
  });

  it('refuses paths that would not unpack as meant', () => {
    expect(() => encodeCpio([{ kind: 'folder', path: '/bin' }])).toThrow('not a path');
    expect(() => encodeCpio([ENTRIES[0], ENTRIES[0]])).toThrow('twice in the archive: bin');
  });
});
