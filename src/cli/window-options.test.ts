// SPDX-License-Identifier: Apache-2.0
// Windows against the accesses that the reference encoder says are in the part.
import { describe, expect, it } from 'vitest';
import type { Selection } from '../analysis/index.ts';
import { byteSourceFromBytes, openTraceSource, type Trace } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { windowsFrom } from './window-options.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 5, blockCount: 8, executions: 2000, streams: 2, oddity: 0.05 }),
);
const completed = seen.accesses.filter(({ aborted }) => !aborted);
const VCPUS = [...new Set(completed.map(({ vcpu }) => vcpu))];
const DEFAULT_WINDOWS = 64;

async function open(): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytes));
}

/** icounts of the part's accesses: the least, and one behind the greatest. */
function boundsOf({ ordinals, vcpu }: Selection): { begin: number; end: number } {
  const icounts = completed
    .filter((one) => vcpu === undefined || one.vcpu === vcpu)
    .filter(({ ordinal }) => ordinal >= (ordinals?.begin ?? 0))
    .filter(({ ordinal }) => ordinal < (ordinals?.end ?? Number.POSITIVE_INFINITY))
    .map(({ icount }) => Number(icount));
  return { begin: Math.min(...icounts), end: Math.max(...icounts) + 1 };
}

const INPUT = { words: [], options: new Map<string, unknown>() };

describe('windows of a part by ordinals', () => {
  const all = Math.max(...completed.map(({ ordinal }) => ordinal));
  const middle = Math.floor(all / 2);
  const parts: readonly { begin: number; end: number }[] = [
    { begin: 0, end: Number.POSITIVE_INFINITY },
    { begin: middle, end: Number.POSITIVE_INFINITY },
    { begin: 10, end: middle },
    { begin: middle, end: middle + 1000 },
    { begin: Math.floor(all / 3), end: Math.floor((2 * all) / 3) },
  ];

  const selections = parts
    .flatMap((ordinals) => [undefined, ...VCPUS].map((vcpu) => ({ ordinals, vcpu })))
    .filter((selection) => Number.isFinite(boundsOf(selection).begin));

  it.each(selections)('begin and end with its accesses: %j', async (selection) => {
    const windows = await windowsFrom(INPUT, await open(), selection);
    const { begin, end } = boundsOf(selection);
    expect([windows.firstIcount, windows.endIcount]).toEqual([begin, end]);
    expect(windows.windowInstructions).toBe(Math.ceil((end - begin) / DEFAULT_WINDOWS));
  });

  it('are as many as asked for', async () => {
    const selection = { ordinals: { begin: middle, end: middle + 100 } };
    const { begin, end } = boundsOf(selection);
    const window = Math.ceil((end - begin) / 20);
    const options = new Map<string, unknown>([['window', String(window)]]);
    const windows = await windowsFrom({ words: [], options }, await open(), selection);
    expect(windows.windowCount).toBe(Math.ceil((end - begin) / window));
  });

  it('are one for a part without an access', async () => {
    const selection = { ordinals: { begin: all + 1, end: all + 2 } };
    expect((await windowsFrom(INPUT, await open(), selection)).windowCount).toBe(1);
  });
});
