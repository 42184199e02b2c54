// SPDX-License-Identifier: Apache-2.0
// Every case of every micro-guest, on the QEMU under test: guests/*.asm say what has to be recorded.

import { beforeAll, describe, expect, it } from 'vitest';
import { requirePluginFile } from '../../src/capture/index.ts';
import { type ConformanceResult, runConformance } from '../../src/conformance/index.ts';
import { PLUGIN_IS_BUILT, qemuUnderTest } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('conformance', () => {
  let result: ConformanceResult;

  beforeAll(async () => {
    result = await runConformance({
      qemus: [await qemuUnderTest()],
      pluginFile: requirePluginFile(process.env['LOADSTORE_PLUGIN']),
    });
  });

  it('has cases of every row of the matrix, each with an id of its own', () => {
    expect(new Set(result.cases.map(({ id }) => id)).size).toBe(result.cases.length);
    const counted = result.matrix.flatMap(({ counts }) =>
      counts.flatMap((count) => Object.values(count)),
    );
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(result.cases.length);
  });

  it('records what each case declares, and nothing else', () => {
    const wrong = result.cases.filter(({ reason }) => reason.startsWith('unexplained'));
    expect(wrong).toEqual([]);
    expect(result.problems).toEqual([]);
    expect(result.unexplained).toBe(0);
  });
});
