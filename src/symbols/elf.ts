// SPDX-License-Identifier: Apache-2.0
// Reads ELF files of x86: segments, sections, symbols (System V ABI, chapters 4 and 5; psABI for x86-64 and
// i386). A file is hostile until proved otherwise: every count and offset is compared with the bytes that
// are there before anything is taken or allocated, and no name is longer than NAME_LIMIT.

import { findNumberFromU64, TraceError, type U64, u64 } from '../base/index.ts';
import { type RawSymbol, rankSymbol } from './symbol-table.ts';

export interface ElfFile {
  readonly bits: 32 | 64;
  readonly type: 'relocatable' | 'executable' | 'shared';
  /** Address of its first instruction; 0 for none. */
  readonly entry: U64;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  /** Of .symtab, else of .dynsym; empty when the file was stripped. */
  readonly symbols: readonly ElfSymbol[];
  /** Of a relocatable file: what is put into its allocated sections when it is loaded. */
  readonly relocations: readonly ElfRelocation[];
}

export interface ElfRelocation {
  /** Index into sections, and where in that one. */
  readonly section: number;
  readonly offset: number;
  /** What is put there leads to: a place in a section of this file; undefined for other files' symbols. */
  readonly target: { readonly section: number; readonly offset: number } | undefined;
}

/** What is loaded (PT_LOAD). */
export interface ElfSegment {
  readonly vaddr: U64;
  readonly memoryBytes: number;
  readonly isExecutable: boolean;
  /** The part that comes from the file. */
  readonly content: Uint8Array;
}

export interface ElfSection {
  readonly name: string;
  readonly address: U64;
  readonly sizeBytes: number;
  readonly alignBytes: number;
  readonly isAllocated: boolean;
  readonly isExecutable: boolean;
  /** Empty when the file has no bytes of it. */
  readonly content: Uint8Array;
}

export interface ElfSymbol extends RawSymbol {
  /** Index into sections; of a relocatable file the address is an offset into it. */
  readonly section: number;
}

const NAME_LIMIT = 512;
/** Names may share bytes, so that a small file can ask for many: all together, a file's length times this. */
const NAMES_LIMIT_FACTOR = 4;

const MACHINE_386 = 3;
const MACHINE_X86_64 = 62;
const TYPES: ReadonlyMap<number, ElfFile['type']> = new Map([
  [1, 'relocatable'],
  [2, 'executable'],
  [3, 'shared'],
]);
const PT_LOAD = 1;
const PF_X = 1;
const SHT_SYMTAB = 2;
const SHT_RELA = 4;
const SHT_REL = 9;
const SHT_DYNSYM = 11;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const SHN_UNDEF = 0;
/** Section numbers from here on are not sections: absolute, common. */
const SHN_LORESERVE = 0xff00;
const STT_NOTYPE = 0;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const BINDINGS = ['local', 'global', 'weak'] as const;

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Throws TraceError 'bad-argument' for what is not a sound ELF file of x86. */
export function decodeElf(bytes: Uint8Array): ElfFile {
  const reader = elfReader(bytes);
  const machine = reader.u16(18);
  if (machine !== MACHINE_X86_64 && machine !== MACHINE_386) {
    throw new TraceError('bad-argument', 'it is not for an x86 machine', {
      expected: `machine ${MACHINE_X86_64} or ${MACHINE_386}`,
      found: `${machine}`,
    });
  }
  const type = TYPES.get(reader.u16(16));
  if (type === undefined) {
    throw new TraceError('bad-argument', 'it is neither a program, a library nor an object file', {
      expected: 'ELF type 1 to 3',
      found: `${reader.u16(16)}`,
    });
  }
  const headers = readSectionHeaders(reader);
  const names = headers.at(reader.u16(reader.wide ? 62 : 50));
  const sections = headers.map((header, index) => ({
    name: names === undefined ? '' : reader.text(names, header.nameAt),
    address: header.address,
    // Only what is allocated has a size that a memory address can be compared with.
    sizeBytes: reader.number(header.memorySize, `the size of section ${index}`),
    alignBytes: reader.number(header.align, `the alignment of section ${index}`),
    isAllocated: (header.flags & SHF_ALLOC) !== 0,
    isExecutable: (header.flags & SHF_EXECINSTR) !== 0,
    content: reader.bytes(header.content?.begin ?? 0, header.content?.end ?? 0),
  }));
  return {
    bits: reader.wide ? 64 : 32,
    type,
    entry: reader.word(24),
    segments: readSegments(reader),
    sections,
    symbols: readSymbols(reader, headers, sections),
    relocations: type === 'relocatable' ? readRelocations(reader, headers) : [],
  };
}

interface SectionHeader {
  readonly nameAt: number;
  readonly type: number;
  readonly flags: number;
  readonly address: U64;
  readonly memorySize: U64;
  readonly align: U64;
  readonly link: number;
  readonly info: number;
  /** In the file, undefined when the section lies outside of it or has no bytes there. */
  readonly content: { readonly begin: number; readonly end: number } | undefined;
}

const SHT_NOBITS = 8;

function readSectionHeaders(reader: ElfReader): SectionHeader[] {
  const { wide } = reader;
  const tableAt = reader.number(reader.word(wide ? 40 : 32), 'the place of the section table');
  if (tableAt === 0) return [];
  const entryBytes = wide ? 64 : 40;
  reader.requireEqual(reader.u16(wide ? 58 : 46), entryBytes, 'the size of a section header');
  const stated = reader.u16(wide ? 60 : 48);
  // More sections than fit 16 bits: the number is the size of the first one.
  const count =
    stated === 0
      ? reader.number(reader.word(tableAt + (wide ? 32 : 20)), 'the number of sections')
      : stated;
  reader.need(tableAt, count * entryBytes, 'the section table');
  return Array.from({ length: count }, (_, index) => {
    const at = tableAt + index * entryBytes;
    const type = reader.u32(at + 4);
    const begin = findNumberFromU64Of(reader.word(at + (wide ? 24 : 16)));
    const memorySize = reader.word(at + (wide ? 32 : 20));
    const size = findNumberFromU64Of(memorySize);
    const isInFile =
      type !== SHT_NOBITS &&
      begin !== undefined &&
      size !== undefined &&
      begin + size <= reader.byteLength;
    return {
      nameAt: reader.u32(at),
      type,
      flags: reader.u32(at + 8), // those that matter are in the low word
      address: reader.word(at + (wide ? 16 : 12)),
      memorySize,
      align: reader.word(at + (wide ? 48 : 32)),
      link: reader.u32(at + (wide ? 40 : 24)),
      info: reader.u32(at + (wide ? 44 : 28)),
      content: isInFile ? { begin, end: begin + size } : undefined,
    };
  });
}

function findNumberFromU64Of({ lo, hi }: U64): number | undefined {
  return findNumberFromU64(lo, hi);
}

function readSegments(reader: ElfReader): ElfSegment[] {
  const { wide } = reader;
  const count = reader.u16(wide ? 56 : 44);
  if (count === 0) return [];
  const tableAt = reader.number(reader.word(wide ? 32 : 28), 'the place of the segment table');
  const entryBytes = wide ? 56 : 32;
  reader.requireEqual(reader.u16(wide ? 54 : 42), entryBytes, 'the size of a segment header');
  reader.need(tableAt, count * entryBytes, 'the segment table');
  const segments: ElfSegment[] = [];
  for (let at = tableAt; at < tableAt + count * entryBytes; at += entryBytes) {
    if (reader.u32(at) !== PT_LOAD) continue;
    const begin = reader.number(reader.word(at + (wide ? 8 : 4)), 'the place of a segment');
    const sizeBytes = reader.number(reader.word(at + (wide ? 32 : 16)), 'the size of a segment');
    reader.need(begin, sizeBytes, 'a segment');
    segments.push({
      vaddr: reader.word(at + (wide ? 16 : 8)),
      memoryBytes: reader.number(reader.word(at + (wide ? 40 : 20)), 'the size of a segment'),
      isExecutable: (reader.u32(at + (wide ? 4 : 24)) & PF_X) !== 0,
      content: reader.bytes(begin, begin + sizeBytes),
    });
  }
  return segments;
}

function readSymbols(
  reader: ElfReader,
  headers: readonly SectionHeader[],
  sections: readonly ElfSection[],
): ElfSymbol[] {
  const table =
    headers.find(({ type }) => type === SHT_SYMTAB) ??
    headers.find(({ type }) => type === SHT_DYNSYM);
  if (table === undefined) return [];
  const names = headers[table.link];
  if (table.content === undefined || names?.content === undefined) {
    throw new TraceError('bad-argument', 'its symbol table lies beyond its end', {
      remedy: 'a whole file: this one was cut',
    });
  }
  const { wide } = reader;
  const entryBytes = wide ? 24 : 16;
  const symbols: ElfSymbol[] = [];
  const { begin, end } = table.content;
  for (let at = begin; at + entryBytes <= end; at += entryBytes) {
    const info = reader.u8(at + (wide ? 4 : 12));
    const section = reader.u16(at + (wide ? 6 : 14));
    const type = info & 15;
    const isNamed = [STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_GNU_IFUNC].includes(type);
    if (!isNamed || section === SHN_UNDEF || section >= SHN_LORESERVE) continue;
    const name = reader.text(names, reader.u32(at));
    if (name === '') continue;
    const { lo, hi } = reader.word(at + (wide ? 8 : 4));
    const size = findNumberFromU64Of(reader.word(at + (wide ? 16 : 8))) ?? 0;
    const rank = rankSymbol(BINDINGS[info >> 4] ?? 'global', name);
    symbols.push({
      ...{ addressLo: lo, addressHi: hi, name, module: '', section },
      sizeBytes: Math.min(size, 0xffff_ffff),
      isCode:
        type === STT_FUNC ||
        type === STT_GNU_IFUNC ||
        (type === STT_NOTYPE && sections[section]?.isExecutable === true),
      // A label beside a function or a variable does not name it.
      rank: type === STT_NOTYPE ? rank + 4 : rank,
    });
  }
  return symbols;
}

function readRelocations(reader: ElfReader, headers: readonly SectionHeader[]): ElfRelocation[] {
  const { wide } = reader;
  const contentBytes = headers.reduce((sum, { content }) => {
    return content === undefined ? sum : sum + content.end - content.begin;
  }, 0);
  if (contentBytes > reader.byteLength) {
    throw new TraceError('bad-argument', 'its sections have more bytes than it has');
  }
  const relocations: ElfRelocation[] = [];
  for (const { type, content, link, info: section } of headers) {
    const isAllocated = ((headers[section]?.flags ?? 0) & SHF_ALLOC) !== 0;
    if ((type !== SHT_RELA && type !== SHT_REL) || content === undefined || !isAllocated) continue;
    const holder = headers[section]?.content;
    const symbols = headers[link]?.content;
    const entryBytes = (wide ? 16 : 8) + (type === SHT_REL ? 0 : wide ? 8 : 4);
    for (let at = content.begin; at + entryBytes <= content.end; at += entryBytes) {
      const offset = reader.word(at).lo;
      const symbol = wide ? reader.u32(at + 12) : reader.u32(at + 4) >>> 8;
      const field = holder === undefined ? 0 : holder.begin + offset;
      const hasField = holder !== undefined && field + 4 <= holder.end;
      // The low half is all: code of a file has less than 2 GiB.
      const addend =
        type === SHT_RELA ? reader.u32(at + (wide ? 16 : 8)) : hasField ? reader.u32(field) : 0;
      const target = findTarget(reader, symbols, symbol, addend);
      relocations.push({ section, offset, target });
    }
  }
  return relocations;
}

function findTarget(
  reader: ElfReader,
  symbols: SectionHeader['content'],
  index: number,
  addend: number,
): ElfRelocation['target'] {
  const { wide } = reader;
  const entryBytes = wide ? 24 : 16;
  if (symbols === undefined) return undefined;
  const at = symbols.begin + index * entryBytes;
  if (at + entryBytes > symbols.end) return undefined;
  const section = reader.u16(at + (wide ? 6 : 14));
  if (section === SHN_UNDEF || section >= SHN_LORESERVE) return undefined;
  return { section, offset: (reader.word(at + (wide ? 8 : 4)).lo + addend) >>> 0 };
}

interface ElfReader {
  /** ELF64. */
  readonly wide: boolean;
  readonly byteLength: number;
  u8(at: number): number;
  u16(at: number): number;
  u32(at: number): number;
  /** An address, offset or size: 8 bytes in ELF64, else 4. */
  word(at: number): U64;
  number(value: U64, what: string): number;
  bytes(begin: number, end: number): Uint8Array;
  /** The name at that offset of a string table; '' when it lies outside. */
  text(table: SectionHeader, at: number): string;
  need(at: number, byteCount: number, what: string): void;
  requireEqual(found: number, expected: number, what: string): void;
}

function elfReader(bytes: Uint8Array): ElfReader {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder();
  let namesBytes = 0;
  const need = (at: number, byteCount: number, what: string): void => {
    if (at + byteCount <= bytes.byteLength) return;
    throw new TraceError('bad-argument', `it ends inside ${what}`, {
      expected: `${at + byteCount} bytes`,
      found: `${bytes.byteLength}`,
      remedy: 'a whole file: this one was cut',
    });
  };
  const field = (at: number, byteCount: number): number => {
    need(at, byteCount, 'a header');
    return at;
  };
  if (!isElf(bytes) || bytes.length < 52) {
    throw new TraceError('bad-argument', 'it is not an ELF file');
  }
  const wide = data.getUint8(4) === 2;
  if (data.getUint8(5) !== 1) {
    throw new TraceError('bad-argument', 'it is not for an x86 machine', {
      found: 'big-endian numbers',
    });
  }
  return {
    wide,
    byteLength: bytes.byteLength,
    u8: (at) => data.getUint8(field(at, 1)),
    u16: (at) => data.getUint16(field(at, 2), true),
    u32: (at) => data.getUint32(field(at, 4), true),
    word: (at) =>
      wide
        ? u64(data.getUint32(field(at, 8), true), data.getUint32(at + 4, true))
        : u64(data.getUint32(field(at, 4), true), 0),
    number({ lo, hi }, what) {
      const value = findNumberFromU64(lo, hi);
      if (value !== undefined) return value;
      throw new TraceError('bad-argument', `${what} is impossibly high`);
    },
    bytes: (begin, end) => bytes.subarray(begin, end),
    text({ content }, at) {
      if (content === undefined || content.begin + at >= content.end) return '';
      const from = content.begin + at;
      const limit = Math.min(content.end, from + NAME_LIMIT);
      const nul = bytes.subarray(from, limit).indexOf(0);
      const to = nul < 0 ? limit : from + nul;
      namesBytes += to - from;
      if (namesBytes > NAMES_LIMIT_FACTOR * bytes.byteLength) {
        throw new TraceError('bad-argument', 'its symbols have longer names than it has bytes');
      }
      const name = decoder.decode(bytes.subarray(from, to));
      return nul < 0 && limit < content.end ? `${name}...` : name;
    },
    need,
    requireEqual(found, expected, what) {
      if (found === expected) return;
      throw new TraceError('bad-argument', `${what} is not that of an ELF file`, {
        expected: `${expected}`,
        found: `${found}`,
      });
    },
  };
}
