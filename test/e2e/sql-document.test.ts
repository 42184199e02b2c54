// SPDX-License-Identifier: Apache-2.0
// The questions of docs/sql.md, asked of the first part of a Linux boot: each has an answer with the columns shown.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootWords,
  demoGuest,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
} from './run-loadstore.ts';

/** To the first user programs. */
const ACCESSES = '115M';

const DOCUMENT = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'sql.md'), 'utf8');
const QUESTIONS = [
  ...DOCUMENT.matchAll(/^## \d+\. (.*)\n\n```sql\n([\s\S]*?)```\n\n```text\n(.*)\n/gm),
].map(([, title = '', sql = '', headline = '']) => ({
  title,
  sql,
  columns: headline.trim().split(/ {2,}/),
}));

describe.skipIf(!PLUGIN_IS_BUILT)('docs/sql.md', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  afterAll(folder.remove);

  beforeAll(async () => {
    const boot = bootWords(await demoGuest(), path.join(folder.path, 'console.txt'));
    const { exitCode } = await runLoadstore(
      ...['record', '-o', trace, '--limit-accesses', ACCESSES, '--', ...boot],
    );
    if (exitCode !== 0) throw new Error(`the boot was not recorded: exit code ${exitCode}`);
  }, 120_000);

  it('asks fifteen questions at least', () => {
    expect(QUESTIONS.length).toBeGreaterThanOrEqual(15);
    expect(QUESTIONS.length).toBe(DOCUMENT.match(/^## /gm)?.length);
  });

  it.each(QUESTIONS)(
    '$title',
    async ({ sql, columns }) => {
      const { exitCode, out, err } = await runLoadstore('query', trace, sql, '--json');
      expect(err).toBe('');
      expect(exitCode).toBe(0);
      const answer: unknown = JSON.parse(out);
      expect(answer).toMatchObject({ columns: columns.map((name) => ({ name })) });
      expect(answer).toMatchObject({ rows: expect.arrayContaining([expect.anything()]) });
    },
    120_000,
  );

  it('finds the instructions that store most as `hot` does, in whichever block they are', async () => {
    const question = QUESTIONS.find(({ title }) => title === 'Which instructions store most?');
    const answered = await runLoadstore('query', trace, question?.sql ?? '', '--json');
    const { rows }: StoresAnswer = JSON.parse(answered.out);
    const hot = await runLoadstore('hot', trace, '--report-top', '1000', '--json');
    const { result }: HotAnswer = JSON.parse(hot.out);
    const wanted = result.instructions.top
      .toSorted((a, b) => b.stores - a.stores)
      .slice(0, rows.length)
      .map(({ address, stores }) => [BigInt(address), stores]);
    expect(rows).toHaveLength(5);
    expect(rows.map(({ pc, stores }) => [BigInt(`0x${pc}`), Number(stores)])).toEqual(wanted);
  }, 120_000);
});

interface StoresAnswer {
  readonly rows: readonly { readonly pc: string; readonly stores: unknown }[];
}

interface HotAnswer {
  readonly result: {
    readonly instructions: { readonly top: readonly { address: string; stores: number }[] };
  };
}
