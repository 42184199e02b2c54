// SPDX-License-Identifier: Apache-2.0
// Every case of every micro-guest, on the QEMU under test: guests/*.asm say what has to be recorded.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { requirePluginFile } from '../../src/capture/index.ts';
import {
  type ConformanceResult,
  readVerdicts,
  runConformance,
  verdictLetters,
} from '../../src/conformance/index.ts';
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

  it('is what docs/completeness.md says (else: node scripts/write-completeness.mjs)', () => {
    const file = path.join(import.meta.dirname, '..', '..', 'docs', 'completeness.md');
    const [qemu] = result.qemus;
    const documented = readVerdicts(readFileSync(file, 'utf8'), qemu?.version ?? '');
    expect(documented ?? 'no column of this QEMU').toEqual(verdictLetters(result.cases));
  });
});
