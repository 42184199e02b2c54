// SPDX-License-Identifier: Apache-2.0
// What the box finds is what a walk over all accesses finds; when it did not look at everything, it says so.

import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { requireDefined, TraceError } from '../base/index.ts';
import { shapeOfTrace } from '../engine/index.ts';
import { createAccessReader } from './access-rows.ts';
import { createCodePlaces } from './code-places.ts';
import { find, type SearchedTrace } from './find.ts';
import { createSearchMarks } from './search-marks.ts';
import { makeUp } from './test-chunks.oracle.ts';

const signal = new AbortController().signal;
const { trace, seen, chunks, index } = await makeUp(11, 2);
const session: SearchedTrace = {
  ...{ trace, chunks, shape: shapeOfTrace(trace) },
  accesses: createAccessReader(trace),
  codePlaces: createCodePlaces(trace.code),
  searchMarks: createSearchMarks(),
  index: { find: () => index },
  names: { hasSymbols: false },
  symbols: { findNamed: () => [] },
};
const ofStream = seen.filter(({ stream }) => stream === 0);
const isOfCode = ({ origin }: (typeof seen)[number]): boolean => origin === 0;
const some = ofStream.filter((one, at) => at % 397 === 5 && isOfCode(one));

function ordinalOf(reply: Awaited<ReturnType<typeof find>>): unknown {
  return [reply.complete, reply.places[0]?.ordinal];
}

describe('the box for finding', () => {
  it('finds the first access of an instruction, at an icount, to an address', async () => {
    expect(some.length).toBeGreaterThan(5);
    for (const one of some) {
      const pc = `pc:0x${one.pc.toString(16)}`;
      const ofPc = ofStream.find((other) => isOfCode(other) && other.pc === one.pc);
      expect(ordinalOf(await find(session, 0, pc, signal))).toEqual([true, ofPc?.ordinal]);
      const icount = `icount:${one.icount}`;
      const ofIcount = ofStream.find(
        ({ icount: other, vcpu }) => vcpu === one.vcpu && other >= one.icount,
      );
      const reply = await find(session, 0, icount, signal);
      expect(reply.complete).toBe(true);
      expect(reply.places.map(({ ordinal }) => ordinal)).toContain(ofIcount?.ordinal);
    }
  });

  it('says that it did not look at everything when the time is over', async () => {
    const [one] = some;
    const { pc, icount, vaddr } = requireDefined(one, 'there are some');
    for (const words of [
      `pc:0x${pc.toString(16)}`,
      `icount:${icount}`,
      `0x${vaddr.toString(16)}`,
    ]) {
      const reply = await find(session, 0, words, signal, -1);
      expect([words, reply.complete]).toEqual([words, false]);
      expect(reply.places.filter(({ ordinal }) => ordinal !== null)).toEqual([]);
    }
    const nobody = await find(session, 0, 'pc:0x123456789000', signal);
    expect(nobody).toMatchObject({ kind: 'nothing', complete: true });
  });

  it('goes on from there when it is asked again, until it is found or nowhere', async () => {
    const slow: SearchedTrace = {
      ...session,
      searchMarks: createSearchMarks(),
      chunks: {
        ...chunks,
        async columns(chunkIndex, names) {
          await wait(3);
          return chunks.columns(chunkIndex, names);
        },
      },
    };
    const firsts = new Map<bigint, number>();
    for (const one of ofStream) {
      if (isOfCode(one) && !firsts.has(one.pc)) firsts.set(one.pc, one.ordinal);
    }
    const [pc, ordinal] = requireDefined(
      [...firsts].toSorted(([, a], [, b]) => a - b).at(-1),
      'an instruction of which the first access is late',
    );
    const chunkCount = trace.chunks.filter(({ stream }) => stream === 0).length;
    const ask = async (words: string) => {
      const replies = [await find(slow, 0, words, signal, 1)];
      while ((replies.at(-1)?.searched ?? 1) < 1 && replies.length <= chunkCount) {
        replies.push(await find(slow, 0, words, signal, 1));
      }
      return replies;
    };
    const replies = await ask(`pc:0x${pc.toString(16)}`);
    expect(replies.length).toBeGreaterThan(1);
    expect(replies.map(({ complete }) => complete)).toEqual(
      replies.map((_, at) => at === replies.length - 1),
    );
    const searched = replies.map((reply) => reply.searched);
    expect(searched).toEqual(searched.toSorted((a, b) => a - b));
    expect(new Set(searched).size).toBe(searched.length);
    expect(replies.at(-1)?.places[0]?.ordinal).toBe(ordinal);
    // Another instruction is searched for from the begin on.
    const other = await ask(`pc:0x${ofStream.find(isOfCode)?.pc.toString(16)}`);
    expect(other.at(-1)?.places[0]?.ordinal).toBe(ofStream.find(isOfCode)?.ordinal);
  });

  it('does not forget what was damaged when it goes on', async () => {
    const marks = createSearchMarks();
    const words = `pc:0x${requireDefined(some[0], 'there are some').pc.toString(16)}`;
    const blind: SearchedTrace = {
      ...session,
      searchMarks: marks,
      chunks: {
        ...chunks,
        async columns() {
          await wait(3);
          throw new TraceError('checksum', 'damaged');
        },
      },
    };
    const first = await find(blind, 0, words, signal, 1);
    expect(first.searched).toBeLessThan(1);
    const whole = await find({ ...session, searchMarks: marks }, 0, words, signal);
    expect(whole).toMatchObject({ searched: 1, complete: false });
  });

  it('says when there are no names to find a function by', async () => {
    for (const words of ['schedule', 'function:schedule']) {
      const { message } = await find(session, 0, words, signal);
      expect(message).toContain('--symbols');
    }
  });

  it('does not say that nothing was there while there is no index to tell', async () => {
    const early: SearchedTrace = { ...session, index: { find: () => undefined } };
    const { vaddr } = requireDefined(some[0], 'there are some');
    const reply = await find(early, 0, `0x${vaddr.toString(16)}`, signal);
    expect(reply).toMatchObject({ places: [], complete: false });
    expect(reply.message).toContain('index');
  });

  it('passes over what is damaged, and says so', async () => {
    const [broken] = trace.chunks.filter(({ stream }) => stream === 0);
    const damaged: SearchedTrace = {
      ...session,
      chunks: {
        ...chunks,
        columns: async (chunkIndex, names) => {
          if (chunkIndex !== broken?.chunkIndex) return chunks.columns(chunkIndex, names);
          throw new TraceError('checksum', 'damaged');
        },
      },
    };
    const behind = broken?.accessCount ?? 0;
    const hidden = new Set(ofStream.filter((one) => one.ordinal < behind).map(({ pc }) => pc));
    const first = requireDefined(
      ofStream.find((one) => isOfCode(one) && one.ordinal >= behind && hidden.has(one.pc)),
      'it has several chunks',
    );
    const reply = await find(damaged, 0, `pc:0x${first.pc.toString(16)}`, signal);
    expect(ordinalOf(reply)).toEqual([false, first.ordinal]);
  });
});
