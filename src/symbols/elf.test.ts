// SPDX-License-Identifier: Apache-2.0
// ELF files made by hand, real ones compared with what nm says of them, and damaged ones.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../base/index.ts';
import { decodeElf, type ElfSymbol } from './elf.ts';
import { decodeSymbolFile, parseSymbolArgument, type SymbolPlacement } from './symbol-file.ts';

interface MadeSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly size?: number;
  /** st_info: binding << 4 | type. */
  readonly info: number;
  readonly section: number;
}

const FUNC = 0x12;
const LOCAL_FUNC = 0x02;
const OBJECT = 0x11;
const NOTYPE = 0x10;
const WEAK_FUNC = 0x22;

/** Sections: none, .text, .data, .init.text, .text.unlikely, .symtab, .strtab, .shstrtab. */
const SECTION_NAMES = [
  ...['', '.text', '.data', '.init.text', '.text.unlikely'],
  ...['.symtab', '.strtab', '.shstrtab'],
];
const TEXT_ADDRESS = 0x40_1000n;

/** A file with one segment of 64 bytes of code, of which .text is a part. */
function makeElf(bits: 32 | 64, type: number, symbols: readonly MadeSymbol[]): Uint8Array {
  const wide = bits === 64;
  const bytes = new Uint8Array(8192);
  const data = new DataView(bytes.buffer);
  const word = (at: number, value: bigint): void => {
    if (wide) data.setBigUint64(at, value, true);
    else data.setUint32(at, Number(value), true);
  };
  const text = (at: number, value: string): number => {
    bytes.set(new TextEncoder().encode(`${value}\0`), at);
    return at + value.length + 1;
  };
  const [headersAt, codeAt, symtabAt, strtabAt, shstrtabAt, sectionsAt] = [
    ...[64, 0x200, 0x400, 0x1000],
    ...[0x1800, 0x1c00],
  ] as const;
  const symbolBytes = wide ? 24 : 16;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  data.setUint16(16, type, true);
  data.setUint16(18, wide ? 62 : 3, true);
  word(24, TEXT_ADDRESS + 4n);
  word(wide ? 32 : 28, BigInt(headersAt));
  word(wide ? 40 : 32, BigInt(sectionsAt));
  const sizes = wide ? [64, 56, 1, 64, 8, 7] : [52, 32, 1, 40, 8, 7];
  for (const [i, size] of sizes.entries()) data.setUint16((wide ? 52 : 40) + 2 * i, size, true);
  // The segment.
  data.setUint32(headersAt, 1, true);
  data.setUint32(headersAt + (wide ? 4 : 24), 5, true);
  word(headersAt + (wide ? 8 : 4), BigInt(codeAt));
  word(headersAt + (wide ? 16 : 8), TEXT_ADDRESS);
  word(headersAt + (wide ? 32 : 16), 64n);
  word(headersAt + (wide ? 40 : 20), 64n);
  bytes.fill(0x90, codeAt, codeAt + 64);
  // Symbols, the first is none.
  let nameAt: number = strtabAt + 1;
  for (const [i, symbol] of symbols.entries()) {
    const at = symtabAt + (i + 1) * symbolBytes;
    data.setUint32(at, nameAt - strtabAt, true);
    nameAt = text(nameAt, symbol.name);
    word(at + (wide ? 8 : 4), symbol.value);
    word(at + (wide ? 16 : 8), BigInt(symbol.size ?? 0));
    data.setUint8(at + (wide ? 4 : 12), symbol.info);
    data.setUint16(at + (wide ? 6 : 14), symbol.section, true);
  }
  const symtabBytes = (symbols.length + 1) * symbolBytes;
  const contents: readonly (readonly [type: number, flags: number, at: number, size: number])[] = [
    ...([
      [0, 0, 0, 0],
      [1, 6, codeAt, 24],
      [1, 3, codeAt + 32, 8],
    ] as const),
    ...([
      [1, 6, codeAt, 16],
      [1, 6, codeAt + 24, 8],
      [2, 0, symtabAt, symtabBytes],
    ] as const),
    ...([
      [3, 0, strtabAt, nameAt - strtabAt],
      [3, 0, shstrtabAt, 200],
    ] as const),
  ];
  let sectionNameAt: number = shstrtabAt;
  for (const [i, [kind, flags, at, size]] of contents.entries()) {
    const header = sectionsAt + i * (wide ? 64 : 40);
    data.setUint32(header, sectionNameAt - shstrtabAt, true);
    sectionNameAt = text(sectionNameAt, SECTION_NAMES[i] ?? '');
    data.setUint32(header + 4, kind, true);
    word(header + 8, BigInt(flags));
    word(header + (wide ? 16 : 12), flags === 0 ? 0n : TEXT_ADDRESS + BigInt(at - codeAt));
    word(header + (wide ? 24 : 16), BigInt(at));
    word(header + (wide ? 32 : 20), BigInt(size));
    data.setUint32(header + (wide ? 40 : 24), 6, true);
    word(header + (wide ? 48 : 32), 16n);
  }
  return bytes;
}

const SYMBOLS: readonly MadeSymbol[] = [
  { name: 'main', value: TEXT_ADDRESS, size: 8, info: FUNC, section: 1 },
  { name: 'helper', value: TEXT_ADDRESS + 8n, size: 4, info: LOCAL_FUNC, section: 1 },
  { name: 'alias', value: TEXT_ADDRESS + 8n, size: 4, info: WEAK_FUNC, section: 1 },
  { name: 'label', value: TEXT_ADDRESS + 16n, info: NOTYPE, section: 1 },
  { name: 'table', value: TEXT_ADDRESS + 32n, size: 8, info: OBJECT, section: 2 },
  { name: 'elsewhere', value: 0n, info: FUNC, section: 0 },
  { name: 'number', value: 7n, info: NOTYPE, section: 0xfff1 },
];

function shown(bytes: Uint8Array): string[] {
  return decodeElf(bytes).symbols.map(
    ({ name, addressLo, sizeBytes, isCode, rank }) =>
      `${name} ${addressLo.toString(16)} ${sizeBytes} ${isCode ? 'code' : 'data'} ${rank}`,
  );
}

/** Undefined for a file that is refused; any other error is thrown. */
function decoded(bytes: Uint8Array): readonly ElfSymbol[] | undefined {
  try {
    return decodeElf(bytes).symbols;
  } catch (error) {
    if (error instanceof TraceError) return undefined;
    throw error;
  }
}

describe('decodeElf', () => {
  it.each([32, 64] as const)('reads a file of %i bits', (bits) => {
    const bytes = makeElf(bits, 2, SYMBOLS);
    const elf = decodeElf(bytes);
    expect(elf).toMatchObject({ bits, type: 'executable', entry: { lo: 0x40_1004, hi: 0 } });
    expect(elf.segments).toHaveLength(1);
    expect(elf.segments[0]).toMatchObject({ isExecutable: true, memoryBytes: 64 });
    expect([...(elf.segments[0]?.content ?? [])]).toEqual(Array.from({ length: 64 }, () => 0x90));
    expect(elf.sections.map(({ name }) => name)).toEqual(SECTION_NAMES);
    expect(shown(bytes)).toEqual([
      'main 401000 8 code 0',
      'helper 401008 4 code 1',
      'alias 401008 4 code 2',
      'label 401010 0 code 4',
      'table 401020 8 data 0',
    ]);
  });

  it.each([32, 64] as const)('reads what a file of %i bits asks loading to fill in', (bits) => {
    const wide = bits === 64;
    const bytes = makeElf(bits, 1, SYMBOLS);
    const data = new DataView(bytes.buffer);
    const word = (at: number, value: number): void => {
      if (wide) data.setBigUint64(at, BigInt(value), true);
      else data.setUint32(at, value, true);
    };
    // .text.unlikely becomes relocations of .text: with addends in 64 bits, else these are in .text.
    const header = 0x1c00 + 4 * (wide ? 64 : 40);
    const entries = 0x1f00;
    data.setUint32(header + 4, wide ? 4 : 9, true);
    word(header + (wide ? 24 : 16), entries);
    word(header + (wide ? 32 : 20), 2 * (wide ? 24 : 8));
    data.setUint32(header + (wide ? 40 : 24), 5, true);
    data.setUint32(header + (wide ? 44 : 28), 1, true);
    // Of "helper", the second symbol, and of one of another file, the sixth.
    for (const [i, [offset, symbol]] of [[3, 2] as const, [9, 6] as const].entries()) {
      const at = entries + i * (wide ? 24 : 8);
      word(at, offset);
      if (wide) data.setUint32(at + 12, symbol, true);
      else data.setUint32(at + 4, symbol << 8, true);
      if (wide) word(at + 16, 5);
      else data.setUint32(0x200 + offset, 5, true);
    }
    expect(decodeElf(bytes).relocations).toEqual([
      { section: 1, offset: 3, target: { section: 1, offset: Number(TEXT_ADDRESS) + 8 + 5 } },
      { section: 1, offset: 9, target: undefined },
    ]);
    data.setUint16(16, 2, true);
    expect(decodeElf(bytes).relocations).toEqual([]);
    // Many sections that are the whole file would be copied many times.
    data.setUint16(16, 1, true);
    word(header + (wide ? 24 : 16), 0);
    word(header + (wide ? 32 : 20), 8192);
    expect(() => decodeElf(bytes)).toThrow('its sections have more bytes than it has');
  });

  it.each([
    ['other bytes', (b: Uint8Array) => b.fill(0x20), 'it is not an ELF file'],
    ['another machine', (b: Uint8Array) => b.fill(40, 18, 19), 'not for an x86 machine'],
    ['the other byte order', (b: Uint8Array) => b.fill(2, 5, 6), 'not for an x86 machine'],
    ['a core dump', (b: Uint8Array) => b.fill(4, 16, 17), 'neither a program'],
    [
      'a segment beyond the end',
      (b: Uint8Array) => b.fill(0x7f, 98, 99),
      'it ends inside a segment',
    ],
    ['a table beyond 2^53', (b: Uint8Array) => b.fill(0xff, 40, 48), 'impossibly high'],
    ['odd headers', (b: Uint8Array) => b.fill(63, 58, 59), 'the size of a section header'],
    ['many sections', (b: Uint8Array) => b.fill(0xff, 60, 62), 'it ends inside the section table'],
    ['symbols beyond the end', (b: Uint8Array) => b.fill(0x7f, 0x1d5b, 0x1d5c), 'beyond its end'],
  ])('refuses %s', (_, damage, message) => {
    const bytes = makeElf(64, 2, SYMBOLS);
    damage(bytes);
    expect(() => decodeElf(bytes)).toThrow(message);
  });

  it('refuses a file that was cut anywhere, or reads less of it', () => {
    const bytes = makeElf(64, 2, SYMBOLS);
    const whole = shown(bytes).length;
    for (let length = 0; length < bytes.length; length += 7) {
      const read = decoded(bytes.subarray(0, length));
      expect(read?.length ?? 0).toBeLessThanOrEqual(whole);
    }
  });

  it('cuts endless names, and does not read them for ever', () => {
    const bytes = makeElf(64, 2, [
      { name: 'x'.repeat(600), value: TEXT_ADDRESS, info: FUNC, section: 1 },
    ]);
    expect(decodeElf(bytes).symbols[0]?.name).toBe(`${'x'.repeat(512)}...`);
    // 20,000 symbols of which each has the same long name.
    const many = new Uint8Array(0x10_0000 + 20_000 * 24);
    many.set(bytes);
    const data = new DataView(many.buffer);
    const entry = many.subarray(0x400 + 24, 0x400 + 48).slice();
    for (let at = 0x10_0000; at < many.length; at += 24) many.set(entry, at);
    const symtab = 0x1c00 + 5 * 64;
    data.setBigUint64(symtab + 24, 0x10_0000n, true);
    data.setBigUint64(symtab + 32, 20_000n * 24n, true);
    expect(() => decodeElf(many)).toThrow('longer names than it has bytes');
  });

  it('ends on every damaged file with a result or a TraceError', () => {
    const good = makeElf(64, 3, SYMBOLS);
    const narrow = makeElf(32, 3, SYMBOLS);
    const damage = fc.array(
      fc.record({
        // Headers, segments, section headers, symbols: not the padding.
        at: fc.oneof(fc.nat(127), fc.integer({ min: 0x1c00, max: 0x1e00 }), fc.nat(0x600)),
        value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0xff), fc.nat(255)),
      }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(damage, fc.boolean(), (changes, wide) => {
        const bytes = (wide ? good : narrow).slice();
        for (const { at, value } of changes) bytes[at] = value;
        for (const { name } of decoded(bytes) ?? []) expect(name.length).toBeLessThan(600);
      }),
      { numRuns: 3000 },
    );
  });

  const plugin = path.join(import.meta.dirname, '..', '..', 'plugin', 'build', 'loadstore.so');
  // Variables of threads are not at an address: what nm calls d and b is left out.
  it.skipIf(!existsSync(plugin))('says of a real library what nm says', () => {
    const said = execFileSync('nm', ['--defined-only', plugin], { encoding: 'latin1' });
    const expected = said
      .split('\n')
      .flatMap((line) => {
        const [, address = '', type = '', name = ''] = /^(\S+) ([TtRr]) (\S+)$/.exec(line) ?? [];
        return name === '' || name.startsWith('__') || name.startsWith('_')
          ? []
          : [[address, type, name]];
      })
      .map(([address = '', type = '', name = '']) => {
        const isCode = 'Tt'.includes(type);
        return `${name} ${Number.parseInt(address, 16).toString(16)} ${isCode}`;
      });
    const found = new Set(
      decodeElf(readFileSync(plugin)).symbols.map(
        ({ name, addressLo, isCode }) => `${name} ${addressLo.toString(16)} ${isCode}`,
      ),
    );
    expect(expected.length).toBeGreaterThan(100);
    expect(expected.filter((line) => !found.has(line))).toEqual([]);
  });
});

describe('decodeSymbolFile', () => {
  const kernelText = 'ffffffff81000000 T startup_64\nffffffff81000100 T start_kernel\n';
  const decode = (bytes: Uint8Array | string, placement?: SymbolPlacement): unknown =>
    decodeSymbolFile(
      typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes,
      'my-driver.ko',
      placement,
    );
  const base = { lo: 0xc000_1000, hi: 0xffff_ffff };

  it('tells a symbol list, a kernel, a program and a module apart', () => {
    expect(decode(kernelText)).toMatchObject({ kind: 'kernel', base: undefined });
    const kernel = { name: 'start_kernel', value: TEXT_ADDRESS, info: FUNC, section: 1 };
    expect(decode(makeElf(64, 2, [kernel]), { base })).toMatchObject({ kind: 'kernel', base });
    expect(decode(makeElf(64, 3, SYMBOLS))).toMatchObject({
      kind: 'program',
      name: 'my-driver.ko',
    });
    expect(decode(makeElf(64, 1, SYMBOLS), { base })).toMatchObject({ kind: 'module' });
  });

  it('lays out the code of a module as Linux does', () => {
    const inSections = [
      { name: 'first', value: 4n, info: FUNC, section: 1 },
      { name: 'gone_after_init', value: 0n, info: FUNC, section: 3 },
      { name: 'rare', value: 2n, info: FUNC, section: 4 },
      { name: 'variable', value: 1n, info: OBJECT, section: 2 },
    ];
    const places = (placement: SymbolPlacement): unknown => {
      const source = decode(makeElf(64, 1, inSections), placement);
      const { symbols } = source as {
        symbols: { name: string; addressLo: number; module: string }[];
      };
      return symbols.map(
        ({ name, addressLo, module }) => `${name} ${addressLo.toString(16)} ${module}`,
      );
    };
    // .text has 24 bytes, and .text.unlikely begins at the next multiple of 16.
    expect(places({ base })).toEqual(['first c0001004 my_driver', 'rare c0001022 my_driver']);
    const sections = new Map([['.data', { lo: 0xc000_8000, hi: 0xffff_ffff }]]);
    expect(places({ sections })).toEqual(['variable c0008001 my_driver']);
  });

  it.each([
    ['a compressed kernel', new Uint8Array([0x4d, 0x5a, 0, 0]), undefined, 'a kernel to boot'],
    ['a compressed module', new Uint8Array([0xfd, 0x37, 0x7a, 0x58]), undefined, 'compressed (xz)'],
    [
      'other bytes',
      new Uint8Array([1, 2, 0, 3]),
      undefined,
      'neither a symbol list nor an ELF file',
    ],
    ['other text', 'hello\n', undefined, 'line 1 is not a symbol'],
    [
      'a list of something else',
      'ffffffff81000000 T main\n',
      undefined,
      'no symbols of a Linux kernel',
    ],
    [
      'a module without its place',
      makeElf(64, 1, SYMBOLS),
      undefined,
      'where this kernel module was loaded',
    ],
    ['a module without symbols', makeElf(64, 1, []), { base }, 'it was stripped'],
    [
      'sections of a program',
      makeElf(64, 2, SYMBOLS),
      { sections: new Map([['.text', base]]) },
      'for kernel modules only',
    ],
    [
      'a section that is not there',
      makeElf(64, 1, SYMBOLS),
      { sections: new Map([['.bss', base]]) },
      'it has no section .bss',
    ],
  ])('refuses %s', (_, bytes, placement, message) => {
    expect(() => decode(bytes, placement)).toThrow(message);
  });
});

describe('parseSymbolArgument', () => {
  it('takes an address, addresses of sections, and file names with @', () => {
    const base = { lo: 0x5555_4000, hi: 0x5555 };
    expect(parseSymbolArgument('a/prog@0x555555554000')).toEqual({
      file: 'a/prog',
      placement: { base },
    });
    expect(parseSymbolArgument('prog@555555554000')).toEqual({ file: 'prog', placement: { base } });
    expect(parseSymbolArgument('me@home/prog')).toEqual({ file: 'me@home/prog', placement: {} });
    expect(parseSymbolArgument('prog@abc')).toEqual({ file: 'prog@abc', placement: {} });
    expect(parseSymbolArgument('x.ko@.text=0x1000,.data=0x2000').placement.sections).toEqual(
      new Map([
        ['.text', { lo: 0x1000, hi: 0 }],
        ['.data', { lo: 0x2000, hi: 0 }],
      ]),
    );
    expect(() => parseSymbolArgument('x.ko@.text')).toThrow('a section has no address');
  });
});
