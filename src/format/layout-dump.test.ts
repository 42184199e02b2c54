// SPDX-License-Identifier: Apache-2.0
// One format, three places: plugin/src/layout.h as the C compiler lays it out (plugin/test/layout_dump.c),
// the reader, docs/format.md. Kinds and predictors: layout.test.ts.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeChunkInfo } from './chunk-header.ts';
import * as layout from './layout.ts';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');

interface Field {
  readonly struct: string;
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

interface Dump {
  /** Structures and enum numbers, as text. */
  readonly numbers: ReadonlyMap<string, string>;
  readonly fields: readonly Field[];
}

/** What the recorder's side says of itself. */
function readDump(): Dump {
  const plugin = path.join(ROOT, 'plugin');
  execFileSync('make', ['--no-print-directory', '-s', '-C', plugin, 'build/layout_dump']);
  const text = execFileSync(path.join(plugin, 'build/layout_dump'), { encoding: 'utf8' });
  const numbers = new Map<string, string>();
  const fields: Field[] = [];
  for (const line of text.trim().split('\n')) {
    const [name = '', number = '', bytes] = line.split(' ');
    const [struct = '', field = ''] = name.split('.');
    if (bytes === undefined) numbers.set(name, number);
    else fields.push({ struct, name: field, offset: Number(number), bytes: Number(bytes) });
  }
  return { numbers, fields };
}

const { numbers, fields } = readDump();

function numberOf(name: string): number {
  const text = numbers.get(name);
  if (text === undefined) throw new Error(`layout_dump prints no ${name}`);
  return Number(text);
}

function fieldsOf(struct: string): Field[] {
  return fields.filter((field) => field.struct === struct);
}

/** Fields that decodeChunkInfo gives under another name, or not at all. */
const CHUNK_NAMES: Readonly<Record<string, string | undefined>> = {
  host_begin: 'hostBeginNs',
  host_end: 'hostEndNs',
  vcpu_count: undefined,
  stream_count: undefined,
};

describe('the reader agrees with layout.h', () => {
  it('in the sizes of structures', () => {
    expect(numbers.get('LS_FILE_MAGIC')).toBe(layout.FILE_MAGIC);
    expect(
      Object.fromEntries(
        [...new Set(fields.map(({ struct }) => struct))].map((name) => [name, numberOf(name)]),
      ),
    ).toEqual({
      LsFileHeader: layout.FILE_HEADER_BYTES,
      LsSectionHeader: layout.SECTION_HEADER_BYTES,
      LsCodeHeader: layout.CODE_HEADER_BYTES,
      LsChunkHeader: layout.CHUNK_HEADER_BYTES,
      LsVcpuState: layout.VCPU_STATE_BYTES,
      LsStreamSize: layout.STREAM_SIZE_BYTES,
      LsIndexEntry: layout.INDEX_ENTRY_BYTES,
    });
  });

  it('in single numbers', () => {
    expect(layout.FORMAT_VERSION).toBe(numberOf('LS_FORMAT_VERSION'));
    expect(layout.SECTION_MAGIC).toBe(numberOf('LS_SECTION_MAGIC'));
    expect(layout.PAGE_SLOTS).toBe(numberOf('LS_PAGE_SLOTS'));
    expect(layout.NO_STREAM).toBe(numberOf('LS_NO_STREAM'));
    expect(layout.STREAM_COUNT).toBe(numberOf('LS_STREAMS'));
    expect(layout.MAX_BLOCK_INSNS).toBe(numberOf('LS_MAX_INSNS'));
    expect(layout.MAX_BLOCKS).toBe(2 ** numberOf('LS_BLOCK_ID_BITS'));
    expect(layout.CODE_FLAG_MODE_KNOWN).toBe(numberOf('LS_BLOCK_MODE_KNOWN'));
    expect(layout.CODE_FLAG_LAST_REP).toBe(numberOf('LS_BLOCK_LAST_REP'));
  });

  it('in where a chunk says what', () => {
    const bytes = new Uint8Array(numberOf('LsChunkHeader'));
    const view = new DataView(bytes.buffer);
    const expected: Record<string, number | bigint> = {};
    // Values of their own, small ones for counts that must not exceed others.
    const values: Record<string, number> = {
      access_count: 600,
      loads: 400,
      stores: 150,
      aborted: 50,
      note_count: 77,
      events: 33,
      user_accesses: 44,
      page_slots: numberOf('LS_PAGE_SLOTS'),
      vcpu_count: 0,
      stream_count: layout.STREAM_COUNT,
    };
    for (const { name, offset, bytes: size } of fieldsOf('LsChunkHeader')) {
      const value = values[name] ?? 200 + offset;
      const camel = name.replaceAll(/_[a-z]/g, (pair) => pair.slice(1).toUpperCase());
      const nameHere = name in CHUNK_NAMES ? CHUNK_NAMES[name] : camel;
      if (size === 8) view.setBigUint64(offset, BigInt(value), true);
      else view.setUint32(offset, value, true);
      if (nameHere !== undefined) {
        expected[nameHere] = name.endsWith('vaddr') ? BigInt(value) : value;
      }
    }
    const section = {
      sectionIndex: 0,
      kind: layout.SectionKind.chunk,
      stream: 0,
      fileOffset: 0,
      payloadBytes: bytes.length,
      payloadCrc: 0,
    };
    expect(decodeChunkInfo(section, bytes, 0, 0)).toMatchObject(expected);
    expect(Object.keys(expected)).toHaveLength(17);
  });
});

describe('docs/format.md is layout.h', () => {
  const document = readFileSync(path.join(ROOT, 'docs/format.md'), 'utf8');

  /** Rows `| offset | type | ...` of the first table behind a heading, up to one without a plain offset. */
  function tableBehind(heading: string): { offset: number; bytes: number }[] {
    const begin = document.indexOf(`\n${heading}\n`);
    if (begin < 0) throw new Error(`the document has no heading ${heading}`);
    const rows: { offset: number; bytes: number }[] = [];
    for (const line of document.slice(begin).split('\n')) {
      const [, offset = '', type = ''] = /^\| *(\d+) *\| *(u16|u32|u64|i64|8) *\|/.exec(line) ?? [];
      if (offset === '' && rows.length > 0) break;
      if (offset === '') continue;
      rows.push({ offset: Number(offset), bytes: type === '8' ? 8 : Number(type.slice(1)) / 8 });
    }
    return rows;
  }

  it.each([
    ['## 1. File', 'LsFileHeader'],
    ['### 1.1 Section', 'LsSectionHeader'],
    ['## 3. Chunk', 'LsChunkHeader'],
  ])('%s has the fields of %s', (heading, struct) => {
    expect(tableBehind(heading)).toEqual(
      fieldsOf(struct).map(({ offset, bytes }) => ({ offset, bytes })),
    );
  });

  it('names every kind of section and note with its number', () => {
    const named = (table: Readonly<Record<string, number>>): [string, number][] =>
      Object.entries(table).map(([name, n]) => [
        name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
        n,
      ]);
    for (const [name, n] of [...named(layout.SectionKind), ...named(layout.NoteKind)]) {
      expect(document).toMatch(new RegExp(`^\\| ${n} +\\| ${name} +\\|`, 'm'));
    }
    layout.STREAM_NAMES.forEach((name, i) => {
      expect(document).toMatch(new RegExp(`\\b${i} ${name}\\b`));
    });
  });
});
