// SPDX-License-Identifier: Apache-2.0
// Ranges, filters and columns give exactly the part of the whole that they name.
import { describe, expect, it } from 'vitest';
import { halves, TraceError } from '../base/index.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { endRepeating, randomTrace } from './program.oracle.ts';
import type { AccessOptions } from './read-accesses.ts';
import type { BlockOptions } from './read-blocks.ts';
import { NOTE_NAMES, type NoteName, type NoteOptions, type TraceNote } from './read-notes.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import type { RefItem, SeenAccess } from './reference-trace.oracle.ts';
import { openTraceSource, type Trace } from './trace.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 3, blockCount: 6, executions: 400, streams: 2, oddity: 0.2 }),
);

async function open(): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytes));
}

async function ordinalsOf(options: AccessOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of (await open()).accesses({
    ...options,
    columns: ['ordinal', 'vaddr'],
  })) {
    expect(batch.length).toBeGreaterThan(0);
    expect(batch.firstOrdinal).toBe(batch.ordinal?.[0]);
    expect(batch.endOrdinal).toBe((batch.ordinal?.at(-1) ?? 0) + 1);
    batch.ordinal?.forEach((ordinal, i) => {
      found.push(`${batch.stream}:${ordinal}:${batch.vaddr?.[i]}`);
    });
  }
  return found;
}

function wanted(isWanted: (access: SeenAccess) => boolean): string[] {
  return seen.accesses
    .filter(isWanted)
    .map(({ stream, ordinal, vaddr }) => `${stream}:${ordinal}:${vaddr}`);
}

describe('accesses()', () => {
  it('leaves aborted ones out unless asked', async () => {
    expect(seen.accesses.some(({ aborted }) => aborted)).toBe(true);
    expect(await ordinalsOf({})).toEqual(wanted(({ aborted }) => !aborted));
    expect(await ordinalsOf({ includeAborted: true })).toEqual(wanted(() => true));
  });

  it('takes ranges of ordinals, exactly', async () => {
    const count = seen.accesses.filter(({ stream }) => stream === 0).length;
    for (const [from, to] of [
      [0, 1],
      [1, 17],
      [100, 300],
      [count - 1, count],
      [count, count + 5],
      [9, 9],
    ]) {
      if (from === undefined || to === undefined) continue;
      expect(await ordinalsOf({ from, to, includeAborted: true })).toEqual(
        wanted(({ ordinal }) => ordinal >= from && ordinal < to),
      );
    }
  });

  it('takes one stream, one vCPU', async () => {
    expect(await ordinalsOf({ stream: 1 })).toEqual(wanted((a) => a.stream === 1 && !a.aborted));
    for (const vcpu of [0, 1, 2]) {
      expect(await ordinalsOf({ vcpu })).toEqual(wanted((a) => a.vcpu === vcpu && !a.aborted));
    }
  });

  it('keeps copies, and halves share memory', async () => {
    const batches = [];
    for await (const batch of (await open()).accesses({ copy: true })) batches.push(batch);
    const all = batches.flatMap(({ vaddr }) => [...vaddr]);
    expect(all).toEqual(seen.accesses.filter(({ aborted }) => !aborted).map(({ vaddr }) => vaddr));
    const column = BigUint64Array.of(0xffff_8880_1234_5678n);
    expect([...halves(column)]).toEqual([0x1234_5678, 0xffff_8880]);
    expect(halves(column).buffer).toBe(column.buffer);
  });

  it('iterates twice at once', async () => {
    const trace = await open();
    const one = trace.accesses({ columns: ['vaddr'] })[Symbol.asyncIterator]();
    const first = await one.next();
    const sums: number[] = [];
    for await (const batch of trace.accesses({ columns: ['vaddr'] })) sums.push(batch.length);
    let count = first.done === true ? 0 : first.value.length;
    for (let step = await one.next(); step.done !== true; step = await one.next()) {
      count += step.value.length;
    }
    expect(count).toBe(sums.reduce((a, b) => a + b, 0));
  });

  it('refuses nonsense and stops when told', async () => {
    const trace = await open();
    expect(() => trace.accesses({ from: -1 })).toThrow(TraceError);
    expect(() => trace.accesses({ to: 1.5 })).toThrow('whole number');
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    const iterate = async (): Promise<void> => {
      for await (const batch of trace.accesses({ signal: stop.signal }))
        expect(batch.length).toBe(-1);
    };
    await expect(iterate()).rejects.toThrow('enough');
  });
});

describe('blocks() and notes()', () => {
  it('takes ranges and one vCPU', async () => {
    const trace = await open();
    const ids: number[] = [];
    for await (const batch of trace.blocks({ stream: 0, from: 5, to: 50, copy: true }))
      ids.push(...batch.id);
    const expected = seen.blocks.filter(({ stream }) => stream === 0).slice(5, 50);
    expect(ids).toEqual(expected.map(({ id }) => id));
    let count = 0;
    for await (const batch of trace.blocks({ vcpu: 1 })) count += batch.length;
    expect(count).toBe(seen.blocks.filter(({ vcpu }) => vcpu === 1).length);
  });

  it('tells which go on with the repeated instruction of the one before, which is counted once', async () => {
    const program = randomTrace({
      ...{ seed: 3, blockCount: 6, executions: 400, streams: 2, oddity: 0.2 },
    });
    const { bytes: repeating, seen: repeated } = encodeTrace(endRepeating(program));
    const trace = await openTraceSource(byteSourceFromBytes(repeating));
    const sum = async (options: BlockOptions): Promise<{ instructions: number; goOn: number }> => {
      let [instructions, goOn] = [0, 0];
      for await (const batch of trace.blocks(options)) {
        for (let i = 0; i < batch.length; i++) {
          instructions += (batch.executed[i] ?? 0) - (batch.continues[i] ?? 0);
          goOn += batch.continues[i] ?? 0;
        }
      }
      return { instructions, goOn };
    };
    const all = await sum({});
    expect(all).toEqual({ instructions: repeated.instructions, goOn: 2 * 2 });
    expect(trace.summary().instructions).toBe(all.instructions);
    const each = await Promise.all([0, 1, 2].map(async (vcpu) => sum({ vcpu, copy: true })));
    expect(each.reduce((total, one) => total + one.instructions, 0)).toBe(all.instructions);
    expect(each.reduce((total, one) => total + one.goOn, 0)).toBe(all.goOn);
  });

  it('gives the notes that were written, in order', async () => {
    const program = randomTrace({
      seed: 3,
      blockCount: 6,
      executions: 400,
      streams: 2,
      oddity: 0.2,
    });
    const events = program.streams
      .flat()
      .filter((item): item is Extract<RefItem, { type: 'event' }> => item.type === 'event');
    const found = [];
    for await (const note of (await open()).notes({ kinds: ['event'] })) {
      if (note.kind === 'event')
        found.push({
          type: 'event',
          what: note.what,
          error: note.error,
          ip: note.ip,
          cr2: note.cr2,
        });
    }
    expect(found).toEqual(events);
  });

  it('gives each kind of note the same alone as among all', async () => {
    async function read(kinds: readonly NoteName[]): Promise<TraceNote[]> {
      const notes: TraceNote[] = [];
      for await (const note of (await open()).notes({ kinds })) notes.push(note);
      return notes;
    }
    const all = await read(NOTE_NAMES);
    for (const name of NOTE_NAMES) {
      const alone = await read([name]);
      expect(alone.length).toBeGreaterThan(0);
      expect(alone).toEqual(all.filter(({ kind }) => kind === name));
    }
  });

  it('refuses notes of no kind or stream at once', async () => {
    const trace = await open();
    const kinds: NoteOptions = JSON.parse('{"kinds": ["event", "evnet"]}');
    expect(() => trace.notes(kinds)).toThrow(
      expect.objectContaining({
        kind: 'bad-argument',
        facts: expect.objectContaining({
          found: 'evnet',
          expected: expect.stringContaining('vcpu, cr3'),
        }),
      }),
    );
    expect(() => trace.notes({ stream: -1 })).toThrow('stream is not a whole number from 0');
    expect(() => trace.notes({ stream: 2 })).toThrow(
      expect.objectContaining({
        kind: 'bad-argument',
        facts: expect.objectContaining({ found: '2', expected: '0, 1' }),
      }),
    );
  });
});
