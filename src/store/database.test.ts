// SPDX-License-Identifier: Apache-2.0
// Statements against counts by hand over what the reference encoder says is in the trace. Scanning threads run
// what was built: `npm run build` before this.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { DuckDBResult } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTrace, type Trace } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace, lacking } from '../format/reference-encoder.oracle.ts';
import { openTraceDatabase, type TraceDatabase } from './database.ts';
import { type Cell, columnsOf, jsonOfCell, rowsOf } from './result-rows.ts';
import type { DatabaseNames, DatabaseSpace } from './tables.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 5, blockCount: 8, executions: 1000, streams: 2, oddity: 0.2 }),
);
const accesses = seen.accesses.filter(({ aborted }) => !aborted);

const THREADS = 2;
/** f1, f2 or none, by the block; but for block 1 the second instruction is in g, and the others are in none. */
const NAMES: DatabaseNames = {
  functionsOf: (block) => {
    const first = { name: `f${block % 3}`, module: '', address: 0x40_0000n };
    const second = { name: 'g', module: '', address: 0x40_0100n };
    const stretches = [
      { firstInsn: 0, found: first },
      { firstInsn: 1, found: second },
      { firstInsn: 2, found: undefined },
    ];
    return block % 3 === 0 ? [] : stretches.slice(0, block === 1 ? 1 : undefined);
  },
  instructionsOf: () => [],
};
function functionAt(block: number, insn: number): string | null {
  if (block % 3 === 0) return null;
  return block === 1 || insn === 0 ? `f${block % 3}` : insn === 1 ? 'g' : null;
}

const SPACE: DatabaseSpace = {
  ...{ number: 1, cr3: '0x2000', userCr3: '0x3000', cr3Values: ['0x2001', '0xffffffffffff3001'] },
  ...{ accesses: 10, userAccesses: 4 },
  first: { ordinal: 3, vcpu: 1, icount: 20 },
  last: { ordinal: 90, vcpu: 0, icount: 2 ** 40 },
  programs: [
    { name: 'sh', accesses: 3 },
    { name: 'libc.so.6', accesses: 1 },
  ],
};
const OTHER: DatabaseSpace = { ...SPACE, number: 2, userCr3: null, programs: [] };
let timesAsked = 0;

let folder = '';
let trace: Trace;
let database: TraceDatabase;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'store-'));
  const file = path.join(folder, 'a.memtrace');
  await writeFile(file, bytes);
  trace = await openTrace(file);
  database = await openTraceDatabase({
    trace,
    names: NAMES,
    findSpaces: async () => {
      timesAsked++;
      return Promise.resolve([SPACE, OTHER]);
    },
    threads: THREADS,
    files: true,
    workerUrl: new URL('../../dist/store/scan.worker.js', import.meta.url),
  });
});
afterAll(async () => {
  database.close();
  await trace.close();
  await rm(folder, { recursive: true });
});

/** Asks a trace without physical addresses and CR3. */
async function poorly(sql: string): Promise<void> {
  const file = path.join(folder, 'poor.memtrace');
  const changeTotals = lacking(['paddr', 'address-space'], 'not in this QEMU');
  const program = randomTrace({ seed: 5, blockCount: 8, executions: 50, streams: 1, oddity: 0.1 });
  await writeFile(file, encodeTrace(program, { changeTotals }).bytes);
  const poor = await openTrace(file);
  const asked = await openTraceDatabase({ trace: poor, names: NAMES, threads: 1 });
  try {
    await asked.query(sql, async () => Promise.resolve());
  } finally {
    asked.close();
    await poor.close();
  }
}

async function rows(sql: string): Promise<(readonly Cell[])[]> {
  return database.query(sql, allRows);
}

async function allRows(result: DuckDBResult): Promise<(readonly Cell[])[]> {
  const all: (readonly Cell[])[] = [];
  for await (const part of rowsOf(result)) all.push(...part);
  return all;
}

/** Of a trace of its own, with one address space. */
async function askOf(name: string, content: Uint8Array, sql: string): Promise<(readonly Cell[])[]> {
  const file = path.join(folder, `${name}.memtrace`);
  await writeFile(file, content);
  const own = await openTrace(file);
  const findSpaces = async (): Promise<DatabaseSpace[]> => Promise.resolve([SPACE]);
  const opened = await openTraceDatabase({ trace: own, names: NAMES, findSpaces, threads: 1 });
  try {
    return await opened.query(sql, allRows);
  } finally {
    opened.close();
    await own.close();
  }
}

const known = (value: bigint): Cell => (value === 2n ** 64n - 1n ? null : value);

describe('accesses', () => {
  it('are all there, in order, with every column', async () => {
    const expected = accesses.map((access) => [
      BigInt(access.ordinal),
      access.stream,
      access.vcpu,
      access.icount,
      known(access.pc),
      access.phys ? null : access.vaddr,
      known(access.paddr),
      access.size,
      access.store ? 'store' : 'load',
      ['instruction', 'event-delivery', 'page-walk'][access.origin],
      access.cpl === 255 ? null : access.cpl,
      access.cr3,
      access.device,
      access.block,
      access.insn,
      functionAt(access.block, access.insn),
    ]);
    expect(expected.length).toBeGreaterThan(2048);
    expect(new Set(accesses.map(({ block, insn }) => functionAt(block, insn))).size).toBe(4);
    expect(await rows('select * from accesses')).toEqual(expected);
  });

  it('are counted without any column', async () => {
    expect(await rows('select count(*) from accesses')).toEqual([[BigInt(accesses.length)]]);
  });

  it('may be left unread, and read again', async () => {
    expect(await rows('select ordinal from accesses limit 2')).toEqual([[0n], [1n]]);
    expect(await rows('select ordinal from accesses limit 1')).toEqual([[0n]]);
  });

  it('can be read twice by one statement', async () => {
    const [[pairs] = []] = await rows(`select count(*) from accesses a join accesses b
      on a.stream = b.stream and a.ordinal = b.ordinal where a.size = 8`);
    expect(pairs).toBe(BigInt(accesses.filter(({ size }) => size === 8).length));
  });

  it('come to one thread of DuckDB, by name and through views; other tables have all', async () => {
    const threadsOf = async (table: string): Promise<unknown> => {
      const [[threads] = []] = await rows(
        `select current_setting('threads') from ${table} limit 1`,
      );
      return Number(threads);
    };
    expect(await threadsOf('accesses')).toBe(1);
    expect(await threadsOf('blocks')).toBe(THREADS);
    expect(await threadsOf('(select page from pages) p')).toBe(1);
  });
});

describe('bounds taken from WHERE', () => {
  const columns = ['ordinal', 'icount', 'pc', 'vaddr', 'paddr', 'size', 'cpl', 'cr3', 'block'];
  const values = accesses.flatMap(({ vaddr, pc, icount, paddr }) => [vaddr, pc, icount, paddr]);
  const value = fc.oneof(
    fc.nat(3000).map(BigInt),
    fc.nat(values.length - 1).map((i) => values[i] ?? 0n),
    fc.constantFrom(0n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n),
  );
  const comparison = fc.oneof(
    fc
      .tuple(fc.constantFrom(...columns), fc.constantFrom('=', '<', '<=', '>', '>=', '<>'), value)
      .map(([column, operator, number_]) => `${column} ${operator} 0x${number_.toString(16)}`),
    fc
      .tuple(fc.constantFrom(...columns), fc.constantFrom('<', '>='), value)
      .map(([column, operator, number_]) => `${number_} ${operator} accesses.${column}`),
    fc
      .tuple(fc.constantFrom(...columns), value, value)
      .map(([column, low, high]) => `${column} between ${low} and ${high}`),
    fc
      .tuple(fc.constantFrom(...columns), fc.array(value, { minLength: 1, maxLength: 3 }))
      .map(([column, list]) => `${column} in (${list.join(', ')})`),
    fc.constantFrom("kind = 'store'", 'not device', 'vaddr % 16 = 8', 'paddr is null'),
  );
  const condition = fc
    .array(comparison, { minLength: 1, maxLength: 3 })
    .chain((parts) => fc.constantFrom(...['and', 'or'].map((word) => parts.join(` ${word} `))));

  it('change no answer', async () => {
    const everything = path.join(folder, 'everything.parquet');
    await database.write('select * from accesses', everything, 'parquet');
    await fc.assert(
      fc.asyncProperty(condition, async (where) => {
        const counts = 'count(*), sum(ordinal), min(vaddr)';
        const within = await rows(`select ${counts} from accesses where ${where}`);
        expect(within).toEqual(
          await rows(`select ${counts} from '${everything}' accesses where ${where}`),
        );
      }),
      { numRuns: 25 }, // each starts threads that scan
    );
  }, 180_000);
});

describe('other tables', () => {
  it('have what the trace has', async () => {
    expect(await rows('select count(*) from blocks')).toEqual([[BigInt(trace.code.blockCount)]]);
    expect(await rows('select sum(accesses) from chunks')).toEqual([
      [BigInt(seen.accesses.length)],
    ]);
    expect(await rows('select * from functions order by name')).toEqual([
      ['f1', '', 0x40_0000n, 3],
      ['f2', '', 0x40_0000n, 2],
      ['g', '', 0x40_0100n, 0],
    ]);
    expect(await rows('select distinct block, function from blocks order by block')).toEqual(
      Array.from({ length: trace.code.blockCount }, (_, block) => [block, functionAt(block, 0)]),
    );
    const [[instructions] = []] = await rows('select count(*) from instructions');
    const ids = Array.from({ length: trace.code.blockCount }, (_, id) => id);
    expect(instructions).toBe(BigInt(ids.reduce((sum, id) => sum + trace.code.insnCount(id), 0)));
    expect(
      await rows('select block, insn, function from instructions order by block, insn'),
    ).toEqual(
      ids.flatMap((id) =>
        Array.from({ length: trace.code.insnCount(id) }, (_, insn) => [
          ...[id, insn, functionAt(id, insn)],
        ]),
      ),
    );
    let events = 0;
    for await (const _ of trace.notes({ kinds: ['event', 'port', 'cr3', 'vcpu', 'gap'] })) events++;
    expect(events).toBeGreaterThan(0);
    expect(await rows('select count(*) from events')).toEqual([[BigInt(events)]]);
  });

  it('can be made of accesses', async () => {
    const pages = new Set(accesses.filter(({ phys }) => !phys).map(({ vaddr }) => vaddr >> 12n));
    expect(await rows('select count(*) from pages')).toEqual([[BigInt(pages.size)]]);
  });

  it('have address spaces as they are found, once, by the first statement that wants them', async () => {
    expect(timesAsked).toBe(0);
    expect(await rows('select * from address_spaces order by number')).toEqual([
      [
        ...[1, 0x2000n, 0x3000n, [8193n, 18_446_744_073_709_498_369n], 3n, 90n, 'sh', 3n],
        ...[10n, 4n, 1, 20n, 0, 2n ** 40n],
      ],
      [
        ...[2, 0x2000n, null, [8193n, 18_446_744_073_709_498_369n], 3n, 90n, null, null],
        ...[10n, 4n, 1, 20n, 0, 2n ** 40n],
      ],
    ]);
    expect(await rows('select count(*) from address_spaces')).toEqual([[2n]]);
    expect(timesAsked).toBe(1);
  });

  it('have whole tables as address spaces where streams have ordinals of their own', async () => {
    const { bytes: parted, seen: own } = encodeTrace(
      randomTrace({ seed: 6, blockCount: 8, executions: 100, streams: 2, oddity: 0.2 }),
      { changeTotals: lacking(['global-order'], 'not in this QEMU') },
    );
    const last = own.accesses.reduce((most, { ordinal }) => Math.max(most, ordinal), 0);
    const sql = 'select from_ordinal, to_ordinal from address_spaces';
    expect(await askOf('parted', parted, sql)).toEqual([[0n, BigInt(last)]]);
  });

  it('are without address spaces where CR3 is not known', async () => {
    const { bytes: poor } = encodeTrace(
      randomTrace({ seed: 5, blockCount: 8, executions: 50, streams: 1, oddity: 0.1 }),
      { changeTotals: lacking(['address-space'], 'not in this QEMU') },
    );
    await expect(askOf('poor', poor, 'select * from address_spaces')).rejects.toThrow(
      /the trace has no table address_spaces: /,
    );
  });

  it('are all in the schema, with types', async () => {
    const schema = await database.schema();
    expect(schema.map(({ name }) => name)).toEqual([
      ...['accesses', 'blocks', 'instructions', 'functions', 'chunks', 'events'],
      ...['address_spaces', 'pages'],
    ]);
    for (const { name, columns } of schema) {
      const described = await rows(`select column_name from (describe select * from ${name})`);
      expect(columns.map((column) => column.name)).toEqual(described.map(([column]) => column));
      expect(columns.every(({ type }) => type !== '')).toBe(true);
    }
  });
});

describe('a statement that cannot be answered', () => {
  it.each([
    ['select nonsense from accesses', /nonsense/],
    ['selec 1', /not SQL: syntax error at or near "selec"/],
    ['select 1; select 2', /one SELECT at a time/],
    ['', /there is no statement/],
    ['drop view accesses', /only a SELECT/],
    ["copy accesses to '/tmp/x'", /only a SELECT/],
    ['select * from nowhere', /nowhere/],
  ])('%s', async (sql, message) => {
    await expect(rows(sql)).rejects.toThrow(
      expect.objectContaining({ kind: 'bad-argument', message: expect.stringMatching(message) }),
    );
  });

  it('ends when it is aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(
      database.query('select 1', async () => Promise.resolve(), { signal }),
    ).rejects.toThrow('enough');
  });

  it('waits for the one before it', async () => {
    const counts = await Promise.all(
      [8, 4].map(async (size) => rows(`select count(*) from accesses where size = ${size}`)),
    );
    expect(counts).toEqual(
      [8, 4].map((size) => [[BigInt(accesses.filter((access) => access.size === size).length)]]),
    );
  });

  it('suggests tables of a trace, not those of DuckDB', async () => {
    const messageOf = async (table: string): Promise<string> => {
      const asked = database.query(`select * from ${table}`, async () => Promise.resolve());
      return asked.then(
        () => '',
        (error: unknown) => String(error),
      );
    };
    expect(await messageOf('event')).toMatch(/event does not exist! Did you mean "events"\?/);
    expect(await messageOf('pg_enums')).toMatch(
      /pg_enums does not exist! There are accesses, blocks, .*, address_spaces, pages\.$/,
    );
    // DuckDB's suggestions of functions are as good as any.
    expect(await messageOf('accesses where bitcount(1) = 1')).toMatch(/Did you mean "bit_count/);
  });

  it.each([
    ['select count(paddr) from accesses', 'column paddr'],
    ['select a.PADDR from accesses a', 'column paddr'],
    ['select 1 from accesses where vaddr = 3 and paddr = 3', 'column paddr'],
    ['select * exclude (paddr) from accesses', 'column paddr'],
    ['select * from accesses join accesses b using (paddr)', 'column paddr'],
    ['select cr3 from accesses', 'column cr3'],
    ['select * from address_spaces', 'table address_spaces'],
  ])('says why the trace does not have what was asked for: %s', async (sql, what) => {
    await expect(poorly(sql)).rejects.toThrow(
      expect.objectContaining({
        kind: 'missing-capability',
        message: `the trace has no ${what}: not in this QEMU`,
      }),
    );
  });

  it('has its own words where the trace does not have other things either', async () => {
    for (const [sql, words] of [
      ['select vadd from accesses', /"vadd" not found/],
      ['select * from pg_enums', /There are accesses, .*, pages\.$/],
    ] as const) {
      await expect(poorly(sql)).rejects.toThrow(
        expect.objectContaining({ kind: 'bad-argument', message: expect.stringMatching(words) }),
      );
    }
    // A table of that name is there.
    await poorly('with address_spaces as (select 1 as cr3) select cr3 from address_spaces');
  });

  it('keeps its hands off files unless it may use them', async () => {
    const closed = await openTraceDatabase({ trace, names: NAMES, threads: 1 });
    const file = path.join(folder, 'secret.csv');
    await writeFile(file, 'a\n1\n');
    await expect(
      closed.query(`select * from '${file}'`, async () => Promise.resolve()),
    ).rejects.toThrow(/not SQL for this trace/);
    closed.close();
  });
});

describe('write', () => {
  it('makes files that hold the result', async () => {
    const file = path.join(folder, 'out.csv');
    const sql = "select ordinal, kind from accesses where kind = 'store'";
    const count = await database.write(sql, file, 'csv');
    const stores = accesses.filter(({ store }) => store);
    expect(count).toBe(stores.length);
    expect(await readFile(file, 'utf8')).toBe(
      `ordinal,kind\n${stores.map(({ ordinal }) => `${ordinal},store\n`).join('')}`,
    );
    const parquet = path.join(folder, "it's.parquet");
    await database.write('select * from accesses', parquet, 'parquet');
    const quoted = parquet.replaceAll("'", "''");
    expect(
      await rows(`(select * from '${quoted}' except all select * from accesses)
        union all (select * from accesses except all select * from '${quoted}')`),
    ).toEqual([]);
  });

  it('leaves nothing behind when it fails', async () => {
    const file = path.join(folder, 'bad.csv');
    await expect(
      database.write("select error(concat('at ', ordinal)) from accesses", file, 'csv'),
    ).rejects.toThrow(/at 0/);
    expect(existsSync(file) || existsSync(`${file}.partial`)).toBe(false);
    const nowhere = path.join(folder, 'no', 'folder.csv');
    await expect(database.write('select 1', nowhere, 'csv')).rejects.toMatchObject({
      message: `cannot write ${nowhere}: no such file or directory`,
      remedy: 'name another output: -o',
    });
  });
});

describe('columnsOf', () => {
  it('names columns, their types, and which are numbers', async () => {
    const columns = await database.query('select ordinal, kind from accesses limit 0', (result) =>
      Promise.resolve(columnsOf(result)),
    );
    expect(columns).toEqual([
      { name: 'ordinal', type: 'UBIGINT', isNumber: true },
      { name: 'kind', type: 'ENUM', isNumber: false },
    ]);
  });

  it('names types without the words of enumerations, as DESCRIBE then does', async () => {
    const sql = `select [function] as functions, {'a': kind, 'b': 'x' || function} as pair from accesses limit 0`;
    const columns = await database.query(sql, (result) => Promise.resolve(columnsOf(result)));
    expect(columns).toEqual([
      { name: 'functions', type: 'ENUM[]', isNumber: false },
      { name: 'pair', type: 'STRUCT("a" ENUM, "b" VARCHAR)', isNumber: false },
    ]);
    const described = await rows('describe accesses');
    expect(described.map(([name, type]) => [name, type])).toContainEqual(['function', 'ENUM']);
    const schema = await database.schema();
    expect(schema[0]?.columns.filter(({ type }) => type.startsWith('ENUM'))).toMatchObject(
      ['kind', 'origin', 'function'].map((name) => ({ name, type: 'ENUM' })),
    );
  });

  it('knows that numbers are those that are one', async () => {
    const sql = "select 1::hugeint, 1.5, 1e3, interval 1 day, [1], {'a': 1}, 'INT'";
    const columns = await database.query(sql, (result) => Promise.resolve(columnsOf(result)));
    expect(columns.map(({ isNumber }) => isNumber)).toEqual([
      ...[true, true, true],
      ...[false, false, false, false],
    ]);
  });
});

describe('cells', () => {
  it('have a kind by the type of their column, and JSON keeps every digit, as that of DuckDB does', async () => {
    const sql = `select * from (values
      (1::ubigint, 1::bigint, 1::hugeint, 1.50::decimal(5, 2), [1::bigint], {'a': 0.1::decimal(3, 1)}, 1, 'a"b'),
      (18446744073709551615, -9007199254740993, 170141183460469231731687303715884105727, -0.25,
       [9007199254740993], {'a': 12.5}, 2, null)) t(u, b, h, d, l, s, i, v)`;
    const [first = [], second = []] = await rows(sql);
    expect(first.map((cell) => typeof cell).slice(0, 4)).toEqual([
      ...['bigint', 'bigint', 'bigint', 'object'],
    ]);
    expect(first.map(jsonOfCell)).toEqual([
      ...['1', '1', '1', '1.50', '[1]', '{"a":0.1}', '1', '"a\\"b"'],
    ]);
    expect(second.map(jsonOfCell)).toEqual([
      ...['18446744073709551615', '-9007199254740993', '170141183460469231731687303715884105727'],
      ...['-0.25', '[9007199254740993]', '{"a":12.5}', '2', 'null'],
    ]);
  });

  it('are words where a floating-point number is none', async () => {
    const [cells = []] = await rows("select 0.5::double, 'inf'::double, 'nan'::float");
    expect(cells.map(jsonOfCell)).toEqual(['0.5', '"Infinity"', '"NaN"']);
  });
});
