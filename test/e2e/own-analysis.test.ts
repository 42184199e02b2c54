// SPDX-License-Identifier: Apache-2.0
// `loadstore run` on a module in TypeScript, from outside: with the Node.js that is here, in one thread and in several.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomTrace } from '../../src/format/program.oracle.ts';
import { encodeTrace } from '../../src/format/reference-encoder.oracle.ts';
import { jsonOf, makeFolder, runLoadstore } from './run-loadstore.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 3, blockCount: 8, executions: 3000, streams: 1, oddity: 0.2 }),
);
const completed = seen.accesses.filter(({ aborted }) => !aborted);

const ANALYSIS = `
import { type Bytes, isWide } from './wide.ts';

interface State { all: number; wide: number }

export const analysis = {
  name: 'wide',
  order: 'any' as const,
  columns: ['size'] satisfies string[],
  init: (): State => ({ all: 0, wide: 0 }),
  consume(state: State, batch: { length: number; size: Uint8Array }): void {
    state.all += batch.length;
    for (let i = 0; i < batch.length; i++) if (isWide(batch.size[i] as Bytes)) state.wide++;
  },
  merge: (a: State, b: State): State => ({ all: a.all + b.all, wide: a.wide + b.wide }),
  finish: (state: State): State => state,
};
`;
const WIDE = `
export type Bytes = number;
export function isWide<T extends Bytes>(bytes: T): boolean { return bytes > 8; }
`;

const folder = makeFolder();
const trace = path.join(folder.path, 'a.memtrace');
const module = path.join(folder.path, 'mine.ts');
beforeAll(() => {
  writeFileSync(trace, bytes);
  writeFileSync(module, ANALYSIS);
  writeFileSync(path.join(folder.path, 'wide.ts'), WIDE);
});
afterAll(folder.remove);

describe('an analysis in TypeScript', () => {
  it.each(['1', '2'])('runs, and what it imports, with --jobs %s', async (jobs) => {
    expect(await jsonOf('run', module, trace, '--jobs', jobs)).toMatchObject({
      analysis: 'wide',
      result: {
        all: completed.length,
        wide: completed.filter(({ size }) => size > 8).length,
      },
    });
  });

  it.each([
    ['enum Kind { load }', 'line 1: TypeScript enum is not supported'],
    ['\nconst x: = 3;', 'line 2: Unexpected token'],
  ])('%j is refused with the place', async (text, words) => {
    const wrong = path.join(folder.path, 'wrong.ts');
    writeFileSync(wrong, text);
    const { exitCode, err } = await runLoadstore('run', wrong, trace);
    expect(err).toContain(`wrong.ts: the module does not load (found ${words}`);
    expect(exitCode).toBe(2);
  });
});
