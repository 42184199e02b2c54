// SPDX-License-Identifier: Apache-2.0
// TLBs against their slow twin on random programs; by hand; and cut and in shards, the same answer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessFlag, MappingKind } from '../../format/index.ts';
import type { AccessColumns, PlacedNote } from '../access-columns.ts';
import type { TraceShape } from '../analysis.ts';
import { shapeOf } from '../cache/cache-program.oracle.ts';
import { cutAt, cuts } from '../columns.oracle.ts';
import { createGatherer } from '../gather.ts';
import { type PageFact, simulateTlbSlowly, type TlbEvent } from './tlb.oracle.ts';
import { chooseTlbAnalysis, type TlbResult } from './tlb-analysis.ts';
import type { TlbParameters } from './tlb-parameters.ts';

/** CPU modes, docs/format.md 2. */
const REAL = 0;
const PROTECTED = 0xb0;
const LONG = 0xc0b0;
const SMM = 1 << 19;

const BLOCKS = [
  { vaddr: 0x20_0ff8n, insnBytes: [4, 3, 4, 2], mode: LONG },
  { vaddr: 0xffff_8000_0040_0000n, insnBytes: [3, 3], mode: undefined },
  { vaddr: 0x7fff_fffcn, insnBytes: [8, 1], mode: PROTECTED },
  { vaddr: 0x20_0ff8n, insnBytes: [4, 4, 4, 2], mode: REAL },
  { vaddr: 0x20_0ff8n, insnBytes: [4, 4, 4, 2], mode: PROTECTED },
  { vaddr: 0x7fff_fffcn, insnBytes: [8, 1], mode: SMM | REAL },
  { vaddr: 0x7fff_fffcn, insnBytes: [8, 1], mode: SMM | PROTECTED },
  { vaddr: 0x20_0ff8n, insnBytes: [4, 4, 4, 2], mode: SMM | LONG },
  { vaddr: 0x40_1000n, insnBytes: [5], mode: LONG },
  { vaddr: 0x40_2000n, insnBytes: [5, 2], mode: LONG },
  { vaddr: 0x40_2fffn, insnBytes: [3, 2], mode: LONG },
];
const [LONG_BLOCK, PROTECTED_BLOCK, REAL_BLOCK, SMM_REAL_BLOCK, SMM_PROTECTED_BLOCK] = [
  0, 2, 3, 5, 6,
];
const NO_BLOCK = { vaddr: 0n, insnBytes: [], mode: undefined };
const shape = shapeOf(BLOCKS, 2);

/** Kinds that the pages of 2 MiB can have; undefined: the trace does not know. */
const KINDS = [
  { pageBytes: 2 ** 12, global: false },
  { pageBytes: 2 ** 21, global: true },
  { pageBytes: 2 ** 21, global: false },
  { pageBytes: 2 ** 22, global: false },
  { pageBytes: 2 ** 30, global: false },
  { pageBytes: 2 ** 12, global: true },
  { pageBytes: 0, global: false },
  undefined,
] as const;

type Step =
  | {
      readonly what: 'data';
      readonly vcpu: number;
      readonly address: bigint;
      readonly block: number;
      /** Nothing is told of a device's page: it has no kind. */
      readonly kind: number | 'device';
      readonly unmap: boolean;
    }
  | {
      readonly what: 'run';
      readonly vcpu: number;
      readonly block: number;
      readonly executed: number;
      /** Its first instruction goes on from the execution before. */
      readonly again: boolean;
    }
  | { readonly what: 'cr3'; readonly vcpu: number; readonly cr3: bigint };

const anyAddress = fc
  .tuple(
    fc.constantFrom(
      0x20_0000n,
      0x40_0000n,
      0x4000_0000n,
      0x7fff_f000n,
      0xffff_8000_0040_0000n,
      0xff00_0000_0000_0000n,
    ),
    fc.nat(5),
    fc.constantFrom(0n, 0x800n, 0xff8n, 0xff9n, 0xffcn),
  )
  .map(([base, page, inPage]) => base + BigInt(page) * 4096n + inPage);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    what: fc.constant('data' as const),
    vcpu: fc.nat(1),
    address: anyAddress,
    block: fc.nat(BLOCKS.length - 1),
    kind: fc.oneof(
      { weight: 5, arbitrary: fc.nat(KINDS.length - 1) },
      { weight: 1, arbitrary: fc.constant('device' as const) },
    ),
    unmap: fc.boolean(),
  }),
  fc.record({
    what: fc.constant('run' as const),
    vcpu: fc.nat(1),
    block: fc.nat(BLOCKS.length - 1),
    executed: fc.nat(4),
    again: fc.boolean(),
  }),
  fc.record({
    what: fc.constant('cr3' as const),
    vcpu: fc.nat(1),
    cr3: fc.integer({ min: 1, max: 3 }).map((space) => BigInt(space) << 13n),
  }),
);
const anyParameters: fc.Arbitrary<TlbParameters> = fc.record({
  l1i: fc.constantFrom({ entries: 2, ways: 2 }, { entries: 4, ways: 2 }),
  l1d: fc.constantFrom({ entries: 4, ways: 4 }, { entries: 4, ways: 1 }),
  l2: fc.constantFrom(undefined, { entries: 8, ways: 2 }),
  walkCache: fc.constantFrom(
    { pml4e: 1, pdpte: 2, pde: 2 },
    { pml4e: 0, pdpte: 0, pde: 0 },
    { pml4e: 2, pdpte: 0, pde: 1 },
  ),
  spaces: fc.constantFrom('flush', 'tagged'),
  pageBytes: fc.constantFrom(undefined, undefined, 2 ** 12, 2 ** 21),
  fetches: fc.boolean(),
});

interface Program {
  readonly columns: AccessColumns;
  readonly events: readonly TlbEvent[];
}

/** docs/format.md 3.5: writable pages. */
function attributesOf(kind: (typeof KINDS)[number]): number {
  if (kind === undefined) return 0;
  const shift = kind.pageBytes === 0 ? 1 : Math.log2(kind.pageBytes);
  return 1 | (kind.global ? 8 : 0) | (shift << 4);
}

function factFrom(kind: (typeof KINDS)[number]): PageFact['own'] {
  return kind && { pageBytes: kind.pageBytes, isGlobal: kind.global };
}

/** A page is told of right before it is accessed. */
function programOf(steps: readonly Step[], fetches: boolean): Program {
  const accesses: { vcpu: number; address: bigint; block: number; isDevice: boolean }[] = [];
  interface Run {
    readonly vcpu: number;
    readonly block: number;
    readonly executed: number;
    readonly continues: number;
    readonly firstAccess: number;
  }
  const runs: Run[] = [];
  const notes: PlacedNote[] = [];
  const mappings: {
    readonly kind: number;
    readonly index: number;
    readonly runIndex: number;
    readonly vpage: bigint;
    readonly attributes: number;
  }[] = [];
  const told = new Map<bigint, (typeof KINDS)[number]>();
  const slots = new Map<bigint, bigint>();
  const around = new Map<bigint, (typeof KINDS)[number]>();
  const events: TlbEvent[] = [];
  const factOf = (address: bigint): PageFact => {
    const page = address >> 12n;
    const own = slots.get(page % 4096n) === page ? told.get(page) : undefined;
    const near = around.get(page >> 9n);
    return { own: factFrom(own), near: factFrom(near) };
  };
  for (const step of steps) {
    if (step.what === 'cr3') {
      const place = { stream: 0, chunkIndex: 0, ordinal: 0, block: 0 };
      const at = { index: accesses.length, runIndex: runs.length };
      notes.push({ ...place, ...at, vcpu: step.vcpu, kind: 'cr3', cr3: step.cr3 });
      events.push({ kind: 'cr3', vcpu: step.vcpu, cr3: step.cr3 });
    } else if (step.what === 'run') {
      const { insnBytes, vaddr, mode } = BLOCKS[step.block] ?? NO_BLOCK;
      const executed = Math.min(step.executed, insnBytes.length);
      const isAgain = step.again && executed > 0;
      runs.push({ ...step, executed, continues: Number(isAgain), firstAccess: accesses.length });
      let at = vaddr;
      for (const [insn, bytes] of insnBytes.slice(0, executed).entries()) {
        const last = at + BigInt(bytes) - 1n;
        const pages = at >> 12n === last >> 12n ? [at] : [at, last];
        for (const address of fetches && !(isAgain && insn === 0) ? pages : []) {
          const page = factOf(address);
          events.push({ kind: 'fetch', vcpu: step.vcpu, address, begin: at, mode, page });
        }
        at += BigInt(bytes);
      }
    } else {
      const parts = [step.address, step.address + 7n];
      const touched = (parts[0] ?? 0n) >> 12n === (parts[1] ?? 0n) >> 12n ? [step.address] : parts;
      const { mode } = BLOCKS[step.block] ?? NO_BLOCK;
      const isDevice = step.kind === 'device';
      // Of a page without a physical one nothing more is told.
      const kind = step.kind === 'device' || step.unmap ? undefined : KINDS[step.kind];
      const place = { index: accesses.length, runIndex: runs.length };
      if (step.unmap) {
        // Sizes stand: a page is told anew before it is accessed.
        const vpage = 2n ** 64n - 1n;
        mappings.push({ ...place, kind: MappingKind.unmap, vpage, attributes: 0 });
      }
      for (const address of isDevice ? [] : touched) {
        const vpage = address >> 12n;
        const row = step.unmap ? MappingKind.unknown : MappingKind.map;
        mappings.push({ ...place, kind: row, vpage, attributes: attributesOf(kind) });
        slots.set(vpage % 4096n, vpage);
        told.set(vpage, kind);
        if (kind !== undefined) around.set(vpage >> 9n, kind);
      }
      for (const address of touched) {
        events.push({
          kind: 'data',
          vcpu: step.vcpu,
          address,
          begin: step.address,
          mode,
          isDevice,
          page: factOf(address),
        });
      }
      accesses.push({ ...step, isDevice });
    }
  }
  const columns: AccessColumns = {
    length: accesses.length,
    chunkIndex: 0,
    vaddr: BigUint64Array.from(accesses, ({ address }) => address),
    size: new Uint8Array(accesses.length).fill(8),
    flags: Uint8Array.from(accesses, ({ isDevice }) => (isDevice ? AccessFlag.device : 0)),
    vcpu: Uint16Array.from(accesses, ({ vcpu }) => vcpu),
    block: Uint32Array.from(accesses, ({ block }) => block),
    notes,
    mappings: {
      length: mappings.length,
      kind: Uint8Array.from(mappings, ({ kind }) => kind),
      index: Uint32Array.from(mappings, ({ index }) => index),
      runIndex: Uint32Array.from(mappings, ({ runIndex }) => runIndex),
      vpage: BigUint64Array.from(mappings, ({ vpage }) => vpage),
      ppage: new BigUint64Array(mappings.length),
      attributes: Uint16Array.from(mappings, ({ attributes }) => attributes),
    },
    runs: {
      length: runs.length,
      firstBlock: 0,
      shape: new Uint32Array(runs.length),
      block: Uint32Array.from(runs, ({ block }) => block),
      executed: Uint16Array.from(runs, ({ executed }) => executed),
      vcpu: Uint16Array.from(runs, ({ vcpu }) => vcpu),
      icount: new BigUint64Array(runs.length),
      firstAccess: Uint32Array.from(runs, ({ firstAccess }) => firstAccess),
      continues: Uint8Array.from(runs, ({ continues }) => continues),
    },
  };
  return { columns, events };
}

function simulate(parameters: TlbParameters, columns: AccessColumns, shards = 1): TlbResult {
  return simulateStretches(parameters, [columns], shards);
}

function simulateStretches(
  parameters: TlbParameters,
  stretches: readonly AccessColumns[],
  shards: number,
): TlbResult {
  const analysis = chooseTlbAnalysis(parameters);
  const states = Array.from({ length: shards }, (_, index) => {
    const state = analysis.init(parameters, shape, { index, count: shards });
    for (const columns of stretches) {
      const masks = new Uint8Array(columns.length).fill(1);
      if (shards > 1) analysis.shardMasks(parameters, columns, shards, masks);
      const rows = [...masks.keys()].filter((i) => (((masks[i] ?? 0) >> index) & 1) === 1);
      const part = createGatherer().gather(columns, Uint32Array.from(rows), columns.runs);
      analysis.consume(state, { ...part, chunkIndex: 0 });
    }
    return structuredClone(state);
  });
  return analysis.finish(
    states.reduce((a, b) => analysis.merge(a, b)),
    shape,
  );
}

function inTheWordsOfTheTwin(result: TlbResult): object {
  const level = (name: string) => result.levels.find((one) => one.name === name);
  return {
    fetches: level('L1I TLB')?.accesses ?? 0,
    fetchMisses: level('L1I TLB')?.misses ?? 0,
    data: level('L1D TLB')?.accesses,
    dataMisses: level('L1D TLB')?.misses,
    second: level('L2 TLB')?.accesses ?? 0,
    secondMisses: level('L2 TLB')?.misses ?? 0,
    walks: result.walks,
    reads: [result.reads.pml4, result.reads.pdpt, result.reads.directory, result.reads.table],
    shortWalks: result.shortWalks,
    flushes: result.flushes,
    untranslated: result.untranslated,
    assumedSizes: result.assumedSizes,
    unknownSizes: result.unknownSizes,
  };
}

describe('TLBs', () => {
  it('do what their slow twin does', () => {
    fc.assert(
      fc.property(
        anyParameters,
        fc.array(anyStep, { maxLength: 150, size: 'max' }),
        (parameters, steps) => {
          const { columns, events } = programOf(steps, parameters.fetches);
          const found = simulate(parameters, columns);
          expect(inTheWordsOfTheTwin(found)).toEqual(simulateTlbSlowly(parameters, events));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('are the same however the stretches are cut, in shards too', () => {
    fc.assert(
      fc.property(
        anyParameters,
        fc.array(anyStep, { maxLength: 150, size: 'max' }),
        cuts,
        fc.constantFrom(1, 2),
        (parameters, steps, parts, shards) => {
          const columnsOf = (some: readonly Step[]): AccessColumns =>
            programOf(some, parameters.fetches).columns;
          const stretches = cutAt(steps, parts).map(columnsOf);
          expect(simulateStretches(parameters, stretches, shards)).toEqual(
            simulate(parameters, columnsOf(steps)),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('are the same in shards', () => {
    fc.assert(
      fc.property(
        anyParameters,
        fc.array(anyStep, { maxLength: 100, size: 'max' }),
        (parameters, steps) => {
          const { columns } = programOf(steps, parameters.fetches);
          expect(chooseTlbAnalysis(parameters).shardLimit(parameters, shape, 8)).toBe(2);
          expect(simulate(parameters, columns, 2)).toEqual(simulate(parameters, columns, 1));
        },
      ),
    );
  });

  const parameters: TlbParameters = {
    l1i: { entries: 2, ways: 2 },
    l1d: { entries: 2, ways: 2 },
    l2: undefined,
    walkCache: { pml4e: 1, pdpte: 1, pde: 1 },
    spaces: 'flush',
    pageBytes: undefined,
    fetches: false,
  };
  const data = (address: bigint, kind: number | 'device', block = LONG_BLOCK): Step => ({
    ...{ what: 'data', vcpu: 0, block, address, kind, unmap: false },
  });

  it('walk four, three and two levels, and less with page-walk caches', () => {
    const steps = [
      data(0x20_0000n, 0), // 4 KiB: all four levels
      data(0x20_1000n, 0), // same directory entry: the table only
      data(0x40_0000n, 2), // 2 MiB, same pointer: the directory only
      data(0x4000_0000n, 4), // 1 GiB, same PML4 entry: the pointers only
      data(0x20_0000n, 0), // gone from two entries; the directory entry is still known
    ];
    const { walks, reads, shortWalks, levels } = simulate(
      parameters,
      programOf(steps, false).columns,
    );
    expect({ walks, reads, shortWalks }).toEqual({
      walks: 5,
      reads: { pml4: 1, pdpt: 2, directory: 2, table: 3 },
      shortWalks: 4,
    });
    expect(levels.map(({ accesses, misses }) => [accesses, misses])).toEqual([[5, 5]]);
    // Code that does not run in long mode: the tables begin at the directory.
    const legacy = [data(0x20_0000n, 0, PROTECTED_BLOCK)];
    const short = simulate(parameters, programOf(legacy, false).columns);
    expect(short.reads).toEqual({ pml4: 0, pdpt: 0, directory: 1, table: 1 });
  });

  it('are asked once for what crosses 4 KiB in one larger page', () => {
    const code: Step = { what: 'run', vcpu: 0, block: LONG_BLOCK, executed: 4, again: false };
    // The third instruction begins at the last byte of 4 KiB, accesses of 8 bytes at the last four; one of 2 MiB, too.
    const steps = [code, data(0x20_0ffcn, 2), data(0x3f_fffcn, 2)];
    const lookups = (pageBytes?: number): object =>
      simulate(
        { ...parameters, fetches: true, pageBytes },
        programOf(steps, true).columns,
      ).levels.map(({ accesses, misses }) => [accesses, misses]);
    expect(lookups(2 ** 12)).toEqual([
      [5, 2],
      [4, 4],
    ]);
    expect(lookups(2 ** 21)).toEqual([
      [4, 1],
      [3, 2],
    ]);
    expect(lookups()).toEqual([
      [5, 2],
      [3, 2],
    ]);
    expect(lookups(2 ** 30)).toEqual([
      [4, 1],
      [2, 1],
    ]);
  });

  it('count the flushes between look-ups, not those of a stretch around what is selected', () => {
    const cr3 = (): Step => ({ what: 'cr3', vcpu: 0, cr3: 0x2000n });
    const look = (): Step => data(0x20_0000n, 0);
    const flushesOf = (...steps: readonly Step[]): number =>
      simulate(parameters, programOf(steps, false).columns).flushes;
    expect(flushesOf(cr3(), look(), cr3(), cr3())).toBe(0);
    expect(flushesOf(look(), cr3(), cr3(), look(), look(), cr3())).toBe(2);
  });

  it('begin in the address space that the vCPU was in when recording began', () => {
    const vcpuStates = [{ vcpu: 0, icount: 0n, cr3: 0x2000n, pendingRep: 0n }];
    const chunk = { vcpuStates } as unknown as TraceShape['chunks'][number];
    const analysis = chooseTlbAnalysis({ ...parameters, spaces: 'tagged' });
    const cr3 = (space: bigint): Step => ({ what: 'cr3', vcpu: 0, cr3: space });
    const steps = [data(0x20_0000n, 0), cr3(0x4000n), cr3(0x2000n), data(0x20_0000n, 0)];
    const state = analysis.init(
      { ...parameters, spaces: 'tagged' },
      Object.assign(shapeOf(BLOCKS, 2), { chunks: [chunk] }),
      { index: 0, count: 1 },
    );
    analysis.consume(state, programOf(steps, false).columns);
    expect(analysis.finish(state, shape).walks).toBe(1);
  });

  it('do not see what a vCPU does with paging off', () => {
    const counts = (steps: readonly Step[], pageBytes?: number): object => {
      const found = simulate({ ...parameters, pageBytes }, programOf(steps, false).columns);
      const { walks, untranslated, unknownSizes } = found;
      return { walks, untranslated, unknownSizes };
    };
    const off = { walks: 0, untranslated: 1, unknownSizes: 0 };
    const [apic, page] = [0xfee0_0000n, 0x20_0000n];
    // Real mode, though nothing is told of the page; with one size for all pages, too.
    expect(counts([data(apic, 'device', REAL_BLOCK)])).toEqual(off);
    expect(counts([data(apic, 'device', REAL_BLOCK)], 4096)).toEqual(off);
    // A device in protected mode: as real mode before left it, or as the page of RAM before told.
    const device = data(apic, 'device', PROTECTED_BLOCK);
    expect(counts([data(page, 'device', REAL_BLOCK), device])).toEqual({ ...off, untranslated: 2 });
    expect(counts([data(page, 6, PROTECTED_BLOCK), device])).toEqual({ ...off, untranslated: 2 });
    const on = { walks: 2, untranslated: 0, unknownSizes: 1 };
    expect(counts([data(page, 0, PROTECTED_BLOCK), device])).toEqual(on);
    // Nothing is known: taken to be 4 KiB.
    expect(counts([device])).toEqual({ walks: 1, untranslated: 0, unknownSizes: 1 });
    // SMM begins in real mode, and what was before comes back.
    const smm = [data(apic, 'device', SMM_REAL_BLOCK), data(apic, 'device', SMM_PROTECTED_BLOCK)];
    const around = [data(page, 0, PROTECTED_BLOCK), ...smm, device];
    expect(counts(around)).toEqual({ walks: 2, untranslated: 2, unknownSizes: 1 });
    // What was fetched with paging on is looked at anew when paging was off meanwhile.
    const code: Step = {
      ...{ what: 'run', vcpu: 0, block: 4, executed: 2, again: false }, // in one page
    };
    const again = [data(page, 0, PROTECTED_BLOCK), code, data(apic, 'device', REAL_BLOCK), code];
    const { columns, events } = programOf(again, true);
    const fetching = { ...parameters, fetches: true };
    expect(inTheWordsOfTheTwin(simulate(fetching, columns))).toEqual({
      ...simulateTlbSlowly(fetching, events),
      untranslated: 3,
    });
    // In long mode what was told with paging off is of no use.
    const stale = [data(page, 6, PROTECTED_BLOCK), data(page, 'device')];
    expect(counts(stale)).toEqual({ walks: 1, untranslated: 1, unknownSizes: 1 });
  });
});
