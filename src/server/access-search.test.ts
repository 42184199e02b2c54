// SPDX-License-Identifier: Apache-2.0
// Lists and neighbours are what a filter over all accesses says, with an index and without.

import { describe, expect, it } from 'vitest';
import { requireDefined, TraceError } from '../base/index.ts';
import { type AccessLists, createAccessLists } from './access-list.ts';
import { createAccessReader } from './access-rows.ts';
import { findNearest } from './neighbours.ts';
import type { AddressRange, TraceWindow } from './parameters.ts';
import { type MadeUp, makeUp, partsOf, touches } from './test-chunks.oracle.ts';

const signal = new AbortController().signal;
const SPACES = ['virtual', 'physical'] as const;
const made = await makeUp(11, 2);
const { trace, seen, chunks } = made;
const ofStream = (stream: number): MadeUp['seen'] => seen.filter((one) => one.stream === stream);

/** Around some accesses, crossing ones among them: bytes, a line, several pages. */
function someRanges(stream: number): AddressRange[] {
  const some = ofStream(stream).filter(
    (one, i) => i % 1201 === 0 || (one.secondPaddr !== undefined && i % 83 === 0),
  );
  return some.flatMap((one) =>
    SPACES.flatMap((space) =>
      partsOf(one, space).flatMap(([address, size]) => {
        const ranges = [
          { space, low: address, high: address + size },
          { space, low: address - (address % 64n), high: address - (address % 64n) + 64n },
          { space, low: address - (address % 4096n), high: address + 3n * 4096n },
        ];
        return ranges.filter(({ high }) => high <= 2n ** 64n);
      }),
    ),
  );
}

async function wholeList(lists: AccessLists, window: TraceWindow, step: number): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const part = await lists.part(window, found.length, step, signal);
    found.push(...part.ordinals);
    expect(part.total).toBeGreaterThanOrEqual(found.length);
    if (part.counted && found.length === part.total) return found;
  }
}

describe('the made-up trace', () => {
  it('has several chunks and crossing accesses in each stream', () => {
    for (const stream of [0, 1]) {
      expect(trace.chunks.filter((chunk) => chunk.stream === stream).length).toBeGreaterThan(4);
      expect(ofStream(stream).some((one) => one.secondPaddr !== undefined)).toBe(true);
      expect(ofStream(stream).some((one) => one.phys)).toBe(true);
    }
  });
});

describe.each([
  ['with an index', made.index],
  ['without an index', undefined],
])('a list %s', { timeout: 60_000 }, (_how, index) => {
  it('has the accesses that touch the range, whatever is scrolled to first', async () => {
    for (const stream of [0, 1]) {
      const end = ofStream(stream).length;
      for (const addresses of someRanges(stream)) {
        const window = { stream, from: 5, to: end - 5, addresses };
        const wanted = ofStream(stream)
          .filter((one) => one.ordinal >= 5 && one.ordinal < end - 5 && touches(one, addresses))
          .map(({ ordinal }) => ordinal);
        const lists = createAccessLists(trace, chunks, () => index);
        expect(await wholeList(lists, window, 7)).toEqual(wanted);
        const middle = Math.floor(wanted.length / 2);
        const jumped = await createAccessLists(trace, chunks, () => index).part(
          ...([window, middle, 3, signal] as const),
        );
        expect(jumped.ordinals).toEqual(wanted.slice(middle, middle + 3));
      }
    }
  });
});

describe('a list', () => {
  it('of everything is counted at once', async () => {
    const lists = createAccessLists(trace, chunks, () => undefined);
    const decoded = chunks.decoded.length;
    const window = { stream: 1, from: 10, to: 10_000_000, addresses: undefined };
    const part = await lists.part(window, 3, 4, signal);
    expect(part).toMatchObject({ ordinals: [13, 14, 15, 16], counted: true });
    expect(part.total).toBe(ofStream(1).length - 10);
    expect((await lists.part(window, part.total, 4, signal)).ordinals).toEqual([]);
    expect(chunks.decoded.length).toBe(decoded);
  });

  it('with an index decodes no chunk in which its page was not touched', async () => {
    const counts = new Map<bigint, Set<number>>();
    for (const one of ofStream(0)) {
      const chunk = trace.chunks.find(
        ({ stream, firstOrdinal, accessCount }) =>
          stream === 0 && one.ordinal >= firstOrdinal && one.ordinal < firstOrdinal + accessCount,
      );
      for (const [address, size] of partsOf(one, 'virtual')) {
        for (const page of new Set([address / 4096n, (address + size - 1n) / 4096n])) {
          const held = counts.get(page) ?? new Set();
          counts.set(page, held.add(chunk?.chunkIndex ?? -1));
        }
      }
    }
    const [page, held] = [...counts].find(([, in_]) => in_.size === 1) ?? [0n, new Set<number>()];
    const before = chunks.decoded.length;
    const addresses = { space: 'virtual' as const, low: page * 4096n, high: (page + 1n) * 4096n };
    const lists = createAccessLists(trace, chunks, () => made.index);
    await wholeList(lists, { stream: 0, from: 0, to: seen.length, addresses }, 1000);
    expect(new Set(chunks.decoded.slice(before))).toEqual(held);
  });

  it('shows what is counted already while it is counted on', async () => {
    const range = { space: 'virtual' as const, low: 0n, high: 2n ** 64n };
    const window = { stream: 0, from: 0, to: seen.length, addresses: range };
    const inOrder = trace.chunks.filter(({ stream }) => stream === 0);
    const held = requireDefined(inOrder[1], 'there are several');
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const slow = {
      ...chunks,
      columns: async (...words: Parameters<typeof chunks.columns>) => {
        if (words[0] === held.chunkIndex) await gate;
        return chunks.columns(...words);
      },
    };
    const lists = createAccessLists(trace, slow, () => undefined);
    const shown = await lists.part(window, 0, 5, signal);
    const all = lists.part(window, seen.length, 1, signal);
    expect(await lists.part(window, 0, 5, signal)).toEqual(shown);
    go();
    expect((await all).counted).toBe(true);
  });

  it('tells of a damaged chunk once and goes on behind it; one that was given up loses nothing', async () => {
    const range = { space: 'virtual' as const, low: 0n, high: 2n ** 64n };
    const window = { stream: 0, from: 0, to: seen.length, addresses: range };
    const inOrder = trace.chunks.filter(({ stream }) => stream === 0);
    const broken = requireDefined(inOrder[2], 'there are several');
    let mode: 'damaged' | 'left' = 'damaged';
    const leaving = new AbortController();
    const breaking = {
      ...chunks,
      columns: async (...words: Parameters<typeof chunks.columns>) => {
        if (words[0] === broken.chunkIndex && mode === 'damaged') {
          throw new TraceError('checksum', 'damaged');
        }
        if (words[0] === broken.chunkIndex && !leaving.signal.aborted) {
          leaving.abort(new Error('left'));
          throw new Error('left');
        }
        return chunks.columns(...words);
      },
    };
    const all = ofStream(0).filter((one) => touches(one, range));
    const isInBroken = ({ ordinal }: { readonly ordinal: number }): boolean =>
      ordinal >= broken.firstOrdinal && ordinal < broken.firstOrdinal + broken.accessCount;
    const lists = createAccessLists(trace, breaking, () => undefined);
    await expect(lists.part(window, 0, seen.length, signal)).rejects.toThrow('damaged');
    const rest = await lists.part(window, 0, seen.length, signal);
    expect(rest.ordinals).toEqual(all.filter((one) => !isInBroken(one)).map((one) => one.ordinal));

    mode = 'left';
    const others = createAccessLists(trace, breaking, () => undefined);
    await expect(others.part(window, 0, seen.length, leaving.signal)).rejects.toThrow('left');
    const whole = await others.part(window, 0, seen.length, signal);
    expect(whole.ordinals).toEqual(all.map((one) => one.ordinal));
  });
});

describe.each([
  ['with an index', made.index],
  ['without an index', undefined],
])('neighbours %s', { timeout: 60_000 }, (_how, index) => {
  it('are the nearest accesses to the bytes, the line and the page', async () => {
    for (const stream of [0, 1]) {
      const all = ofStream(stream);
      for (const one of all.filter((_one, i) => i % 197 === 0)) {
        for (const space of SPACES) {
          const [part] = partsOf(one, space);
          if (part === undefined) continue;
          const [low, size] = part;
          const ranges = [1n, 64n, 4096n].map((unit) => ({
            space,
            low: low - (low % unit),
            high: low + size + ((unit - ((low + size) % unit)) % unit),
          }));
          if (ranges.some(({ high }) => high > 2n ** 64n)) continue;
          const wanted = (range: AddressRange, forward: boolean): number | null => {
            const isThere = (other: (typeof all)[number]): boolean => touches(other, range);
            const found = forward
              ? all.slice(one.ordinal + 1).find(isThere)
              : all.slice(0, one.ordinal).findLast(isThere);
            return found?.ordinal ?? null;
          };
          for (const direction of ['forward', 'backward'] as const) {
            const isForward = direction === 'forward';
            const bounds = isForward
              ? { from: one.ordinal + 1, to: all.length }
              : { from: 0, to: one.ordinal };
            const query = { stream, direction, ranges, patienceMs: 60_000, ...bounds };
            const found = await findNearest(trace, chunks, index, query, signal);
            expect(found.complete).toBe(true);
            expect(found.ordinals).toEqual(ranges.map((range) => wanted(range, isForward)));
          }
        }
      }
    }
  });
});

describe('a search whose time is over', () => {
  it('says how far it came, and goes on from there', async () => {
    const range: AddressRange = {
      space: 'virtual',
      low: 0x1234_5678_9000n,
      high: 0x1234_5678_9001n,
    };
    let [from, to] = [0, ofStream(0).length];
    const base = { stream: 0, direction: 'forward' as const, ranges: [range] };
    const first = await findNearest(
      ...([trace, chunks, undefined, { ...base, from, to, patienceMs: -1 }, signal] as const),
    );
    expect(first).toEqual({ ordinals: [null], complete: false, isDamaged: false, searched: 0 });
    from = first.searched;
    const rest = await findNearest(
      ...([trace, chunks, undefined, { ...base, from, to, patienceMs: 60_000 }, signal] as const),
    );
    expect(rest).toEqual({ ordinals: [null], complete: true, isDamaged: false, searched: to });
    to = 0;
    const none = await findNearest(
      ...([trace, chunks, undefined, { ...base, from: 0, to, patienceMs: 1 }, signal] as const),
    );
    expect(none).toEqual({ ordinals: [null], complete: true, isDamaged: false, searched: 0 });
  });
});

describe('accesses that are picked', () => {
  it('are all there is to know of them, in the order asked for', async () => {
    for (const stream of [0, 1]) {
      const reader = createAccessReader(trace);
      const all = ofStream(stream);
      const wanted = all.filter((_one, i) => i % 31 === 3);
      const ordinals = wanted.map(({ ordinal }) => ordinal);
      const found = await reader.read(stream, ordinals, [all.length, all.length + 1], signal);
      expect(found.map(({ flags: _flags, ...one }) => one)).toEqual(
        wanted.map(({ ordinal, vcpu, icount, pc, vaddr, paddr, size, block, insn, cpl, cr3 }) => ({
          ...{
            ordinal,
            vcpu,
            icount: Number(icount),
            pc,
            vaddr,
            paddr,
            size,
            block,
            insn,
            cpl,
            cr3,
          },
        })),
      );
      expect(await reader.read(stream, [all.length], [], signal)).toEqual([]);
    }
  });
});
