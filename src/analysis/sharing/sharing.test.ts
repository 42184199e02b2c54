// SPDX-License-Identifier: Apache-2.0
// Sharing by hand, against sets of bytes, cut and sharded.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireDefined } from '../../base/index.ts';
import type { AccessColumns } from '../access-columns.ts';
import { INSN_COUNTS, SHAPE, VCPU_COUNT } from '../columns.oracle.ts';
import { bytesOfLine } from './byte-mask.ts';
import { type SharingParameters, type SharingResult, sharingAnalysis } from './sharing.ts';

interface Touch {
  readonly paddr: bigint;
  /** Of what lies beyond the page, when the access leaves it. */
  readonly rest?: bigint | undefined;
  readonly size: number;
  readonly flags: number;
  readonly vcpu: number;
  readonly block: number;
  readonly insn: number;
}

const PARAMETERS: SharingParameters = { lineBytes: 64, reportTop: 1000, memoryBytes: 2 ** 24 };

function columnsOf(list: readonly Touch[]): AccessColumns {
  const crossing = list.flatMap(({ rest }, index) => (rest === undefined ? [] : [{ index, rest }]));
  return {
    length: list.length,
    paddr: BigUint64Array.from(list, ({ paddr }) => paddr),
    vaddr: BigUint64Array.from(list, ({ paddr }) => paddr + 0xffff_8880_0000_0000n),
    size: Uint8Array.from(list, ({ size }) => size),
    flags: Uint8Array.from(list, ({ flags }) => flags),
    vcpu: Uint16Array.from(list, ({ vcpu }) => vcpu),
    block: Uint32Array.from(list, ({ block }) => block),
    insn: Uint16Array.from(list, ({ insn }) => insn),
    crossings: {
      index: Uint32Array.from(crossing, ({ index }) => index),
      paddr: BigUint64Array.from(crossing, ({ rest }) => rest),
    },
  };
}

function analyse(list: readonly Touch[], shards = 1, pieceLength = 1000): SharingResult {
  const masks = new Uint8Array(list.length).fill(1);
  if (shards > 1) sharingAnalysis.shardMasks(PARAMETERS, columnsOf(list), shards, masks);
  const states = Array.from({ length: shards }, (_, index) => {
    const state = sharingAnalysis.init(PARAMETERS, SHAPE, { index, count: shards });
    const own = list.filter((_touch, i) => (((masks[i] ?? 0) >> index) & 1) === 1);
    for (let at = 0; at < own.length; at += pieceLength) {
      sharingAnalysis.consume(state, columnsOf(own.slice(at, at + pieceLength)));
    }
    return requireDefined(sharingAnalysis.harvest?.(state), 'states are not data');
  });
  const merged = states.reduce((a, b) => sharingAnalysis.merge(a, b));
  return sharingAnalysis.finish(merged, SHAPE);
}

const load = (vcpu: number, paddr: bigint, change: Partial<Touch> = {}): Touch => ({
  ...{ paddr, size: 4, flags: 0, vcpu, block: 0, insn: 0 },
  ...change,
});
const store = (vcpu: number, paddr: bigint, change: Partial<Touch> = {}): Touch =>
  load(vcpu, paddr, { flags: 1, ...change });

/** The obvious way: sets of single bytes. */
function walk(list: readonly Touch[]) {
  interface View {
    readonly touched: Set<bigint>;
    readonly stored: Set<bigint>;
    /** Bytes that others stored since the vCPU lost the line; undefined: it has it. */
    lost: Set<bigint> | undefined;
  }
  const lines = new Map<bigint, Map<number, View>>();
  let filledBefore = 0;
  const misses = { trueSharing: 0, falseSharing: 0 };
  for (const { paddr, rest, size, flags, vcpu } of list) {
    if ((flags & 12) !== 0) continue;
    const byLine = new Map<bigint, bigint[]>();
    for (let i = 0n; i < BigInt(size); i++) {
      const inPage = 4096n - (paddr & 4095n);
      const at = rest !== undefined && i >= inPage ? rest + i - inPage : paddr + i;
      byLine.set(at >> 6n, [...(byLine.get(at >> 6n) ?? []), at]);
    }
    for (const [line, bytes] of byLine) {
      const views = lines.get(line) ?? new Map<number, View>();
      lines.set(line, views);
      const own = views.get(vcpu) ?? { touched: new Set(), stored: new Set(), lost: undefined };
      const [first] = views.values();
      if (views.size === 1 && first !== own && first?.stored.size === 64) filledBefore++;
      views.set(vcpu, own);
      if (own.lost !== undefined) {
        const { lost } = own;
        misses[bytes.some((at) => lost.has(at)) ? 'trueSharing' : 'falseSharing']++;
        own.lost = undefined;
      }
      for (const at of bytes) {
        own.touched.add(at);
        if ((flags & 1) === 0) continue;
        own.stored.add(at);
        for (const [other, view] of views) {
          if (other !== vcpu) view.lost = (view.lost ?? new Set()).add(at);
        }
      }
    }
  }
  const kinds = { readShared: 0, trueShared: 0, falseShared: 0 };
  for (const views of lines.values()) {
    const all = [...views.values()];
    if (all.length < 2) continue;
    const isStored = all.some(({ stored }) => stored.size > 0);
    const clashes = all.some((one) =>
      all.some((other) => one !== other && [...one.stored].some((at) => other.touched.has(at))),
    );
    kinds[clashes ? 'trueShared' : isStored ? 'falseShared' : 'readShared']++;
  }
  const shared = kinds.readShared + kinds.trueShared + kinds.falseShared;
  return { lines: { touched: lines.size, shared, ...kinds, filledBefore }, misses };
}

const place = fc.constantFrom(
  ...INSN_COUNTS.flatMap((count, block) =>
    Array.from({ length: Math.max(1, count) }, (_, insn) => ({ block, insn })),
  ),
);

const touches = fc.array(
  fc
    .record({
      paddr: fc.oneof(
        fc.bigInt(0x2000n, 0x203fn),
        fc.bigInt(0x2fc0n, 0x2fffn),
        fc.bigInt(0x7_ffff_ff80n, 0x7_ffff_ffbfn),
      ),
      rest: fc.constantFrom(0x5000n, 0x3000n),
      size: fc.constantFrom(1, 2, 4, 8, 16, 64, 128),
      flags: fc.constantFrom(0, 0, 1, 1, 4, 8, 64, 129),
      vcpu: fc.nat(VCPU_COUNT - 1),
      place,
    })
    .map(({ place: where, rest, size, ...other }) => {
      const left = 4096 - Number(other.paddr & 4095n);
      return { ...other, ...where, size, rest: left < size ? rest : undefined };
    }),
  { maxLength: 150, size: 'max' },
);

describe('sharing', () => {
  it('by hand: a flag handed over, two counters in one line, a table that is read', () => {
    const result = analyse([
      // vCPU 1 waits for what vCPU 0 stores: the second load is a miss of true sharing.
      ...[load(1, 0x1000n), store(0, 0x1000n), load(1, 0x1000n, { block: 3, insn: 2 })],
      // Each stores to its own counter: each but the first of vCPU 1 takes the line back.
      ...[store(0, 0x2000n), store(1, 0x2008n), store(0, 0x2000n), store(1, 0x2008n)],
      ...[load(0, 0x3000n), load(1, 0x3000n), load(2, 0x3020n)],
      load(2, 0x4000n),
      load(2, 0x4000n, { flags: 4 }),
      load(2, 0x4000n, { flags: 8 }),
    ]);
    expect(result).toMatchObject({
      ...{ vcpuCount: 3, accesses: 11, excluded: { device: 1, noAddress: 1 } },
      lines: {
        touched: 4,
        shared: 3,
        readShared: 1,
        trueShared: 1,
        falseShared: 1,
        filledBefore: 0,
      },
      misses: { trueSharing: 1, falseSharing: 2 },
      sites: [
        { block: 0, insn: 0, trueSharing: 0, falseSharing: 2 },
        { block: 3, insn: 2, trueSharing: 1, falseSharing: 0 },
      ],
    });
    expect(result.topLines).toEqual([
      {
        ...{ addressLo: 0x2000, addressHi: 0, vaddrLo: 0x2000, vaddrHi: 0xffff_8880 },
        ...{ kind: 'false', trueSharing: 0, falseSharing: 2 },
        vcpus: [
          { vcpu: 0, loadedLo: 0, loadedHi: 0, storedLo: 0xf, storedHi: 0 },
          { vcpu: 1, loadedLo: 0, loadedHi: 0, storedLo: 0xf00, storedHi: 0 },
        ],
      },
      expect.objectContaining({ addressLo: 0x1000, kind: 'true', trueSharing: 1 }),
    ]);
  });

  it('a line that one vCPU cleared is truly shared whatever comes then, which is counted', () => {
    const counters = [...[1, 2, 1, 2].map((vcpu) => store(vcpu, 0x2000n + 8n * BigInt(vcpu)))];
    const cleared = store(0, 0x2000n, { size: 64 });
    expect(analyse(counters).lines).toMatchObject({ falseShared: 1, filledBefore: 0 });
    const { lines, misses } = analyse([cleared, ...counters]);
    expect(lines).toMatchObject({ trueShared: 1, falseShared: 0, filledBefore: 1 });
    expect(misses).toEqual(analyse(counters).misses);
    // Not when it is cleared by one that comes second, or but for a byte.
    const late = [load(1, 0x2000n), cleared, load(1, 0x2000n)];
    const nearly = [store(0, 0x2001n, { size: 63 }), ...counters];
    for (const list of [late, nearly]) expect(analyse(list).lines.filledBefore).toBe(0);
  });

  it('names a line by where the access finds it, also when that is in the next page', () => {
    const taken = (line: bigint): Touch[] => [load(0, line), store(1, line)];
    const { topLines } = analyse([
      ...[...taken(0x5000n), load(0, 0x2ffcn, { size: 8, rest: 0x5000n })],
      ...[...taken(0x6000n), load(0, 0xffff_fffcn, { size: 8, rest: 0x6000n })],
      ...[...taken(0x7fc0n), load(0, 0x7ffcn, { size: 8, rest: 0x9000n })],
    ]);
    expect(
      topLines.map(({ addressLo, vaddrLo, vaddrHi }) => [addressLo, vaddrLo, vaddrHi]),
    ).toEqual([
      [0x5000, 0x3000, 0xffff_8880],
      [0x6000, 0, 0xffff_8881],
      [0x7fc0, 0x7fc0, 0xffff_8880],
    ]);
  });

  it('is what sets of bytes say, in any stretches and shards', () => {
    fc.assert(
      fc.property(touches, fc.integer({ min: 1, max: 40 }), (list, pieceLength) => {
        const whole = analyse(list);
        const { lines, misses } = walk(list);
        expect({ lines: whole.lines, misses: whole.misses }).toEqual({ lines, misses });
        const sum = (key: 'trueSharing' | 'falseSharing'): number =>
          whole.topLines.reduce((total, one) => total + one[key], 0);
        expect({ trueSharing: sum('trueSharing'), falseSharing: sum('falseSharing') }).toEqual(
          misses,
        );
        expect(whole.accesses).toBe(list.filter(({ flags }) => (flags & 12) === 0).length);
        expect(analyse(list, 1, pieceLength)).toEqual(whole);
        for (const shards of [2, 8]) expect(analyse(list, shards, pieceLength)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it('adds up over parts of memory, as the refusal says', () => {
    fc.assert(
      fc.property(touches, (list) => {
        const inside = list.filter(({ rest }) => rest === undefined);
        const whole = analyse(inside);
        const parts = [
          analyse(inside.filter(({ paddr }) => paddr < 0x3000n)),
          analyse(inside.filter(({ paddr }) => paddr >= 0x3000n)),
        ];
        const sum = (pick: (result: SharingResult) => number): number =>
          parts.reduce((total, part) => total + pick(part), 0);
        expect(sum(({ accesses }) => accesses)).toBe(whole.accesses);
        for (const kind of [
          'touched',
          'shared',
          'trueShared',
          'falseShared',
          'filledBefore',
        ] as const) {
          expect(sum(({ lines }) => lines[kind])).toBe(whole.lines[kind]);
        }
        expect(sum(({ misses }) => misses.trueSharing)).toBe(whole.misses.trueSharing);
        expect(sum(({ misses }) => misses.falseSharing)).toBe(whole.misses.falseSharing);
      }),
    );
  });

  it('keeps room for many lines, and says when there is none left, and what to do', () => {
    const list = Array.from({ length: 10_000 }, (_, i) => store(i % 3, BigInt(i) << 6n));
    expect(analyse([...list, ...list]).lines).toMatchObject({ touched: 10_000, shared: 0 });
    const tight = { ...PARAMETERS, memoryBytes: 100_000 };
    const state = sharingAnalysis.init(tight, SHAPE, { index: 0, count: 1 });
    const remedy: unknown = expect.stringContaining('--physical-address 0x0+256M');
    expect(() => {
      sharingAnalysis.consume(state, columnsOf(list));
    }).toThrow(expect.objectContaining({ facts: expect.objectContaining({ remedy }) }));
  });

  it('counts more misses of a line than 32 bits hold', () => {
    const state = sharingAnalysis.init(PARAMETERS, SHAPE, { index: 0, count: 1 });
    const list = [load(0, 0x1000n), store(1, 0x1000n), load(0, 0x1000n)];
    sharingAnalysis.consume(state, columnsOf(list));
    // As if there had been so many: the first word is the holder's.
    const [rows] = state.lines.rows;
    expect(rows?.[1]).toBe(1);
    rows?.set([2 ** 32 - 1], 1);
    sharingAnalysis.consume(state, columnsOf(list.slice(1)));
    const [line] = sharingAnalysis.harvest?.(state).topLines ?? [];
    expect(line).toMatchObject({ trueSharing: 2 ** 32, falseSharing: 0, vaddrLo: 0x1000 });
  });

  it('refuses lines whose bytes it cannot tell apart', () => {
    for (const lineBytes of [4, 48, 128]) {
      expect(() =>
        sharingAnalysis.init({ ...PARAMETERS, lineBytes }, SHAPE, { index: 0, count: 1 }),
      ).toThrow('the line size is not possible');
    }
  });

  it('bytes of a line', () => {
    for (let offset = 0; offset < 64; offset++) {
      for (let count = 1; offset + count <= 64; count++) {
        const { lo, hi } = bytesOfLine(offset, count);
        const mask = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
        expect(mask).toBe(((1n << BigInt(count)) - 1n) << BigInt(offset));
      }
    }
  });
});
