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
import { PLUGIN_IS_BUILT, qemuUnderTest, runLoadstore } from './run-loadstore.ts';

const DOCUMENT = path.join(import.meta.dirname, '..', '..', 'docs', 'completeness.md');
const { version } = await qemuUnderTest();
const documented = readVerdicts(readFileSync(DOCUMENT, 'utf8'), version.text);

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

  // The document has columns of the QEMUs of the matrix.
  it.skipIf(documented === undefined)(
    'is what docs/completeness.md says (else: node scripts/write-completeness.mjs)',
    () => {
      expect(documented).toEqual(verdictLetters(result.cases));
    },
  );

  it('is a command with JSON for scripts', async () => {
    const { path: qemu } = await qemuUnderTest();
    const { exitCode, out } = await runLoadstore('conformance', 'walks', '--json', '--qemu', qemu);
    expect(exitCode).toBe(0);
    const printed: unknown = JSON.parse(out);
    const walks = result.cases.filter(({ guest }) => guest === 'walks');
    expect(walks.length).toBeGreaterThan(3);
    expect(printed).toMatchObject({
      qemus: [{ path: qemu, version: result.qemus[0]?.version }],
      cases: walks.map(({ id, kind, mode, verdict, reason }) => ({
        ...{ id, kind, mode, verdict, reason, qemu: result.qemus[0]?.version },
      })),
      matrix: [{ kind: 'page-walk' }],
      unexplained: 0,
    });
  });

  it('runs a case alone', async () => {
    const { path: qemu } = await qemuUnderTest();
    // Behind --qemu a word would be another QEMU.
    const words = ['--json', '--qemu', qemu];
    const { exitCode, out } = await runLoadstore('conformance', 'walk-store', ...words);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ cases: [{ id: 'walk-store', guest: 'walks' }] });
    const none = await runLoadstore('conformance', 'walk-stor', ...words);
    expect([none.exitCode, none.err]).toEqual([2, expect.stringContaining('"walk-stor"')]);
  });
});
