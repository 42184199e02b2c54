// SPDX-License-Identifier: Apache-2.0
// A few seconds of fuzzing; `npm run fuzz -- --minutes 10` makes it longer.
import { expect, it } from 'vitest';
import { fuzzTrace } from '../../test/fuzz/fuzz-trace.oracle.ts';

const minutes = Number(process.env['LOADSTORE_FUZZ_MINUTES'] ?? 4 / 60);
const seed = Number(process.env['LOADSTORE_FUZZ_SEED'] ?? 1);

it('reads or refuses every damaged file, quickly and in little memory', {
  timeout: minutes * 60_000 + 60_000,
}, async () => {
  const result = await fuzzTrace(seed, minutes * 60_000);
  if (process.env['LOADSTORE_FUZZ_MINUTES'] !== undefined) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  expect(result.files).toBeGreaterThan(50);
  expect(result.readable).toBeGreaterThan(0);
  expect(result.refused['corrupt']).toBeGreaterThan(0);
  expect(result.slowestMs).toBeLessThan(20_000);
  expect(result.highestArrayBytes).toBeLessThan(2 ** 30);
});
