// SPDX-License-Identifier: Apache-2.0
// "loadstore cache" without instruction fetches: instructions, and misses for each 1,000 of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { CountsReport } from './analysis-results.ts';
import type { CacheReport } from './cache-report.ts';
import { hearCli, type Said } from './program.oracle.ts';

let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'cache-instructions-'));
  file = path.join(folder, 'a.memtrace');
  writeFileSync(
    file,
    encodeTrace(randomTrace({ seed: 5, blockCount: 9, executions: 600, streams: 1, oddity: 0.2 }))
      .bytes,
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** R: what the command prints as JSON. */
async function report<R>(command: string, ...words: string[]): Promise<R> {
  const said = await hearCli([command, file, '--jobs', '1', ...words, '--json'], {
    LOADSTORE_CACHE: folder,
  });
  expect({ exitCode: said.exitCode, err: said.err }).toEqual({ exitCode: 0, err: '' });
  const parsed: R = JSON.parse(said.out);
  return parsed;
}

async function textOf(...words: string[]): Promise<string> {
  return (await hearCli(['cache', file, '--jobs', '1', ...words], { LOADSTORE_CACHE: folder })).out;
}

describe('cache without instruction fetches', () => {
  it.each([
    [[]],
    [['--from', '100', '--to', '900']],
    // Somewhere within blocks.
    ...[61, 62, 63, 64, 65, 66].map((at) => [['--from', `icount:${at}`, '--to', 'icount:1007']]),
    [['--vcpu', '0']],
    [['--cpl', '3']],
    [['--from', 'icount:50', '--cpl', '0']],
    [['--warmup-refs', '0']],
  ])('%j: its instructions are those of counts', async (selection) => {
    const isWarm = selection.includes('--warmup-refs');
    const { result: counts } = await report<CountsReport>('counts', ...(isWarm ? [] : selection));
    expect(counts.instructions).toBeGreaterThan(0);
    for (const option of ['--use-physical', '--data-only']) {
      const { result } = await report<CacheReport>('cache', option, ...selection);
      expect(result.instructions).toBe(counts.instructions);
      expect(result.whyNoInstructions).toBeNull();
      expect(result.levels.map(({ name, mpki }) => [name, mpki])).toEqual(
        result.levels.map(({ name, misses }) => [name, (1000 * misses) / counts.instructions]),
      );
      expect(result.levels.map(({ misses }) => misses)).not.toContain(0);
    }
  });

  it('of a part with instructions, but no access, is refused', async () => {
    const env = { LOADSTORE_CACHE: folder };
    const ask = async (...words: string[]): Promise<Said> =>
      hearCli([...words, '--jobs', '1', '--json'], env);
    for (let icount = 0; ; icount++) {
      const part = ['--from', `icount:${icount}`, '--to', `icount:${icount + 1}`];
      const counted = await ask('counts', file, ...part);
      if (counted.exitCode !== 0) continue; // no block begins there
      const { result }: CountsReport = JSON.parse(counted.out);
      if (result.accesses > 0) continue;
      const said = await ask('cache', file, '--data-only', ...part);
      expect(said).toMatchObject({ exitCode: 2, out: '' });
      expect(said.err).toContain(`${file}: the selection leaves no access\nTry: a wider selection`);
      return;
    }
  });

  it.each([
    [['--address', '0x0-0xffffffffffffffff'], '--address chooses accesses, not instructions'],
    [
      ['--physical-address', '0x0+1T', '--from', '5'],
      '--physical-address chooses accesses, not instructions',
    ],
    [['--warmup-refs', '10'], 'it is not known how many of them are of the warm-up'],
    [['--warmup-refs', '10', '--from', '5'], 'it is not known how many of them are of the warm-up'],
    [['--warmup-fraction', '0.1'], 'it is not known how many of them are of the warm-up'],
  ])('%j: says why it does not know', async (words, why) => {
    const { result } = await report<CacheReport>('cache', '--data-only', ...words);
    expect(result).toMatchObject({ instructions: null, whyNoInstructions: why });
    expect(result.levels.map(({ mpki }) => mpki)).toEqual([null, null, null]);
    const line = `Nothing for each 1,000 instructions: ${why}.`;
    expect(await textOf('--data-only', ...words)).toContain(line);
    // With fetches the instructions that were fetched are known.
    const { result: both } = await report<CacheReport>('cache', ...words);
    expect(both.instructions).toBeGreaterThan(0);
    expect(both.whyNoInstructions).toBeNull();
    expect(await textOf(...words)).not.toContain('Nothing for each');
  });
});
