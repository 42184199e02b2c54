// SPDX-License-Identifier: Apache-2.0
// The recorder's numbers (plugin/src/layout.h) and the reader's are the same.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CHUNK_HEADER_BYTES,
  CODE_HEADER_BYTES,
  CUT_CAUSES,
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  INDEX_ENTRY_BYTES,
  NoteKind,
  SECTION_HEADER_BYTES,
  SECTION_MAGIC,
  SectionKind,
  STREAM_NAMES,
  VCPU_STATE_BYTES,
} from './layout.ts';

const HEADER = readFileSync(new URL('../../plugin/src/layout.h', import.meta.url), 'utf8');
const KERNEL = readFileSync(new URL('../../kernel/memory-map.ts', import.meta.url), 'utf8');

/** LS_PREFIX_SOME_NAME = 3 -> someName: 3 */
function enumerators(prefix: string): Record<string, number> {
  const found = [...HEADER.matchAll(new RegExp(`\\b${prefix}_([A-Z0-9_]+) = (\\d+)`, 'g'))];
  return Object.fromEntries(
    found.map(([, name = '', value]) => [
      name.toLowerCase().replaceAll(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase()),
      Number(value),
    ]),
  );
}

function numberAfter(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]);
}

describe('layout', () => {
  it('has the sizes of the C structures', () => {
    const sizes = Object.fromEntries(
      [...HEADER.matchAll(/sizeof\((\w+)\) == (\d+)/g)].map(([, name = '', size]) => [
        name,
        Number(size),
      ]),
    );
    expect(sizes).toEqual({
      LsFileHeader: FILE_HEADER_BYTES,
      LsSectionHeader: SECTION_HEADER_BYTES,
      LsCodeHeader: CODE_HEADER_BYTES,
      LsChunkHeader: CHUNK_HEADER_BYTES,
      LsVcpuState: VCPU_STATE_BYTES,
      LsIndexEntry: INDEX_ENTRY_BYTES,
    });
    expect(numberAfter(HEADER, /SECTION_MAGIC UINT32_C\((0x[0-9a-f]+)\)/)).toBe(SECTION_MAGIC);
    expect(numberAfter(HEADER, /LS_FORMAT_VERSION = (\d+)/)).toBe(FORMAT_VERSION);
  });

  it('has the kinds of the C enumerations', () => {
    expect(enumerators('LS_SECTION')).toEqual(SectionKind);
    expect(enumerators('LS_NOTE')).toEqual(NoteKind);
    expect(Object.values(enumerators('LS_CUT'))).toEqual(CUT_CAUSES.map((_name, i) => i + 1));
    const streams = [...HEADER.matchAll(/^ {4}LS_S_([A-Z0-9_]+),$/gm)].map(([, name = '']) =>
      name.toLowerCase().replaceAll('_', ''),
    );
    expect(streams).toEqual(STREAM_NAMES.map((name) => name.toLowerCase()));
  });

  it('has predictor tables of the same size in the recorder and in the kernel', () => {
    for (const [table, bits] of [
      ['NEXT3', numberAfter(HEADER, /LS_NEXT3_BITS = (\d+)/)],
      ['WALK', numberAfter(HEADER, /LS_WALK_BITS = (\d+)/)],
    ] as const) {
      expect(numberAfter(KERNEL, new RegExp(`${table}_COUNT: u32 = (\\d+)`))).toBe(2 ** bits);
      expect(numberAfter(KERNEL, new RegExp(`${table}_SHIFT: u32 = (\\d+)`))).toBe(32 - bits);
    }
  });
});
