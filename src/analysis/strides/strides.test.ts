// SPDX-License-Identifier: Apache-2.0
// Strides by hand, against lists of addresses, and sharded.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessColumns } from '../access-columns.ts';
import type { TraceShape } from '../analysis.ts';
import {
  accesses,
  CODE,
  columnsOf,
  cutAt,
  cuts,
  INSTRUCTIONS,
  type OracleAccess,
  pcOf,
  SHAPE,
  SHAPE_WITH_CODE,
} from '../columns.oracle.ts';
import {
  classifyStrides,
  confidentShare,
  type StridesCounts,
  type StridesResult,
  type StridesState,
  stridesAnalysis,
} from './strides.ts';

function columnsWithPc(list: readonly OracleAccess[]): AccessColumns {
  return { ...columnsOf(list), pc: BigUint64Array.from(list, pcOf) };
}

function harvested(state: StridesState): StridesCounts {
  return structuredClone(stridesAnalysis.harvest?.(state) ?? state.counts);
}

function analyse(list: readonly OracleAccess[], parts: readonly number[] = []): StridesResult {
  const state = stridesAnalysis.init({}, SHAPE_WITH_CODE, { index: 0, count: 1 });
  for (const piece of cutAt(list, parts)) stridesAnalysis.consume(state, columnsWithPc(piece));
  return stridesAnalysis.finish(harvested(state), SHAPE_WITH_CODE);
}

function analyseSharded(list: readonly OracleAccess[], count: number): StridesResult {
  const masks = new Uint8Array(list.length);
  stridesAnalysis.shardMasks({}, columnsWithPc(list), count, masks);
  const states = Array.from({ length: count }, (_, index) => {
    const state = stridesAnalysis.init({}, SHAPE_WITH_CODE, { index, count });
    const own = list.filter((_access, i) => (((masks[i] ?? 0) >> index) & 1) === 1);
    stridesAnalysis.consume(state, columnsWithPc(own));
    return harvested(state);
  });
  return stridesAnalysis.finish(
    states.reduce((a, b) => stridesAnalysis.merge(a, b)),
    SHAPE_WITH_CODE,
  );
}

/** The instruction of an access, and whether it stores: by its code and address, whatever its block. */
function makerOf({ block, insn, flags }: OracleAccess): string {
  return `${INSTRUCTIONS[block]?.[insn]} ${flags & 1}`;
}

function groupedBy<K>(
  list: readonly OracleAccess[],
  keyOf: (one: OracleAccess) => K,
): Map<K, OracleAccess[]> {
  const groups = new Map<K, OracleAccess[]>();
  for (const one of list) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/** Accesses of the delivery block, and no others, are of a delivery. */
function withOrigin(one: OracleAccess): OracleAccess {
  return { ...one, flags: (one.flags & ~192) | (one.block === 2 ? 64 : 0) };
}

/** Accesses of one instruction. */
function load(vaddr: bigint, change: Partial<OracleAccess> = {}): OracleAccess {
  return { vaddr, size: 8, flags: 0, block: 0, insn: 1, cpl: 0, vcpu: 0, icount: 0, ...change };
}

describe('strides', () => {
  it('says when there are more instructions than memory is for', () => {
    const count = 2 ** 19 + 1;
    const insnBase = Uint32Array.from({ length: count + 1 }, (_, block) => block);
    const [offsets, bytes] = [Uint16Array.of(0), Uint8Array.of(0x90)];
    const shape: TraceShape = {
      ...{ blockCount: count, vcpuCount: 1, insnBase, blockCpl: new Uint8Array(count) },
      ...{ chunks: [], complete: true },
      code: {
        ...CODE,
        blockCount: count,
        vaddr: BigInt,
        insnCount: () => 1,
        insnOffsets: () => offsets,
        bytes: () => bytes,
      },
      get capabilities() {
        return SHAPE.capabilities;
      },
    };
    const batch = {
      length: count,
      vaddr: new BigUint64Array(count),
      flags: new Uint8Array(count),
      block: insnBase.subarray(0, count),
      insn: new Uint16Array(count),
      vcpu: new Uint16Array(count),
    };
    const half = stridesAnalysis.init({}, shape, { index: 0, count: 2 });
    expect(() => stridesAnalysis.consume(half, batch)).toThrow(
      'there are more instructions than can be told apart',
    );
    const whole = stridesAnalysis.init({}, shape, { index: 0, count: 1 });
    stridesAnalysis.consume(whole, batch);
    expect(whole.counts.rowCount).toBe(count);
  });

  it('by hand: an array, a variable, a step back over 4 GiB; vCPUs and stores apart', () => {
    const result = analyse([
      ...[0n, 8n, 16n, 24n].map((at) => load(0xffff_ffff_fff8n + at)),
      load(0x9000n, { vcpu: 1 }),
      ...[0n, 0n, 0n].map((at) => load(at, { flags: 1 })),
      ...[0x5_0000_0000n, 0x1_0000_0010n].map((at) => load(at, { block: 3, insn: 4 })),
      load(0n, { flags: 32 }),
    ]);
    const site = { block: 0, insn: 1 };
    expect(result).toEqual({
      ...{ accesses: 10, noAddress: 1 },
      sites: [
        { ...site, store: false, accesses: 5, steps: 3, strides: [{ stride: 8, atLeast: 3 }] },
        { ...site, store: true, accesses: 3, steps: 2, strides: [{ stride: 0, atLeast: 2 }] },
        {
          ...{ block: 3, insn: 4, store: false, accesses: 2, steps: 1 },
          strides: [{ stride: 16 - 2 ** 34, atLeast: 1 }],
        },
      ],
    });
  });

  it('an instruction is one in whichever block it ran: a loop that QEMU cut twice', () => {
    const places = [
      { block: 0, insn: 1 },
      { block: 3, insn: 0 },
      { block: 1, insn: 0 },
      { block: 3, insn: 0 },
      { block: 0, insn: 1 },
    ];
    const { sites } = analyse(places.map((place, i) => load(8n * BigInt(i), place)));
    expect(sites).toEqual([
      {
        ...{ block: 0, insn: 1, store: false, accesses: 5, steps: 4 },
        strides: [{ stride: 8, atLeast: 4 }],
      },
    ]);
    // Other code at the address of block 0's last instruction.
    const changed = [load(0n, { insn: 2 }), load(8n, { block: 4, insn: 0 })];
    expect(analyse(changed).sites.map(({ steps }) => steps)).toEqual([0, 0]);
  });

  it('are those of lists of addresses, never more often; exact when there are few', () => {
    const steps = fc.array(
      fc.record({
        step: fc.constantFrom(0n, 0n, 8n, 8n, 8n, -16n, 64n, 4096n, 7n, 2n ** 33n),
        vcpu: fc.nat(2),
        place: fc.constantFrom(
          ...INSTRUCTIONS.flatMap((letters, block) =>
            Array.from(letters, (_, insn) => ({ block, insn })),
          ),
        ),
        flags: fc.constantFrom(0, 1),
      }),
      { maxLength: 300, size: 'max' },
    );
    fc.assert(
      fc.property(steps, cuts, (list, parts) => {
        let at = 2n ** 40n;
        const made = list.map(({ step, place, ...rest }) => {
          at += step;
          return withOrigin(load(at, { ...rest, ...place }));
        });
        const result = analyse(made, parts);
        expect(result).toEqual(analyse(made));
        for (const count of [2, 4, 8]) expect(analyseSharded(made, count)).toEqual(result);
        const makers = groupedBy(made, makerOf);
        expect(result.sites).toHaveLength(makers.size);
        for (const { block, insn, store, ...site } of result.sites) {
          const own = makers.get(makerOf(load(0n, { block, insn, flags: Number(store) }))) ?? [];
          const isSame = (one: OracleAccess): boolean =>
            INSTRUCTIONS[one.block]?.[one.insn] === INSTRUCTIONS[block]?.[insn];
          const [first] = made.filter(isSame).sort((a, b) => a.block - b.block || a.insn - b.insn);
          expect(first).toMatchObject({ block, insn });
          const known = new Map<number, number>();
          for (const ofVcpu of groupedBy(own, ({ vcpu }) => vcpu).values()) {
            ofVcpu.slice(1).forEach(({ vaddr }, i) => {
              const stride = Number(vaddr - (ofVcpu[i]?.vaddr ?? 0n));
              known.set(stride, (known.get(stride) ?? 0) + 1);
            });
          }
          expect(site.accesses).toBe(own.length);
          expect(site.steps).toBe([...known.values()].reduce((a, b) => a + b, 0));
          for (const { stride, atLeast } of site.strides) {
            expect(atLeast).toBeLessThanOrEqual(known.get(stride) ?? 0);
          }
          const counted = new Map(site.strides.map((one) => [one.stride, one.atLeast]));
          expect(counted).toEqual(known.size <= 4 ? known : counted);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('counts all accesses with a virtual address', () => {
    fc.assert(
      fc.property(accesses, (any) => {
        const list = any.map(withOrigin);
        const result = analyse(list);
        const wanted = list.filter(({ flags }) => (flags & 32) === 0).length;
        expect(result.accesses).toBe(wanted);
        expect(result.noAddress).toBe(list.length - wanted);
        expect(analyseSharded(list, 8)).toEqual(result);
      }),
    );
  });

  it('a dominant stride is found behind much that is irregular', () => {
    const irregular = Array.from({ length: 50 }, (_, i) => BigInt(i * i * i * 64));
    const regular = Array.from({ length: 2000 }, (_, i) => BigInt(10_000_000 + 24 * i));
    const [site] = analyse([...irregular, ...regular].map((at) => load(at))).sites;
    expect(site?.strides[0]?.stride).toBe(24);
    expect(site?.strides[0]?.atLeast).toBeGreaterThan(1950);
    expect(classifyStrides(site?.steps ?? 0, site?.strides ?? [])).toBe('stride');
  });

  it('classes, and how sure they are', () => {
    expect(classifyStrides(0, [])).toBe('once');
    expect(classifyStrides(10, [{ stride: 0, atLeast: 9 }])).toBe('constant');
    expect(classifyStrides(10, [{ stride: 0, atLeast: 8 }])).toBe('irregular');
    expect(classifyStrides(10, [{ stride: -4, atLeast: 10 }])).toBe('stride');
    // Wilson: 10 of 10 are at least 0.7225 with 95 %.
    expect(confidentShare(10, 10)).toBeCloseTo(0.7225, 4);
    expect(confidentShare(0, 10)).toBe(0);
    expect(confidentShare(99_999, 100_000)).toBeGreaterThan(0.9999);
    expect(confidentShare(0, 0)).toBe(0);
  });
});
