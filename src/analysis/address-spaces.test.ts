// SPDX-License-Identifier: Apache-2.0
// Address spaces by hand, against a walk over single accesses, and split anywhere and merged.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Capabilities, CodeTable } from '../format/index.ts';
import type { AccessColumns } from './access-columns.ts';
import { type AddressSpacesResult, addressSpacesAnalysis } from './address-spaces.ts';
import type { TraceShape } from './analysis.ts';
import { windowOf, windowsOver } from './time-windows.ts';

interface Access {
  readonly cr3: bigint;
  readonly cpl: number;
  /** Of the store it is; undefined: a load elsewhere. */
  readonly storedTo?: number | undefined;
  readonly block?: number;
}

const LONG = 1 << 14;
/** Blocks 0 and 1 are of a 64-bit kernel and of a program, block 2 of a 32-bit kernel. */
const MODES = [LONG, LONG | 3, 0];
const PROGRAMS = Uint16Array.of(0, 1, 0);

const code: CodeTable = {
  blockCount: 3,
  vaddr: () => 0n,
  insnCount: () => 1,
  mode: (id) => MODES[id],
  flags: () => 0,
  insnOffsets: () => Uint16Array.of(0),
  bytes: () => Uint8Array.of(0x90),
};
const SHAPE: TraceShape = {
  ...{ blockCount: 3, vcpuCount: 1, code, chunks: [], complete: true },
  get capabilities(): Capabilities {
    throw new Error('address spaces do not depend on them');
  },
  insnBase: Uint32Array.of(0, 1, 2, 3),
  blockCpl: Uint8Array.of(0, 3, 0),
};

/** An access each ten instructions: seven accesses in a window. */
const WINDOWS = windowsOver(0, 600, 70);

function columnsOf(accesses: readonly Access[], firstOrdinal: number): AccessColumns {
  return {
    ...{ length: accesses.length, firstOrdinal, stream: 0 },
    cr3: BigUint64Array.from(accesses, ({ cr3 }) => cr3),
    cpl: Uint8Array.from(accesses, ({ cpl }) => cpl),
    flags: Uint8Array.from(accesses, ({ storedTo }) => (storedTo === undefined ? 0 : 1)),
    // The tables are seen through a direct map: the same place in a page.
    vaddr: BigUint64Array.from(
      accesses,
      ({ storedTo }) => 0xffff_8880_0000_0000n + BigInt(storedTo ?? 0),
    ),
    paddr: BigUint64Array.from(accesses, ({ storedTo }) => BigInt(storedTo ?? 0)),
    icount: BigUint64Array.from(accesses, (_, i) => 10n * BigInt(firstOrdinal + i)),
    vcpu: new Uint16Array(accesses.length),
    block: Uint32Array.from(accesses, ({ block, cpl }) => block ?? (cpl === 3 ? 1 : 0)),
    ordinal: Float64Array.from(accesses, (_, i) => firstOrdinal + i),
  };
}

/** Fed with stretches that begin at these accesses, each to the state that is its turn, in any order. */
function analyse(
  accesses: readonly Access[],
  cuts: readonly number[] = [],
  stateCount = 1,
  { hasGlobalOrder = true, backwards = false } = {},
): AddressSpacesResult {
  const parameters = {
    tables: accesses.map(({ cr3 }) => cr3),
    ...{ programOfBlock: PROGRAMS, programCount: 1, hasGlobalOrder, windows: WINDOWS },
  };
  const states = Array.from({ length: stateCount }, () =>
    addressSpacesAnalysis.init(parameters, SHAPE, { index: 0, count: 1 }),
  );
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), accesses.length];
  const parts = Array.from({ length: bounds.length - 1 }, (_, part) => part);
  for (const part of backwards ? parts.reverse() : parts) {
    const [begin = 0, end = 0] = bounds.slice(part, part + 2);
    const state = states[part % stateCount];
    if (state === undefined) throw new Error('no such state');
    addressSpacesAnalysis.consume(state, columnsOf(accesses.slice(begin, end), begin));
  }
  const merged = states.reduce((a, b) => addressSpacesAnalysis.merge(a, b));
  return addressSpacesAnalysis.finish(merged, SHAPE);
}

const kernel = (cr3: bigint, storedTo?: number): Access => ({ cr3, cpl: 0, storedTo });
const user = (cr3: bigint): Access => ({ cr3, cpl: 3 });
const shown = ({ spaces }: AddressSpacesResult): string[] =>
  spaces.map(
    ({ number, table, accesses, userAccesses, first, last, programAccesses }) =>
      `${number} ${table.toString(16)} ${accesses}/${userAccesses} ${first.ordinal}-${last.ordinal} ${programAccesses.join()}`,
  );

describe('address spaces', () => {
  it('are numbered by first use, with where it began and ended', () => {
    const result = analyse([
      ...[kernel(0x5000n), kernel(0x5000n), kernel(0x2000n), user(0x2000n), kernel(0x5000n)],
    ]);
    expect(shown(result)).toEqual(['1 5000 3/0 0-4 0', '2 2000 2/1 2-3 1']);
    expect(result.spaces[1]?.last).toEqual({ ordinal: 3, vcpu: 0, icount: 30 });
    expect(result).toMatchObject({ accesses: 5, isolated: false });
  });

  it('do not differ by process-context identifier or the bit that keeps translations', () => {
    const result = analyse([user(0x2001n), user(0x2fffn), user(0x8000_0000_0000_2005n)]);
    expect(shown(result)).toEqual(['1 2000 3/3 0-2 3']);
    const values = [0x2001n, 0x2fffn, 0x8000_0000_0000_2005n];
    expect(result.spaces.map(({ cr3Values }) => cr3Values)).toEqual([values]);
  });

  it('differ by 32 bytes for 32-bit paging', () => {
    const legacy = (cr3: bigint): Access => ({ cr3, cpl: 0, block: 2 });
    expect(shown(analyse([legacy(0x2020n), legacy(0x2040n), legacy(0x2048n)]))).toEqual([
      '1 2020 1/0 0-0 0',
      '2 2040 2/0 1-2 0',
    ]);
  });

  it('begin anew when their table was filled while another one was used', () => {
    const refill = [kernel(0x5000n, 0x2000), kernel(0x5000n, 0x2ff8)];
    expect(shown(analyse([user(0x2000n), ...refill, user(0x2000n)]))).toEqual([
      '1 2000 1/1 0-0 1',
      '2 5000 2/0 1-2 0',
      '3 2000 1/1 3-3 1',
    ]);
  });

  it('go on when one entry of their table was written, or both of them at different times', () => {
    const one = [kernel(0x5000n, 0x2000), kernel(0x5000n, 0x2100)];
    const other = [kernel(0x5000n, 0x2ff8), kernel(0x5000n, 0x3000)];
    expect(shown(analyse([user(0x2000n), ...one, user(0x2000n), ...other, user(0x2000n)]))).toEqual(
      ['1 2000 3/3 0-6 3', '2 5000 4/0 1-5 0'],
    );
  });

  it('are not told apart by stores of which the order is not known', () => {
    const refill = [kernel(0x5000n, 0x2000), kernel(0x5000n, 0x2ff8)];
    const result = analyse([user(0x2000n), ...refill, user(0x2000n)], [], 1, {
      hasGlobalOrder: false,
    });
    expect(shown(result)).toEqual(['1 2000 2/2 0-3 2', '2 5000 2/0 1-2 0']);
  });

  it('are one for both tables of a kernel that isolates its own', () => {
    const result = analyse([
      kernel(0x2000n),
      user(0x3800n),
      kernel(0x2000n),
      user(0x5000n),
      kernel(0x4000n),
    ]);
    expect(shown(result)).toEqual(['1 2000 3/1 0-2 1', '2 4000 2/1 3-4 1']);
    expect(result.isolated).toBe(true);
    expect(result.spaces.map(({ userTable }) => userTable)).toEqual([0x3000, 0x5000]);
    expect(result.spaces.map(({ cr3Values }) => cr3Values)).toEqual([
      [0x2000n, 0x3800n],
      [0x4000n, 0x5000n],
    ]);
  });

  it('are two for neighbouring tables that both run user code, or where others do', () => {
    expect(analyse([user(0x2000n), user(0x3000n)]).spaces).toHaveLength(2);
    expect(analyse([kernel(0x2000n), user(0x3000n), user(0x8000n)]).spaces).toHaveLength(3);
    expect(analyse([user(0x3000n), user(0x5000n)])).toMatchObject({ isolated: false });
  });

  const anyAccess = fc.record({
    cr3: fc.constantFrom(0x2000n, 0x2005n, 0x4000n, 0x5000n, 0x9000n),
    cpl: fc.constantFrom(0, 0, 3),
    storedTo: fc.constantFrom(undefined, undefined, 0x2000, 0x2ff8, 0x4000, 0x4ff8, 0x4ffc, 0x7000),
  });
  const anyAccesses = fc.array(anyAccess, {
    ...{ minLength: 1, maxLength: 60, size: 'max' },
  });

  it('are what a walk over single accesses finds', () => {
    fc.assert(
      fc.property(anyAccesses, (accesses) => {
        const result = analyse(accesses);
        // 0x5000 is the second table of 0x4000 when all user code runs with it.
        const ran = new Set(accesses.filter(({ cpl }) => cpl === 3).map(({ cr3 }) => cr3));
        const isolated =
          ran.size === 1 && ran.has(0x5000n) && accesses.some(({ cr3 }) => cr3 === 0x4000n);
        expect(result.isolated).toBe(isolated);
        expect(shown(result)).toEqual(walk(accesses, isolated));
        for (const [window, count] of countWindows(accesses).entries()) {
          const all = result.spaces.reduce((sum, { byWindow }) => sum + (byWindow[window] ?? 0), 0);
          expect(all).toBe(count);
        }
        for (const { byWindow, accesses: own } of result.spaces) {
          expect(byWindow.reduce((sum, count) => sum + count, 0)).toBe(own);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('are the same split anywhere and merged', () => {
    const cuts = fc.array(fc.nat(60), { maxLength: 8, size: 'max' });
    fc.assert(
      fc.property(anyAccesses, cuts, fc.nat(2), fc.boolean(), (accesses, at, more, backwards) => {
        const inside = at.map((cut) => cut % accesses.length);
        expect(analyse(accesses, inside, 1 + more, { backwards })).toEqual(analyse(accesses));
      }),
      { numRuns: 1000 },
    );
  });
});

function countWindows(accesses: readonly Access[]): number[] {
  const counts = Array.from({ length: WINDOWS.windowCount }, () => 0);
  accesses.forEach((_, i) => {
    const window = windowOf(WINDOWS, 10 * i);
    counts[window] = (counts[window] ?? 0) + 1;
  });
  return counts;
}

function walk(accesses: readonly Access[], isolated: boolean): string[] {
  interface Space {
    readonly table: number;
    accesses: number;
    user: number;
    first: number;
    last: number;
  }
  const spaces: Space[] = [];
  const current = new Map<number, Space>();
  const filled = new Map<number, Set<number>>();
  for (const [ordinal, { cr3, cpl, storedTo }] of accesses.entries()) {
    const own = Number(cr3 & ~0xfffn);
    const table = isolated && own === 0x5000 ? 0x4000 : own;
    let space = current.get(table);
    if (space === undefined || filled.get(table)?.size === 2) {
      space = { table, accesses: 0, user: 0, first: ordinal, last: ordinal };
      current.set(table, space);
      spaces.push(space);
    }
    filled.delete(table);
    space.accesses++;
    space.user += cpl === 3 ? 1 : 0;
    space.last = ordinal;
    const entry = (storedTo ?? 0x100) & 0xff8;
    if (entry !== 0 && entry !== 0xff8) continue;
    const page = (storedTo ?? 0) & ~0xfff;
    filled.set(page, (filled.get(page) ?? new Set()).add(entry));
  }
  return spaces.map(
    (one, index) =>
      `${index + 1} ${one.table.toString(16)} ${one.accesses}/${one.user} ${one.first}-${one.last} ${one.user}`,
  );
}
