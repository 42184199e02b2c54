// SPDX-License-Identifier: Apache-2.0
// Symbols put where a made-up guest had them: calls of its kernel vote for the place, code bytes tell programs.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bigintFromU64, prngFromSeed, u64FromBigint } from '../base/index.ts';
import type { CodeBlocks } from './code-blocks.ts';
import { nameCode } from './code-names.ts';
import type { ElfFile } from './elf.ts';
import { placeSymbols } from './guest-symbols.ts';
import { parseKallsyms } from './kallsyms.ts';
import { nameRegion } from './linux-regions.ts';
import { byteUses } from './module-code.ts';
import type { SymbolSource } from './symbol-file.ts';
import { formatSymbolPlace, type RawSymbol, slideSymbols } from './symbol-table.ts';

const LONG_KERNEL = (1 << 15) | (1 << 14);
const LONG_USER = LONG_KERNEL | 3;
const LEGACY_KERNEL = 1 << 4;
const TEXT_64 = 0xffff_ffff_8100_0000n;

interface Block {
  readonly vaddr: bigint;
  readonly mode: number | undefined;
  readonly bytes: Uint8Array;
}

/** A block's only instruction is its whole. */
function codeOf(blocks: readonly Block[]): CodeBlocks {
  const at = (id: number): Block =>
    blocks[id] ?? { vaddr: 0n, mode: undefined, bytes: new Uint8Array() };
  return {
    blockCount: blocks.length,
    vaddr: (id) => at(id).vaddr,
    mode: (id) => at(id).mode,
    bytes: (id) => at(id).bytes,
    insnOffsets: (id) => new Uint16Array(at(id).bytes.length === 0 ? 0 : 1),
  };
}

function call(vaddr: bigint, target: bigint, mode: number = LONG_KERNEL): Block {
  const bytes = new Uint8Array(5);
  bytes[0] = 0xe8;
  new DataView(bytes.buffer).setInt32(1, Number(BigInt.asIntN(32, target - vaddr - 5n)), true);
  return { vaddr, mode, bytes };
}

/** So many functions of 16 to 400 bytes; the same seed gives the same ones. */
function makeFunctions(seed: number, count: number, text: bigint = TEXT_64): RawSymbol[] {
  const random = prngFromSeed(seed);
  let address = text;
  return Array.from({ length: count }, (_, index) => {
    const { lo, hi } = u64FromBigint(address);
    address += BigInt(16 * random.nextInRange(1, 26));
    const name = `f${index}`;
    return { addressLo: lo, addressHi: hi, sizeBytes: 0, name, module: '', isCode: true, rank: 0 };
  });
}

const FUNCTIONS = makeFunctions(1, 4000);
const addressOf = ({ addressLo, addressHi }: RawSymbol): bigint =>
  bigintFromU64(addressLo, addressHi);

/** Calls of every third function, from a kernel that is so much higher. */
function kernelAt(slide: bigint, functions: readonly RawSymbol[] = FUNCTIONS): Block[] {
  return functions
    .filter((_, index) => index % 3 === 0)
    .map((one, index) => call(TEXT_64 + slide + BigInt(index * 64), addressOf(one) + slide));
}

const kernel = (symbols: readonly RawSymbol[] = FUNCTIONS, base?: bigint): SymbolSource => ({
  ...{ kind: 'kernel', symbols },
  base: base === undefined ? undefined : u64FromBigint(base),
});
const place = (
  blocks: readonly Block[],
  ...sources: SymbolSource[]
): ReturnType<typeof placeSymbols> =>
  placeSymbols(
    codeOf(blocks),
    sources.map((source, index) => ({ file: `file${index}`, source })),
  );
const nameAt = (symbols: ReturnType<typeof placeSymbols>, address: bigint): string | undefined => {
  const { lo, hi } = u64FromBigint(address);
  const found = symbols.findKernel(lo, hi, 'code');
  return found === undefined ? undefined : formatSymbolPlace(found);
};

describe('the place of a kernel', () => {
  it('is found wherever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: -7, max: 503 }), (step) => {
        const slide = BigInt(step) * 0x20_0000n;
        const symbols = place(kernelAt(slide), kernel());
        expect(symbols.findings).toEqual([
          {
            ...{ kind: 'kernel', slideBytes: Number(slide), symbols: 4000 },
            ...{ vote: { matched: 1334, total: 1334 }, droppedModuleSymbols: 0 },
          },
        ]);
        expect(symbols.addressMap).toBe(slide === 0n ? 'linux' : 'linux-moved');
        expect(nameAt(symbols, TEXT_64 + slide + 1n)).toBe('f0+0x1');
      }),
      { numRuns: 20 },
    );
  });

  it('is the usual one only where code of the kernel shows it', () => {
    const [usual, moved] = [kernelAt(0n), kernelAt(0x20_0000n)];
    expect(place(usual).addressMap).toBe('linux');
    // Symbols of the very boot need no slide.
    const ofThisBoot = kernel(slideSymbols(FUNCTIONS, 0x20_0000));
    expect(place(moved, ofThisBoot).findings).toMatchObject([{ slideBytes: 0 }]);
    expect(place(moved, ofThisBoot).addressMap).toBe('linux-moved');
    expect(place([]).addressMap).toBe('unknown');
    const [one] = usual;
    if (one === undefined) throw new Error('no code');
    expect(place([{ ...one, mode: LONG_USER }]).addressMap).toBe('unknown');
    expect(place([{ ...one, mode: undefined }]).addressMap).toBe('linux-moved');
  });

  it('is not known where code of the kernel is below where one begins by default', () => {
    // Linked at 2 MiB and moved by 12: it has code from 16 MiB on, as one that was not moved has.
    const usual = kernelAt(0n);
    const below = call(TEXT_64 - 0x20_0000n, TEXT_64 - 0x10_0000n);
    expect(place([...usual, below]).addressMap).toBe('linux-moved');
    expect(place([below, ...usual]).addressMap).toBe('linux-moved');
    // Modules and user code are no code of the image.
    const module = call(0xffff_ffff_c000_0000n, 0xffff_ffff_c000_1000n);
    const program = { ...call(0x40_0000n, 0x40_1000n), mode: LONG_USER };
    expect(place([program, ...usual, module]).addressMap).toBe('linux');
  });

  it('is found for a kernel of 32 bits', () => {
    const functions = makeFunctions(3, 200, 0xc100_0000n);
    const slide = 0x60_0000n;
    const blocks = functions.map((one, index) =>
      call(0xc160_0000n + BigInt(index), addressOf(one) + slide, LEGACY_KERNEL),
    );
    const symbols = place(blocks, kernel(functions));
    expect(symbols.findings).toMatchObject([{ slideBytes: 0x60_0000, vote: { matched: 200 } }]);
    expect(nameAt(symbols, 0xc160_0000n)).toBe('f0+0x0');
  });

  it('is not changed by a few calls of labels without a symbol', () => {
    const odd = Array.from({ length: 100 }, (_, i) =>
      call(TEXT_64, TEXT_64 + 0x20_0000n + BigInt(i * 8 + 3)),
    );
    const symbols = place([...kernelAt(0x20_0000n), ...odd], kernel());
    expect(symbols.findings).toMatchObject([
      { slideBytes: 0x20_0000, vote: { matched: 1334, total: 1434 } },
    ]);
  });

  it('is refused when the symbols are those of another kernel, which the error names with its file', () => {
    const other = makeFunctions(2, 4000);
    let error: unknown;
    try {
      place(kernelAt(0x20_0000n), kernel(other));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      kind: 'bad-argument',
      message: 'symbols do not match the kernel in the trace',
      facts: { file: 'file0', expected: 'functions at nearly all 1,334 call targets' },
    });
  });

  it('may be given, and is checked then too', () => {
    const base = TEXT_64 + 0x60_0000n;
    expect(place(kernelAt(0x60_0000n), kernel(FUNCTIONS, base)).findings).toMatchObject([
      { slideBytes: 0x60_0000 },
    ]);
    expect(() => place(kernelAt(0x40_0000n), kernel(FUNCTIONS, base))).toThrow('do not match');
  });

  it('is not worked out from next to nothing, and then said to be unchecked', () => {
    const few = kernelAt(0n).slice(0, 15);
    expect(place(few, kernel()).findings).toMatchObject([{ slideBytes: 0, vote: null }]);
    expect(place([], kernel()).findings).toMatchObject([{ slideBytes: 0, vote: null }]);
  });

  it('leaves out kernel modules of another boot', () => {
    const [driver] = parseKallsyms('ffffffffc0001000 t hook\t[driver]\n');
    const symbols = driver === undefined ? [] : [...FUNCTIONS, driver];
    const same = place(kernelAt(0n), kernel(symbols));
    expect(nameAt(same, 0xffff_ffff_c000_1004n)).toBe('hook+0x4 [driver]');
    const moved = place(kernelAt(0x20_0000n), kernel(symbols));
    expect(nameAt(moved, 0xffff_ffff_c000_1004n)).toBeUndefined();
    expect(moved.findings).toMatchObject([{ droppedModuleSymbols: 1, symbols: 4000 }]);
  });
});

describe('kernel modules in a symbol list', () => {
  const drivers = makeFunctions(6, 40, 0xffff_ffff_c000_1000n).map((one) => ({
    ...one,
    module: 'driver',
  }));
  const calls = (offset: bigint, count = 40): Block[] =>
    drivers.slice(0, count).map((one) => call(TEXT_64, addressOf(one) + offset));
  const dropped = (blocks: readonly Block[]): unknown =>
    place([...kernelAt(0n), ...blocks], kernel([...FUNCTIONS, ...drivers])).findings;

  it('are left out when calls into them lead elsewhere, though the kernel is where it was', () => {
    expect(dropped(calls(0n))).toMatchObject([{ droppedModuleSymbols: 0, symbols: 4040 }]);
    expect(dropped(calls(8n))).toMatchObject([{ droppedModuleSymbols: 40, symbols: 4000 }]);
    // Too few to tell; some of init code that was there before.
    expect(dropped(calls(8n, 15))).toMatchObject([{ droppedModuleSymbols: 0 }]);
    const mixed = [...calls(0n), ...calls(8n, 20)];
    expect(dropped(mixed)).toMatchObject([{ droppedModuleSymbols: 0 }]);
  });
});

describe('kernel modules', () => {
  const text = 0xffff_ffff_c000_1000n;
  const begin = { lo: 0xc000_1000, hi: 0xffff_ffff };
  const functions = makeFunctions(5, 40, text).map((one) => ({ ...one, module: 'driver' }));
  const content = Uint8Array.from({ length: 0x2000 }, (_, at) => (at * 7 + (at >> 5) * 13) & 255);
  // A call of a tracer, which becomes a nop; the address of a variable.
  content.set([0xe8, 0, 0, 0, 0, 0x48, 0x8b, 5, 0, 0, 0, 0], 0x40);
  // A call of a thunk with a prefix, a paravirtual call.
  content.set([0x2e, 0xe8, 0, 0, 0, 0, 0xff, 0x15, 0, 0, 0, 0], 0xc0);
  const section = { name: '.text', address: begin, sizeBytes: 0x2000, alignBytes: 16 };
  const elf: ElfFile = {
    ...{ bits: 64, type: 'relocatable', entry: { lo: 0, hi: 0 }, segments: [], symbols: [] },
    sections: [
      { ...section, isAllocated: true, isExecutable: true, content },
      { ...section, name: '__jump_table', isAllocated: true, isExecutable: false, content },
    ],
    relocations: [
      { section: 0, offset: 0x41, target: undefined },
      { section: 0, offset: 0x48, target: undefined },
      { section: 0, offset: 0xc2, target: undefined },
      { section: 0, offset: 0xc8, target: undefined },
      { section: 1, offset: 0, target: { section: 0, offset: 0x80 } },
    ],
  };
  const driver: SymbolSource = {
    ...{ kind: 'module', name: 'driver', symbols: functions },
    text: [...byteUses(elf).values()].map((uses) => ({ begin, content, uses })),
  };
  const block = (at: number, length: number, patch: readonly number[] = []): Block => {
    const bytes = content.slice(at, at + length);
    bytes.set(patch);
    return { vaddr: text + BigInt(at), mode: LONG_KERNEL, bytes };
  };
  const patched = block(0x40, 20, [0x0f, 0x1f, 0x44, 0, 0, 0x48, 0x8b, 5, 1, 2, 3, 4]);

  it('name their code, which is told by its bytes but for those that loading changes', () => {
    const jump = block(0x7a, 30, [...content.subarray(0x7a, 0x80), 0xe9, 1, 2, 3, 4]);
    const calls = block(0xc0, 30, [0x41, 0xff, 0xd0, 0x66, 0x90, 0x90, 0xfa, 0x90, 0x90, 0x90]);
    const symbols = place([patched, block(0, 16), jump, calls], kernel(), driver);
    const blocks = { blocks: 4, otherBlocks: 0 };
    expect(symbols.findings[1]).toEqual({ kind: 'module', name: 'driver', symbols: 40, ...blocks });
    expect(nameAt(symbols, text + 1n)).toBe('f0+0x1 [driver]');
  });

  it('do not name other code that ran at their addresses', () => {
    const blocks = [
      patched,
      block(0x40, 20, [0x89, 0xd8]),
      block(0x40, 20, [0x0f, 0x1f, 0x44, 0, 0, 0x48, 0x8b, 0x0d]),
      block(0x1ff8, 8),
      { ...block(0x1ff8, 8), bytes: Uint8Array.of(...content.subarray(0x1ff8), 0x90) },
      { ...block(0, 16), mode: LONG_USER },
    ];
    const symbols = place(blocks, driver);
    const isNamed = blocks.map(({ vaddr }, id) => {
      const { lo, hi } = u64FromBigint(vaddr);
      return symbols.findCode(id, lo, hi) !== undefined;
    });
    expect(isNamed).toEqual([true, false, false, true, false, false]);
    expect(symbols.findings).toMatchObject([{ blocks: 2, otherBlocks: 3 }]);
  });

  it('are refused where other code ran, and said to be unchecked where none did', () => {
    const other = { ...block(0x40, 20), vaddr: text };
    expect(() => place([other], driver)).toThrow('it does not match the kernel module driver');
    expect(place([], driver).findings).toMatchObject([{ blocks: 0, otherBlocks: 0 }]);
  });
});

describe('symbols by name', () => {
  it('are where the guest had them, the exact name before those that begin so', () => {
    const slide = 0x1200_0000n;
    const symbols = place(kernelAt(slide), kernel());
    const named = (name: string): [string, bigint, number][] =>
      symbols
        .findNamed(name, 5)
        .map((one) => [one.name, bigintFromU64(one.address.lo, one.address.hi), one.sizeBytes]);
    const [f7, f8] = [FUNCTIONS[7], FUNCTIONS[8]].map((one) =>
      one === undefined ? 0n : addressOf(one),
    );
    expect(named('f7')).toEqual([['f7', (f7 ?? 0n) + slide, Number((f8 ?? 0n) - (f7 ?? 0n))]]);
    expect(named('f399').map(([name]) => name)).toEqual(['f399']);
    expect(named('f39x')).toEqual([]);
    expect(named('f').map(([name]) => name)).toEqual(['f0', 'f1', 'f2', 'f3', 'f4']);
    expect(named('')).toEqual([]);
  });
});

describe('programs', () => {
  const content = Uint8Array.from({ length: 0x3000 }, (_, at) => (at * 7 + (at >> 5) * 13) & 255);
  const makeProgram = (type: ElfFile['type'], vaddr: bigint): ElfFile => ({
    ...{ bits: 64, type, entry: u64FromBigint(vaddr), sections: [], relocations: [] },
    segments: [{ vaddr: u64FromBigint(vaddr), memoryBytes: 0x3000, isExecutable: true, content }],
    symbols: [
      {
        ...{ addressLo: Number(vaddr) + 0x100, addressHi: 0, sizeBytes: 0x80, name: 'main' },
        ...{ module: '', isCode: true, rank: 0, section: 1 },
      },
    ],
  });
  const ran = (base: bigint, at: number, length = 16): Block => ({
    ...{ vaddr: base + BigInt(at), mode: LONG_USER },
    bytes: content.slice(at, at + length),
  });
  const program = (elf: ElfFile, base?: bigint): SymbolSource => ({
    ...{ kind: 'program', name: 'prog', elf },
    base: base === undefined ? undefined : u64FromBigint(base),
  });
  const offsets = [0x100, 0x140, 0x310, 0x555, 0x1001, 0x1234, 0x1ff0, 0x2002, 0x2f00];

  it('are found where they were loaded, at each place', () => {
    const bases = [0x5555_5555_4000n, 0x7f00_1234_5000n];
    const blocks = bases.flatMap((base) => offsets.map((at) => ran(base, at)));
    const symbols = place(blocks, program(makeProgram('shared', 0n)));
    expect(symbols.findings).toEqual([
      {
        ...{ kind: 'program', name: 'prog', symbols: 1, blocks: 18 },
        bases: ['0x555555554000', '0x7f0012345000'],
      },
    ]);
    const code = codeOf(blocks);
    expect(nameCode(code, symbols, 0)).toBe('main [prog]');
    expect(nameCode(code, symbols, 9)).toBe('main [prog]');
    expect(nameCode(code, symbols, 3)).toBe('[prog]');
    expect(symbols.findProgram(3)).toBe('prog');
    const mains = symbols.findNamed('main [prog]', 9);
    expect(mains.map(({ name, module, what }) => [name, module, what])).toEqual([
      ['main', 'prog', 'code'],
      ['main', 'prog', 'code'],
    ]);
    for (const [at, { address }] of mains.entries()) {
      const found = symbols.findCode(9 * at, address.lo, address.hi);
      expect(found).toMatchObject({ name: 'main', offset: 0 });
    }
    expect(symbols.findNamed('main', 1)).toHaveLength(1);
    expect(symbols.findNamed('main [other]', 9)).toEqual([]);
  });

  it('name nothing where other code ran at the same address', () => {
    const base = 0x40_0000n;
    const other: Block = { ...ran(base, 0x110), bytes: new Uint8Array(16).fill(0xcc) };
    const blocks = [...offsets.map((at) => ran(base, at)), other];
    const symbols = place(blocks, program(makeProgram('executable', base)));
    const { lo, hi } = u64FromBigint(other.vaddr);
    expect(symbols.findCode(9, lo, hi)).toBeUndefined();
    expect(nameCode(codeOf(blocks), symbols, 9)).toBe('(user programs)');
    expect(symbols.findCode(0, lo, hi)).toMatchObject({ name: 'main', offset: 0x10 });
  });

  it('are refused when none of their code ran', () => {
    const blocks = offsets.map((at) => ({ ...ran(0x40_0000n, at), bytes: new Uint8Array(16) }));
    const message = 'its code did not run';
    expect(() => place(blocks, program(makeProgram('executable', 0x40_0000n)))).toThrow(message);
    expect(() => place(blocks, program(makeProgram('shared', 0n)))).toThrow(message);
    expect(() => place(blocks, program(makeProgram('shared', 0n), 0x40_0000n))).toThrow(message);
  });

  it('that nobody named are left out when none of their code ran', () => {
    const blocks = offsets.map((at) => ran(0x40_0000n, at));
    const sources = [0x40_0000n, 0x50_0000n].map((vaddr, index) => ({
      file: `file${index}`,
      source: program(makeProgram('executable', vaddr)),
    }));
    const symbols = placeSymbols(codeOf(blocks), [], sources);
    expect(symbols.findings).toMatchObject([{ kind: 'program', bases: ['0x400000'] }]);
    expect(() => placeSymbols(codeOf(blocks), sources.slice(1), sources.slice(0, 1))).toThrow(
      'its code did not run',
    );
  });

  it('are put where it was said', () => {
    const blocks = [ran(0x7000_0000n, 0x120)];
    const symbols = place(blocks, program(makeProgram('shared', 0n), 0x7000_0000n));
    expect(nameCode(codeOf(blocks), symbols, 0)).toBe('main [prog]');
  });

  it('are not put where a few of their bytes are by chance', () => {
    const base = 0x7000_0000n;
    // One long block and many of a byte are alike, the others are not.
    const alike = [ran(base, 0x120), ...offsets.map((at) => ran(base, at + 3, 1))];
    const others = offsets.map((at) => ({
      ...ran(base, at),
      bytes: new Uint8Array(16).fill(0xcc),
    }));
    expect(() => place([...alike, ...others], program(makeProgram('shared', 0n), base))).toThrow(
      'its code did not run',
    );
  });
});

describe('nameCode', () => {
  const bytes = Uint8Array.of(0x90);
  it.each([
    [{ vaddr: 0n, mode: 0, bytes: new Uint8Array() }, '(event delivery)'],
    [{ vaddr: 0xf_e05bn, mode: 0, bytes }, '(firmware and boot loader)'],
    [{ vaddr: 0x100_0000n, mode: LONG_KERNEL, bytes }, '(kernel)'],
    [{ vaddr: TEXT_64, mode: LONG_KERNEL, bytes }, '(kernel)'],
    [{ vaddr: 0x40_1000n, mode: LONG_USER, bytes }, '(user programs)'],
    [{ vaddr: TEXT_64, mode: undefined, bytes }, 'kernel image'],
  ])('%o without symbols: %s', (block, name) => {
    expect(nameCode(codeOf([block]), place([block]), 0)).toBe(name);
  });

  it('has names of Linux only where code ran that can be its', () => {
    const early = { vaddr: 0x100_0000n, mode: LONG_KERNEL, bytes };
    const late = { vaddr: TEXT_64, mode: LONG_KERNEL, bytes };
    const symbols = place([early, late]);
    expect(nameCode(codeOf([early]), symbols, 0)).toBe('(kernel before its final address)');
    const map = place([early]).addressMap;
    const names = [0n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_7fffn, 0xffff_8000n, 0xffff_ffffn];
    expect(names.map((hi) => nameRegion(0xff00_0000, Number(hi), map))).toEqual([
      ...['lower half', 'beyond four-level paging', 'beyond four-level paging'],
      ...['beyond four-level paging', 'upper half', 'upper half'],
    ]);
    expect(nameRegion(0xff00_0000, 0xffff_ffff, symbols.addressMap)).toBe('fixmap');
  });
});
