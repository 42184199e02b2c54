// SPDX-License-Identifier: Apache-2.0
// The questions of docs/sql.md, asked of the first part of a Linux boot: each has an answer with the columns shown, and the
// figures that other commands have for the same.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AddressSpacesCommandResult } from '../../src/cli/results.ts';
import {
  bootWords,
  demoGuest,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
} from './run-loadstore.ts';

/** Into the kernel's own initialisation, past its first page faults and interrupts. */
const ACCESSES = '115M';

const DOCUMENT = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'sql.md'), 'utf8');
const QUESTIONS = [
  ...DOCUMENT.matchAll(/^## \d+\. (.*)\n\n```sql\n([\s\S]*?)```\n\n```text\n(.*)\n/gm),
].map(([, title = '', sql = '', headline = '']) => ({
  title,
  sql,
  columns: headline.trim().split(/ {2,}/),
}));

type Row = Readonly<Record<string, string | number | null>>;

describe.skipIf(!PLUGIN_IS_BUILT)('docs/sql.md', () => {
  const folder = makeFolder();
  const answers = new Map<string, readonly Row[]>();
  /** The rows of a question, which has been asked above. */
  const answerOf = (title: string): readonly Row[] => {
    const rows = answers.get(title) ?? [];
    if (rows.length === 0) throw new Error(`no answer: ${title}`);
    return rows;
  };
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
    async ({ title, sql, columns }) => {
      const { exitCode, out, err } = await runLoadstore('query', trace, sql, '--json');
      expect(err).toBe('');
      expect(exitCode).toBe(0);
      const answer: { readonly rows: readonly Row[] } = JSON.parse(out);
      expect(answer).toMatchObject({ columns: columns.map((name) => ({ name })) });
      expect(answer.rows.length).toBeGreaterThan(0);
      answers.set(title, answer.rows);
    },
    120_000,
  );

  it('counts accesses by kind and size as `counts` does', async () => {
    const { result }: CountsAnswer = JSON.parse(await jsonText('counts', trace));
    const wanted = result.bySize
      .flatMap(({ sizeBytes: size, loads, stores }) => [
        { kind: 'load', size, accesses: loads },
        { kind: 'store', size, accesses: stores },
      ])
      .toSorted((a, b) => b.accesses - a.accesses);
    expect(answerOf('What kinds of accesses are there?')).toEqual(wanted.slice(0, 5));
  }, 120_000);

  it('counts accesses by privilege and time as `counts` does between icounts', async () => {
    const rows = answerOf('How does the access rate change, by privilege?');
    expect(rows.length).toBeGreaterThan(1);
    for (const { million_instructions: begin, kernel, user } of rows.slice(0, 2)) {
      const window = ['--from', `icount:${begin}M`, '--to', `icount:${Number(begin) + 100}M`];
      const { result }: CountsAnswer = JSON.parse(await jsonText('counts', trace, ...window));
      const ofCpl = (wanted: number): number => {
        const found = result.byCpl.find(({ cpl }) => cpl === wanted);
        return (found?.loads ?? 0) + (found?.stores ?? 0);
      };
      expect({ begin, kernel, user }).toEqual({ begin, kernel: ofCpl(0), user: ofCpl(3) });
    }
  }, 120_000);

  it('has the address spaces of `address-spaces`', async () => {
    const { result }: AddressSpacesCommandResult = JSON.parse(
      await jsonText('address-spaces', trace),
    );
    const wanted = result.addressSpaces
      .toSorted((a, b) => b.accesses - a.accesses)
      .map(({ number, cr3, programs, accesses, userAccesses, first, last }) => ({
        ...{ number, cr3: upperHex(cr3), program: programs[0]?.name ?? null, accesses },
        ...{ user_accesses: userAccesses, first_icount: first.icount, last_icount: last.icount },
      }));
    const rows = answerOf('Which address spaces are there, and how much do they access?');
    expect(rows).toEqual(wanted.slice(0, 5));
  }, 120_000);

  it('counts accesses of functions in an address space as `hot` does for its number', async () => {
    const rows = answerOf('Which function accesses memory most in each address space?');
    const named = rows.find((row) => row['function'] !== null);
    const { result }: HotAnswer = JSON.parse(
      await jsonText('hot', trace, '--address-space', `${named?.['number']}`),
    );
    const [most] = result.functions.top;
    expect(named).toMatchObject({
      function: most?.name,
      accesses: (most?.loads ?? 0) + (most?.stores ?? 0),
    });
  }, 120_000);

  it('counts ports, interrupts, exceptions and page faults as `events` lists them', async () => {
    const events = (await jsonText('events', trace, '--kind', 'ports,interrupts'))
      .trimEnd()
      .split('\n')
      .map((line) => {
        const event: Event = JSON.parse(line);
        return event;
      });
    const timesOf = (isOne: (event: Event) => boolean): number => events.filter(isOne).length;
    for (const { kind, port, size, times } of answerOf('Which ports are used?')) {
      const isOne = (event: Event): boolean =>
        event.name === kind && event.port === Number(port) && event.size === size;
      expect({ port, times }).toEqual({ port, times: timesOf(isOne) });
    }
    const interrupts = answerOf('Which interrupts and exceptions were there?');
    for (const { kind, vector, times, first_ordinal: first } of interrupts) {
      const isOne = (event: Event): boolean => event.name === kind && event.vector === vector;
      expect({ vector, times, first }).toEqual({
        ...{ vector, times: timesOf(isOne) },
        first: events.find(isOne)?.ordinal,
      });
    }
    for (const { pc, faults } of answerOf('Which instructions fault most?')) {
      const isOne = (event: Event): boolean =>
        event.name === 'exception' && event.vector === 14 && upperHex(event.ip ?? '0') === pc;
      expect({ pc, faults }).toEqual({ pc, faults: timesOf(isOne) });
    }
  }, 120_000);

  it('finds the instructions that store most as `hot` does, in whichever block they are, and pages', async () => {
    const { result }: HotAnswer = JSON.parse(await jsonText('hot', trace, '--report-top', '1000'));
    const stores = result.instructions.top
      .toSorted((a, b) => b.stores - a.stores)
      .map((one) => [upperHex(one.address), one.stores]);
    const rows = answerOf('Which instructions store most?');
    expect(rows).toHaveLength(5);
    expect(rows.map((row) => [row['pc'], Number(row['stores'])])).toEqual(stores.slice(0, 5));
    const pages = answerOf('Which pages are touched most, and over what time?');
    expect(pages).toHaveLength(5);
    expect(pages.map((row) => [row['page'], row['loads'], row['stores']])).toEqual(
      result.pages.top.slice(0, 5).map((one) => [upperHex(one.address), one.loads, one.stores]),
    );
    const functions = answerOf('Which functions access memory most?').filter(
      (row) => row['function'] !== null,
    );
    expect(functions.length).toBeGreaterThan(3);
    for (const { function: name, loads, stores: stored } of functions) {
      const found = result.functions.top.find((one) => one.name === name);
      expect({ name, loads, stores: stored }).toEqual({
        ...{ name, loads: found?.loads, stores: found?.stores },
      });
    }
  }, 120_000);

  it('counts the lines and pages of a window as `footprint` does, which has second lines of accesses too', async () => {
    const { result }: FootprintAnswer = JSON.parse(
      await jsonText('footprint', trace, '--window', '100M'),
    );
    const rows = answerOf('How large is the working set, window by window?');
    expect(result.windows).toHaveLength(rows.length);
    for (const [i, { all }] of result.windows.entries()) {
      for (const unit of ['lines', 'pages'] as const) {
        const count = Number(rows[i]?.[unit]);
        expect(count).toBeLessThanOrEqual(all[unit]);
        expect(count).toBeGreaterThan(0.98 * all[unit]);
      }
    }
  }, 120_000);
});

/** The words of a command with --json. */
async function jsonText(command: string, ...words: readonly string[]): Promise<string> {
  const { exitCode, out, err } = await runLoadstore(command, ...words, '--json');
  if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}: ${err}`);
  return out;
}

/** "0x1a" as to_hex() has it. */
function upperHex(address: string): string {
  return BigInt(address).toString(16).toUpperCase();
}

interface LoadsAndStores {
  readonly loads: number;
  readonly stores: number;
}

interface CountsAnswer {
  readonly result: {
    readonly bySize: readonly (LoadsAndStores & { readonly sizeBytes: number })[];
    readonly byCpl: readonly (LoadsAndStores & { readonly cpl: number })[];
  };
}

interface HotAnswer {
  readonly result: {
    readonly functions: { readonly top: readonly (LoadsAndStores & { name: string })[] };
    readonly instructions: { readonly top: readonly (LoadsAndStores & { address: string })[] };
    readonly pages: { readonly top: readonly (LoadsAndStores & { address: string })[] };
  };
}

interface FootprintAnswer {
  readonly result: {
    readonly windows: readonly { readonly all: { lines: number; pages: number } }[];
  };
}

interface Event {
  readonly name: string;
  readonly ordinal: number;
  readonly vector?: number;
  readonly ip?: string | null;
  readonly port?: number;
  readonly size?: number;
}
