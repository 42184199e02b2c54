// SPDX-License-Identifier: Apache-2.0
// Parquet exports and queries from outside, on a trace that no QEMU made: what is written, what is refused and with
// which words, and that nothing which is not whole looks whole.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AddressSpacesCommandResult } from '../../src/cli/results.ts';
import { randomTrace } from '../../src/format/program.oracle.ts';
import { encodeTrace, lacking } from '../../src/format/reference-encoder.oracle.ts';
import type { RefItem, RefTrace } from '../../src/format/reference-trace.oracle.ts';
import { jsonOf, LOADSTORE, makeFolder, runLoadstore, startOnSmallDisk } from './run-loadstore.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 11, blockCount: 8, executions: 400, streams: 1, oddity: 0.2 }),
);
const completed = seen.accesses.filter(({ aborted }) => !aborted);
const DOCUMENT = readFileSync('docs/exports.md', 'utf8');
const folder = makeFolder();
const trace = path.join(folder.path, 'a.memtrace');
const at = (name: string): string => path.join(folder.path, name);
beforeAll(() => {
  writeFileSync(trace, bytes);
});
afterAll(folder.remove);

/** Rows of the last of these statements. */
async function askDuckDB(sql: string): Promise<readonly (readonly unknown[])[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRows();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

const exportTo = async (output: string, ...words: string[]) =>
  runLoadstore('export', trace, '--to', 'parquet', '-o', at(output), ...words);

describe('what the table of formats has DuckDB asked', () => {
  it.each([
    ['csv', 'rows'],
    ['csv', 'rows.csv.gz'],
    ['parquet', 'rows.parquet'],
  ])('is answered of %s, called %s', async (format, name) => {
    const { exitCode } = await runLoadstore('export', trace, '--to', format, '-o', at(name));
    expect(exitCode).toBe(0);
    const [, sql = ''] =
      new RegExp(`^### ${format}\n[^#]*\`duckdb -c "(.*)"\``, 'm').exec(DOCUMENT) ?? [];
    const counts = (await askDuckDB(sql.replace('OUT', at(name)))).map((row) => Number(row.at(-1)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(completed.length);
  });
});

describe('a Parquet export', () => {
  it('is a folder, whole, and tells what is in it', async () => {
    const told = await jsonOf('export', trace, '--to', 'parquet', '-o', at('x'));
    expect(told).toMatchObject({
      format: 'parquet',
      records: completed.length,
      lost: { aborted: seen.accesses.length - completed.length },
    });
    const files = readdirSync(at('x'), { recursive: true, encoding: 'utf8' });
    expect(files).toContain('_SUCCESS');
    expect(files).toContain('vcpu=0/part-00000.parquet');
    const sizes = files.map((file) => statSync(path.join(at('x'), file)));
    const total = sizes.reduce((sum, facts) => sum + (facts.isFile() ? facts.size : 0), 0);
    expect(told).toMatchObject({ bytes: total });
    expect(existsSync(at('x.partial'))).toBe(false);
  });

  it('is read by DuckDB as docs/exports.md says', async () => {
    const [, example = ''] = /^```sql\n-- DuckDB\n([^]*?)^```/m.exec(DOCUMENT) ?? [];
    const sql = example
      .replace('boot.parquet', at('x'))
      .replace('1000000000 and 1001000000', '0 and 100000')
      .replace('ffffffff81000000', '8000000000000000');
    const expected = completed.filter(
      ({ vcpu, phys, vaddr }) => vcpu === 0 && !phys && vaddr >= 2n ** 63n,
    );
    expect(expected.length).toBeGreaterThan(10);
    const counts = new Map((await askDuckDB(sql)).map(([kind, count]) => [kind, Number(count)]));
    for (const kind of ['load', 'store']) {
      const isStore = kind === 'store';
      expect(counts.get(kind) ?? 0).toBe(expected.filter(({ store }) => store === isStore).length);
    }
  });

  it('replaces only with --force, and only what an export can have made', async () => {
    await exportTo('y');
    expect(await exportTo('y')).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/y exists\n.*--force/),
    });
    expect((await exportTo('y', '--force')).exitCode).toBe(0);
    writeFileSync(at('y/vcpu=0/notes.txt'), 'precious');
    const refused = await exportTo('y', '--force');
    expect(refused).toMatchObject({ exitCode: 2, err: expect.stringContaining('notes.txt') });
    expect(existsSync(at('y/vcpu=0/notes.txt'))).toBe(true);
    writeFileSync(at('z'), 'precious');
    expect(await exportTo('z', '--force')).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('not a folder'),
    });
  });

  it('of nothing is none', async () => {
    const { exitCode, err } = await exportTo('none', '--from', '1G');
    expect(exitCode).toBe(2);
    expect(err).toMatch(/--from is behind the last access[^]*Try: an earlier --from/);
    expect(existsSync(at('none'))).toBe(false);
    expect(existsSync(at('none.partial'))).toBe(false);
  });

  it('of a damaged trace is none', async () => {
    const damaged = Uint8Array.from(bytes);
    const middle = Math.floor(damaged.length / 2);
    damaged[middle] = (damaged[middle] ?? 0) ^ 0xff;
    writeFileSync(at('damaged.memtrace'), damaged);
    const words = ['--to', 'parquet', '-o', at('damaged')];
    const { exitCode, err } = await runLoadstore('export', at('damaged.memtrace'), ...words);
    expect(exitCode).toBe(3);
    expect(err).toContain('damaged.memtrace');
    expect(readdirSync(folder.path).filter((name) => /^damaged(\.partial)?$/.test(name))).toEqual(
      [],
    );
  });

  it('and a query’s, on a full disk, leave nothing, and say so', async () => {
    mkdirSync(at('disk'));
    mkdirSync(at('copy'));
    const commands = [
      ['export', trace, '--to', 'parquet', '-o', at('disk/x')],
      ['query', trace, 'select * from accesses', '-o', at('disk/x.parquet')],
      ['query', trace, 'select * from accesses', '-o', at('disk/x.csv')],
    ];
    for (const words of commands) {
      const { exitCode, err } = await startOnSmallDisk(at('disk'), 8, at('copy'), words).finished;
      expect(err).toMatch(
        /cannot write .*disk.x.*: .*[Nn]o space left on .*device[^]*Try: name an output/,
      );
      expect(exitCode).toBe(4);
    }
    expect(readdirSync(at('copy'))).toEqual([]);
  });
});

describe('a query', () => {
  it('says which column is not there, and where to look', async () => {
    const { exitCode, err } = await runLoadstore('query', trace, 'select adress from accesses');
    expect(exitCode).toBe(2);
    expect(err).toMatch(/"adress" not found[^]*Try: .*--schema/);
  });

  it('without a row says so', async () => {
    const sql = 'select ordinal from accesses where ordinal > 1000000000';
    expect(await runLoadstore('query', trace, sql)).toMatchObject({
      exitCode: 0,
      err: expect.stringContaining('no row: the statement selects nothing'),
    });
    expect(await runLoadstore('query', trace, sql, '-o', at('none.csv'))).toMatchObject({
      exitCode: 0,
      err: expect.stringContaining('0 rows written'),
    });
    const some = await runLoadstore('query', trace, 'select ordinal from accesses limit 1');
    expect(some).toMatchObject({ exitCode: 0, err: '' });
  });

  it('overwrites nothing', async () => {
    writeFileSync(at('q.csv'), 'precious');
    expect(await runLoadstore('query', trace, 'select 1', '-o', at('q.csv'))).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('q.csv exists'),
    });
    expect(execFileSync('cat', [at('q.csv')], { encoding: 'utf8' })).toBe('precious');
  });

  it('for physical addresses, which a trace may lack, says that there are none', async () => {
    const { bytes: poor } = encodeTrace(
      randomTrace({ seed: 5, blockCount: 8, executions: 50, streams: 1, oddity: 0.1 }),
      { changeTotals: lacking(['paddr', 'cpl'], 'not in this QEMU') },
    );
    writeFileSync(at('poor.memtrace'), poor);
    const { exitCode, err } = await runLoadstore(
      'query',
      at('poor.memtrace'),
      'select paddr from accesses',
    );
    expect(exitCode).toBe(3);
    expect(err).toMatch(/the trace has no column paddr: not in this QEMU\nTry: record again/);
    const words = ['--to', 'parquet', '--cpl', '3', '-o', at('poor')];
    expect(await runLoadstore('export', at('poor.memtrace'), ...words)).toMatchObject({
      exitCode: 3,
      err: expect.stringMatching(
        /--cpl: the trace has no cpl: not in this QEMU[^]*Try: leave --cpl out/,
      ),
    });
    expect(existsSync(at('poor'))).toBe(false);
  });
});

describe('standard output', () => {
  /** Ends as the shell command does, in which $0 is loadstore and $1 the trace. */
  const inShell = (command: string) =>
    spawnSync('bash', ['-o', 'pipefail', '-c', command, LOADSTORE, trace], { encoding: 'utf8' });

  it.each(['info "$1"', 'dump "$1"', 'query "$1" "select * from accesses"', 'report "$1" --json'])(
    'that is full is told by loadstore %s',
    (words) => {
      expect(inShell(`"$0" ${words} > /dev/full`)).toMatchObject({
        status: 4,
        stderr: expect.stringMatching(
          /^loadstore: cannot write standard output: no space left on the device\nTry: name an output where there is room: > FILE\n$/m,
        ),
      });
    },
  );

  it('that is closed early is no failure', () => {
    for (const words of ['dump "$1"', 'query "$1" "select * from accesses" --limit 0']) {
      const { status, stdout, stderr } = inShell(`"$0" ${words} | head -1`);
      expect({ status, stderr, lines: stdout.split('\n').length }).toEqual({
        ...{ status: 0, stderr: '', lines: 2 },
      });
    }
  });

  it('takes an export, whole or told as a failure; the result goes beside it', () => {
    const words = 'export "$1" --to csv -o - --json';
    const whole = inShell(`"$0" ${words}`);
    expect(whole.status).toBe(0);
    expect(whole.stdout.trimEnd().split('\n')).toHaveLength(1 + completed.length);
    expect(JSON.parse(whole.stderr)).toMatchObject({ records: completed.length, output: '-' });
    for (const [reader, why] of [
      ['> /dev/full', 'no space left on the device'],
      ['| true', 'its reader went away'],
    ] as const) {
      expect(inShell(`"$0" ${words} ${reader}`)).toMatchObject({
        status: 4,
        stderr: expect.stringContaining(`loadstore: cannot write standard output: ${why}\nTry: `),
      });
    }
  });

  it('that nobody hears the errors beside is written all the same', () => {
    expect(inShell('"$0" info "$1" --json 2> /dev/full')).toMatchObject({ status: 0 });
    expect(inShell('"$0" query "$1" "select nosuch from accesses" 2> /dev/full')).toMatchObject({
      ...{ status: 2, stdout: '' },
    });
  });
});

/** What `query` says of each address space: what the table has, and what accesses join it. */
const SPACES_SQL = `with spaces as (select number, unnest(cr3_values) as cr3, from_ordinal, to_ordinal from address_spaces),
joined as (select number, count(*) as accesses, arg_min(icount, ordinal) as joined_first,
  arg_max(icount, ordinal) as joined_last from accesses join spaces on accesses.cr3 = spaces.cr3 and ordinal between from_ordinal and to_ordinal group by number)
select *, to_hex(cr3) as table, to_hex(user_cr3) as user_table, joined.accesses as joined
from address_spaces join joined using (number) order by number`;

/** Two processes of a kernel that isolates its page tables: user code runs with the upper page of a pair. */
function isolatedTrace(): RefTrace {
  const block = (vaddr: bigint, mode: number) => ({
    ...{ vaddr, mode, lastRep: false, insnLengths: [3] },
    code: Uint8Array.from([0x48, 0x8b, 0x03]),
  });
  const run = (id: number, vaddr: bigint): RefItem => ({
    ...{ type: 'block', id },
    accesses: [{ insn: 0, store: false, sizeLog2: 3, vaddr }],
  });
  const process = (table: bigint, turns: number): RefItem[] =>
    Array.from({ length: turns }, (): RefItem[] => [
      { type: 'cr3', cr3: table },
      run(0, 0xffff_8880_0000_0000n),
      { type: 'cr3', cr3: table + 0x1000n },
      run(1, 0x7000n),
      run(1, 0x7008n),
    ]).flat();
  return {
    blocks: [block(0xffff_ffff_8100_0000n, 0xc080), block(0x40_1000n, 0xc083)],
    streams: [[{ type: 'vcpu', vcpu: 0 }, ...process(0x20_0000n, 3), ...process(0x30_0000n, 5)]],
  };
}

describe('--address-space', () => {
  const isolated = at('isolated.memtrace');
  beforeAll(() => {
    writeFileSync(isolated, encodeTrace(isolatedTrace()).bytes);
  });
  const accessesOf = async (file: string, space: string): Promise<unknown> => {
    const report = await jsonOf('counts', file, '--address-space', space);
    return typeof report === 'object' && report !== null && 'result' in report
      ? report.result
      : undefined;
  };

  it('takes the numbers of address-spaces, which fold the two tables of a process', async () => {
    expect(await jsonOf('address-spaces', isolated)).toMatchObject({
      result: {
        isolated: true,
        addressSpaces: [
          { number: 1, cr3: '0x200000', userCr3: '0x201000', accesses: 9 },
          { number: 2, cr3: '0x300000', userCr3: '0x301000', accesses: 15 },
        ],
      },
    });
    expect(await accessesOf(isolated, '1')).toMatchObject({ accesses: 9 });
    expect(await accessesOf(isolated, '2')).toMatchObject({ accesses: 15 });
  });

  it('takes either table for both', async () => {
    for (const cr3 of ['0x200000', '0x201000']) {
      expect(await accessesOf(isolated, cr3)).toMatchObject({ accesses: 9 });
    }
  });

  it('is for exports, too', async () => {
    const words = ['--to', 'csv', '--address-space', '2', '-o', at('two.csv')];
    expect(await jsonOf('export', isolated, ...words)).toMatchObject({ records: 15 });
  });

  it('takes no number that there is not', async () => {
    const { exitCode, err } = await runLoadstore('counts', isolated, '--address-space', '3');
    expect(exitCode).toBe(2);
    expect(err).toMatch(/no address space of that number.*expected 1 to 2.*or a CR3 with 0x/);
  });

  it('has, in any trace, the accesses that are told of its number', async () => {
    const { out } = await runLoadstore('address-spaces', trace, '--json');
    const listed: AddressSpacesCommandResult = JSON.parse(out);
    const { addressSpaces: spaces } = listed.result;
    expect(spaces.length).toBeGreaterThan(3);
    for (const { number, accesses } of spaces.slice(0, 4)) {
      expect(await accessesOf(trace, `${number}`)).toMatchObject({ accesses });
    }
  });
});

describe('the table of address spaces', () => {
  const isolated = at('isolated-sql.memtrace');
  beforeAll(() => {
    writeFileSync(isolated, encodeTrace(isolatedTrace()).bytes);
  });

  it.each([
    ['a kernel that isolates its tables', isolated],
    ['any trace', trace],
  ])('has the rows of the command, and the accesses of each join it, in %s', async (_, file) => {
    const listed = await runLoadstore('address-spaces', file, '--json');
    const { result }: AddressSpacesCommandResult = JSON.parse(listed.out);
    const asked = await runLoadstore('query', file, SPACES_SQL, '--json');
    const { rows }: { rows: readonly Record<string, unknown>[] } = JSON.parse(asked.out);
    const hex = (address: string): string => BigInt(address).toString(16).toUpperCase();
    expect(rows.length).toBeGreaterThan(1);
    expect(rows).toHaveLength(result.addressSpaces.length);
    expect(rows).toMatchObject(
      result.addressSpaces.map((space) => ({
        number: space.number,
        table: hex(space.cr3),
        user_table: space.userCr3 === null ? null : hex(space.userCr3),
        cr3_values: space.cr3Values.map(Number),
        accesses: space.accesses,
        user_accesses: space.userAccesses,
        program: null,
        first_icount: space.first.icount,
        last_icount: space.last.icount,
        joined_first: space.first.icount,
        joined_last: space.last.icount,
        joined: space.accesses,
      })),
    );
  });
});

describe('bench analyse', () => {
  it('measures a Parquet export and a query of one page beside analyses', async () => {
    const names = 'counts,export-parquet,query-page';
    const words = ['--analyses', names, '--runs', '1', '--json'];
    const { out } = await runLoadstore('bench', 'analyse', trace, ...words);
    const figures = {
      accessesPerSecond: expect.any(Number),
      accessesPerCpuSecond: expect.any(Number),
      scalingTwoWorkers: expect.any(Number),
      peakBytes: expect.any(Number),
    };
    const analyses = Object.fromEntries(names.split(',').map((name) => [name, figures]));
    expect(JSON.parse(out)).toMatchObject({ accesses: completed.length, analyses });
  });

  it('names what there is to measure', async () => {
    const { exitCode, err } = await runLoadstore('bench', 'analyse', trace, '--analyses', 'query');
    expect(exitCode).toBe(2);
    expect(err).toContain('query-page');
  });
});
