// SPDX-License-Identifier: Apache-2.0
// Strides by hand, against lists of addresses, and sharded.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TraceShape } from '../analysis.ts';
import { accesses, columnsOf, cutAt, cuts, type OracleAccess, SHAPE } from '../columns.oracle.ts';
import { classifyStrides, confidentShare, type StridesResult, stridesAnalysis } from './strides.ts';

function analyse(list: readonly OracleAccess[], parts: readonly number[] = []): StridesResult {
  const state = stridesAnalysis.init({}, SHAPE, { index: 0, count: 1 });
  for (const piece of cutAt(list, parts)) stridesAnalysis.consume(state, columnsOf(piece));
  return stridesAnalysis.finish(state, SHAPE);
}

function analyseSharded(list: readonly OracleAccess[], count: number): StridesResult {
  const masks = new Uint8Array(list.length);
  stridesAnalysis.shardMasks({}, columnsOf(list), count, masks);
  const states = Array.from({ length: count }, (_, index) => {
    const state = stridesAnalysis.init({}, SHAPE, { index, count });
    const own = list.filter((_access, i) => (((masks[i] ?? 0) >> index) & 1) === 1);
    stridesAnalysis.consume(state, columnsOf(own));
    return state;
  });
  return stridesAnalysis.finish(
    states.reduce((a, b) => stridesAnalysis.merge(a, b)),
    SHAPE,
  );
}

/** Accesses of one instruction. */
function load(vaddr: bigint, change: Partial<OracleAccess> = {}): OracleAccess {
  return { vaddr, size: 8, flags: 0, block: 0, insn: 1, cpl: 0, vcpu: 0, icount: 0, ...change };
}

describe('strides', () => {
  it('says when there are more instructions than memory is for', () => {
    const count = 2 ** 19 + 1;
    const insnBase = Uint32Array.from({ length: count + 1 }, (_, block) => block);
    const shape: TraceShape = {
      ...{ blockCount: count, vcpuCount: 1, insnBase, blockCpl: new Uint8Array(count) },
      ...{ chunks: [], complete: true },
      get code() {
        return SHAPE.code;
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
    expect(whole.rowCount).toBe(count);
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

  it('are those of lists of addresses, never more often; exact when there are few', () => {
    const steps = fc.array(
      fc.record({
        step: fc.constantFrom(0n, 0n, 8n, 8n, 8n, -16n, 64n, 4096n, 7n, 2n ** 33n),
        vcpu: fc.nat(2),
        insn: fc.nat(2),
        flags: fc.constantFrom(0, 1),
      }),
      { maxLength: 300, size: 'max' },
    );
    fc.assert(
      fc.property(steps, cuts, (list, parts) => {
        let at = 2n ** 40n;
        const made = list.map(({ step, ...rest }) => {
          at += step;
          return load(at, rest);
        });
        const result = analyse(made, parts);
        expect(result).toEqual(analyse(made));
        for (const count of [2, 4, 8]) expect(analyseSharded(made, count)).toEqual(result);
        for (const {
          block,
          insn,
          store,
          accesses: total,
          steps: stepCount,
          strides,
        } of result.sites) {
          const known = new Map<number, number>();
          let mine = 0;
          for (const vcpu of [0, 1, 2]) {
            const own = made.filter(
              (one) =>
                one.block === block &&
                one.insn === insn &&
                (one.flags === 1) === store &&
                one.vcpu === vcpu,
            );
            mine += own.length;
            own.slice(1).forEach(({ vaddr }, i) => {
              const stride = Number(vaddr - (own[i]?.vaddr ?? 0n));
              known.set(stride, (known.get(stride) ?? 0) + 1);
            });
          }
          expect(total).toBe(mine);
          expect(stepCount).toBe([...known.values()].reduce((a, b) => a + b, 0));
          for (const { stride, atLeast } of strides) {
            expect(atLeast).toBeLessThanOrEqual(known.get(stride) ?? 0);
          }
          const counted = new Map(strides.map((one) => [one.stride, one.atLeast]));
          expect(counted).toEqual(known.size <= 4 ? known : counted);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('counts all accesses with a virtual address', () => {
    fc.assert(
      fc.property(accesses, (list) => {
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
