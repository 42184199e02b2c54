// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { countsAnalysis } from '../analysis/index.ts';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { affordableThreads } from './affordable-threads.ts';
import { analyseWith } from './analyse.ts';

function threadsFor(insns: number, wanted: number): number {
  return affordableThreads({ insnBase: Uint32Array.of(0, 1, insns), blockCount: 2 }, wanted);
}

describe('threads that a pass has memory for', () => {
  it('are all that are wanted for the code of a boot', () => {
    expect(threadsFor(370_000, 16)).toBe(16);
    expect(threadsFor(0, 2)).toBe(2);
  });

  it('are fewer for more code, down to one', () => {
    expect([2 ** 22, 2 ** 22 + 1, 2 ** 30].map((insns) => threadsFor(insns, 8))).toEqual([2, 1, 1]);
  });

  it('are not more than are wanted', () => {
    expect([0, 1, 3].map((wanted) => threadsFor(2 ** 20, wanted))).toEqual([0, 1, 3]);
  });

  it('are as many as a pass takes', async () => {
    const { bytes } = encodeTrace(
      randomTrace({ seed: 5, blockCount: 9, executions: 1200, streams: 1, oddity: 0.2 }),
    );
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const requests = [{ analysis: countsAnalysis, parameters: {} }];
    const threadsWith = async (blocks: number, workers: number, keepsFree = false) => {
      // The same trace, but for what its code table says that there is.
      const code = { ...trace.code, blockCount: blocks, insnCount: () => 512, mode: () => 0 };
      let threads = 0;
      const options = { workers, keepsFree };
      await analyseWith(
        { ...trace, code },
        requests,
        options,
        async (_trace, shape, _plan, own) => {
          threads = own.workers;
          const state = countsAnalysis.init({}, shape, { index: 0, count: 1 });
          return { states: [state], selected: { accesses: 1, runs: 1 } };
        },
      );
      return threads;
    };
    expect(await threadsWith(2 ** 10, 4)).toBe(4);
    expect(await threadsWith(2 ** 13, 4)).toBe(2);
    // 0: in this thread.
    expect(await threadsWith(2 ** 14, 4)).toBe(0);
    expect(await threadsWith(2 ** 14, 4, true)).toBe(1);
    expect(await threadsWith(2 ** 14, 1)).toBe(1);
    expect(await threadsWith(2 ** 10, 0)).toBe(0);
  });
});
