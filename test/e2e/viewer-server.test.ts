// SPDX-License-Identifier: Apache-2.0
// What the viewer's server answers about the first part of a Linux boot, against what the command line says of it; who
// is refused; and what it says when the trace is gone or damaged.

import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  AccessesReply,
  AccessReply,
  AddressesReply,
  ApiError,
  FindReply,
  JobsReply,
  NamesReply,
  NeighbourReply,
  SqlReply,
  SummaryReply,
  TraceReply,
  TracksReply,
} from '../../src/server/protocol.ts';
import { TILE_HEAD_WORDS, TILE_MAGIC, TileHead } from '../../src/server/protocol.ts';
import { flipByteOfChunk } from './damaged-chunk.ts';
import { crossingsOf, firstOf, ordinalsOf, symbolOf } from './every-access.ts';
import {
  bootWords,
  demoGuest,
  jsonOf,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
} from './run-loadstore.ts';
import { type RunningViewer, startViewer } from './running-viewer.ts';

/** Into the kernel's own code. */
const ACCESSES = '62M';
const FROM = 55_000_000;
const COUNT = 4096;

interface DumpRow {
  readonly ordinal: number;
  readonly icount: number;
  readonly vcpu: number;
  readonly pc: string;
  readonly op: string;
  readonly size: number;
  readonly vaddr?: string;
  readonly paddr?: string;
  readonly cpl: number;
  readonly symbol?: string;
  readonly marks?: readonly string[];
}

describe.skipIf(!PLUGIN_IS_BUILT)('the viewer', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  const indexFile = `${trace}.view`;
  let viewer: RunningViewer;
  let first: TraceReply;
  let dumped: DumpRow[];
  let symbolsFile = '';

  beforeAll(async () => {
    const guest = await demoGuest();
    symbolsFile = guest.symbolsFile;
    const boot = bootWords(guest, path.join(folder.path, 'console.txt'));
    const { exitCode } = await runLoadstore(
      ...['record', '-o', trace, '--limit-accesses', ACCESSES, '--', ...boot],
    );
    if (exitCode !== 0) throw new Error(`the boot was not recorded: exit code ${exitCode}`);
    viewer = await startViewer(trace);
    first = await viewer.settled();
    const { out } = await runLoadstore(
      ...['dump', trace, '--from', `${FROM}`, '--count', `${COUNT}`, '--aborted', '--json'],
    );
    dumped = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DumpRow);
  }, 300_000);

  afterAll(async () => {
    await viewer.stop();
    folder.remove();
  });

  describe('a request', () => {
    it('of the page is answered; the address holds the token', async () => {
      expect(viewer.url).toBe(`http://127.0.0.1:${viewer.port}/${viewer.token}/`);
      const { status, bytes } = await viewer.raw(`/${viewer.token}/`);
      expect(status).toBe(200);
      expect(bytes.toString('utf8')).toMatch(/<!doctype html>/i);
    });

    it.each([
      ['another host', '/TOKEN/api/trace', { host: 'example.com' }, 'GET', 403],
      ['another origin', '/TOKEN/api/trace', { origin: 'https://example.com' }, 'GET', 403],
      ['no token', '/api/trace', {}, 'GET', 403],
      ['another token', `/${'A'.repeat(43)}/api/trace`, {}, 'GET', 403],
      ['a path upwards', '/TOKEN/../../../etc/passwd', {}, 'GET', 404],
      ['a path upwards, encoded', '/TOKEN/%2e%2e%2f%2e%2e%2fetc%2fpasswd', {}, 'GET', 404],
      ['a file of the trace', '/TOKEN/boot.memtrace', {}, 'GET', 404],
      ['POST', '/TOKEN/api/sql?q=select+1', {}, 'POST', 405],
      ['a long address', `/TOKEN/api/find?q=${'x'.repeat(9000)}`, {}, 'GET', 414],
      [
        'a huge tile',
        '/TOKEN/api/tile?space=virtual&from=0&to=9&low=0&high=1&columns=1000000&rows=1000000',
        {},
        'GET',
        400,
      ],
      ['a huge list', '/TOKEN/api/accesses?from=0&to=9&offset=0&count=1000000000', {}, 'GET', 400],
      ['a huge range', '/TOKEN/api/tracks?from=0&to=1e300&columns=10', {}, 'GET', 400],
      [
        'many rows',
        '/TOKEN/api/addresses?space=virtual&low=0&high=1&rows=99999999',
        {},
        'GET',
        400,
      ],
      ['a stream that there is not', '/TOKEN/api/access?stream=7&ordinal=0', {}, 'GET', 400],
      [
        'an access that there is not',
        '/TOKEN/api/access?stream=0&ordinal=9007199254740991',
        {},
        'GET',
        404,
      ],
    ] as const)('with %s is refused', async (_what, target, headers, method, status) => {
      const reply = await viewer.raw(target.replace('TOKEN', viewer.token), headers, method);
      expect(reply.status).toBe(status);
      const { message } = JSON.parse(reply.bytes.toString('utf8')) as ApiError;
      expect(message.length).toBeGreaterThan(10);
    });
  });

  it('says what the trace is', async () => {
    const info = (await jsonOf('info', trace)) as { totals: Record<string, number> };
    expect(first.index).toEqual({ state: 'ready', part: 1, message: null });
    expect(first.facts).toMatchObject({
      accesses: info.totals['accesses'],
      loads: info.totals['loads'],
      stores: info.totals['stores'],
      instructions: info.totals['instructions'],
    });
    const names = first.spaces.virtual?.bands.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['kernel image', 'direct map']));
    const physical = first.spaces.physical?.bands.map(({ name }) => name);
    expect(physical).toEqual(expect.arrayContaining(['RAM', 'ROM']));
    for (const space of [first.spaces.virtual, first.spaces.physical]) {
      let end = 0;
      for (const band of space?.bands ?? []) {
        expect(band.first).toBe(end);
        end = band.end;
      }
      expect(end).toBe(space?.pageCount);
    }
    expect(first.completeness.find(({ name }) => name === 'values')?.status).toBe('no');
    expect(first.guide).toHaveLength(3);
  });

  describe('the map', () => {
    const tileOf = async (
      space: string,
      from: number,
      to: number,
      low: number,
      high: number,
      columns: number,
      rows: number,
    ): Promise<{ head: Uint32Array; loads: number[]; stores: number[] }> => {
      // Until chunks are decoded as far as the answer needs.
      for (;;) {
        const bytes = await viewer.bytes('tile', { space, from, to, low, high, columns, rows });
        const words = new Uint32Array(
          bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
        );
        if (words[TileHead.refining] === 1) continue;
        const cells = columns * rows;
        expect(words[TileHead.magic]).toBe(TILE_MAGIC);
        expect(words.length).toBe(TILE_HEAD_WORDS + 2 * cells);
        return {
          head: words.slice(0, TILE_HEAD_WORDS),
          loads: [...words.slice(TILE_HEAD_WORDS, TILE_HEAD_WORDS + cells)],
          stores: [...words.slice(TILE_HEAD_WORDS + cells)],
        };
      }
    };

    it('of everything has every access, one that crosses pages in both', async () => {
      const { result } = (await jsonOf('counts', trace)) as {
        result: { loads: number; stores: number; physical: { loads: number; stores: number } };
      };
      const [loads, stores] = await crossingsOf(trace);
      expect(loads).toBeGreaterThan(100);
      const { accesses } = first.streams[0] ?? { accesses: 0 };
      const pages = first.spaces.virtual?.pageCount ?? 0;
      const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
      for (const [columns, rows] of [
        [1, 1],
        [256, 200],
      ] as const) {
        const tile = await tileOf('virtual', 0, accesses, 0, pages, columns, rows);
        expect(sum(tile.loads)).toBe(result.loads - result.physical.loads + loads);
        expect(sum(tile.stores)).toBe(result.stores - result.physical.stores + stores);
      }
    });

    it('of some accesses has each in its cell', async () => {
      const pages = first.spaces.virtual?.pageCount ?? 0;
      const addresses: bigint[] = [];
      while (addresses.length < pages) {
        const low = addresses.length;
        const rows = Math.min(4096, pages - low);
        const question = { space: 'virtual', low, high: low + rows, rows };
        const reply = await viewer.ask<AddressesReply>('addresses', question);
        addresses.push(...reply.rows.map(({ address }) => BigInt(address ?? 0)));
      }
      const rankOf = new Map(addresses.map((address, rank) => [address / 4096n, rank]));
      expect(addresses).toEqual(addresses.toSorted((a, b) => (a < b ? -1 : 1)));
      // Around the page with most of them.
      const counts = new Map<number, number>();
      const seen = dumped.flatMap((row, at) => {
        if (row.vaddr === undefined || row.marks?.includes('aborted') === true) return [];
        const address = BigInt(row.vaddr);
        const rank = rankOf.get(address / 4096n) ?? -1;
        counts.set(rank, (counts.get(rank) ?? 0) + 1);
        return [
          { at, rank, byte: Number(address % 4096n), store: row.op === 'store', size: row.size },
        ];
      });
      const [busiest = 0] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
      const low = Math.max(0, busiest - 32);
      const [columns, rows] = [64, 64];
      const tile = await tileOf('virtual', FROM, FROM + COUNT, low, low + rows, columns, rows);
      const wanted = {
        loads: zeros(4096),
        stores: zeros(4096),
      };
      for (const { at, rank, byte, store, size } of seen) {
        const column = Math.floor((at * columns) / COUNT);
        for (const row of byte + size > 4096 ? [rank - low, rank - low + 1] : [rank - low]) {
          if (row < 0 || row >= rows) continue;
          const cells = store ? wanted.stores : wanted.loads;
          cells[row * columns + column] = (cells[row * columns + column] ?? 0) + 1;
        }
      }
      expect(tile.head[TileHead.timeStep]).toBeLessThanOrEqual(COUNT / columns);
      expect(tile.loads).toEqual(wanted.loads);
      expect(tile.stores).toEqual(wanted.stores);
      // And within that page, by line.
      const within = await tileOf('virtual', FROM, FROM + COUNT, busiest, busiest + 1, 1, 64);
      const lines = zeros(64);
      for (const { rank, byte, store } of seen) {
        const line = byte >> 6;
        if (rank === busiest && !store) lines[line] = (lines[line] ?? 0) + 1;
      }
      expect(within.loads).toEqual(lines);
    });
  });

  it('has tracks that add up', async () => {
    const { accesses } = first.streams[0] ?? { accesses: 0 };
    const tracks = await viewer.ask<TracksReply>('tracks', { from: 0, to: accesses, columns: 300 });
    const [track] = tracks.vcpus;
    const sum = (counts: readonly number[] = []): number => counts.reduce((a, b) => a + b, 0);
    expect(sum(track?.loads)).toBe(first.facts.loads);
    expect(sum(track?.stores)).toBe(first.facts.stores);
    expect(sum(track?.userAccesses)).toBe(first.facts.userAccesses);
    expect(tracks.begins.length).toBeLessThanOrEqual(300);
    expect(tracks.addressSpaces.length).toBeGreaterThan(1);
  });

  describe('the list', () => {
    it('is what dump prints', async () => {
      const window = { from: FROM, to: FROM + COUNT };
      const rows: AccessesReply['rows'][number][] = [];
      while (rows.length < COUNT) {
        const question = { ...window, offset: rows.length, count: 1000 };
        const reply = await viewer.ask<AccessesReply>('accesses', question);
        expect(reply).toMatchObject({ total: COUNT, counted: true });
        rows.push(...reply.rows);
      }
      expect(
        rows.map(({ ordinal, icount, vcpu, pc, kind, size, vaddr, paddr, cpl, place }) => ({
          ...{ ordinal, icount, vcpu, pc, op: kind, size, cpl },
          ...(vaddr === null ? {} : { vaddr }),
          ...(paddr === null ? {} : { paddr }),
          ...(place === null ? {} : { symbol: place }),
        })),
      ).toEqual(
        dumped.map(({ ordinal, icount, vcpu, pc, op, size, vaddr, paddr, cpl, symbol }) => ({
          ...{ ordinal, icount, vcpu, pc, op, size, cpl },
          ...(vaddr === undefined ? {} : { vaddr }),
          ...(paddr === undefined ? {} : { paddr }),
          ...(symbol === undefined ? {} : { symbol }),
        })),
      );
    });

    it.each(['virtual', 'physical'] as const)(
      'of some %s addresses has the accesses that touch them',
      async (space) => {
        const column = space === 'virtual' ? 'vaddr' : 'paddr';
        const busy = dumped[100]?.[column] ?? '0x0';
        const low = (BigInt(busy) / 64n) * 64n;
        const [all = []] = await ordinalsOf(trace, column, [[low, 64n]]);
        const ordinals = all.slice(0, 3000);
        const total = all.length;
        expect(total).toBeGreaterThan(10);
        const addresses = {
          lowAddress: `0x${low.toString(16)}`,
          highAddress: `0x${(low + 64n).toString(16)}`,
        };
        const question = { space, from: 0, to: 10 ** 9, ...addresses };
        const found: number[] = [];
        while (found.length < ordinals.length) {
          const reply = await viewer.ask<AccessesReply>('accesses', {
            ...{
              ...question,
              offset: found.length,
              count: Math.min(1000, ordinals.length - found.length),
            },
          });
          found.push(...reply.rows.filter(({ aborted }) => !aborted).map(({ ordinal }) => ordinal));
        }
        expect(found).toEqual(ordinals);
        const last = { ...question, offset: total - 5, count: 1000 };
        await expect
          .poll(async () => viewer.ask<AccessesReply>('accesses', last), { timeout: 60_000 })
          .toMatchObject({ counted: true, total });
        const { rows } = await viewer.ask<AccessesReply>('accesses', last);
        expect(rows).toHaveLength(5);
      },
    );
  });

  it('knows of an access its block, and its neighbours', async () => {
    const row = dumped.find(({ paddr, marks }) => paddr !== undefined && marks?.length === 0);
    const { ordinal, vaddr, paddr = '0x0', pc, size } = row ?? { ordinal: 0, pc: '', size: 1 };
    const access = await viewer.ask<AccessReply>('access', { ordinal });
    expect(access.access).toMatchObject({ ordinal, vaddr, pc, size });
    expect(access.block.filter(({ current }) => current).map((one) => one.pc)).toEqual([pc]);
    expect(access.evidence).toBe('observed');
    expect(access.neighbourSpace).toBe('physical');
    const low = BigInt(paddr);
    const units = [BigInt(size), 64n, 4096n];
    const ranges = units.map((unit, at): [bigint, bigint] => [
      at === 0 ? low : low - (low % unit),
      unit,
    ]);
    const found = await ordinalsOf(trace, 'paddr', ranges);
    for (const [at, name] of (['bytes', 'line', 'page'] as const).entries()) {
      const previous = found[at]?.findLast((one) => one < ordinal);
      const next = found[at]?.find((one) => one > ordinal);
      expect(previous).toBeDefined();
      expect(access.neighbours[name]).toEqual({ previous, next, complete: true });
    }
    const question = { ordinal, space: 'physical', address: paddr, bytes: size };
    for (const direction of ['next', 'previous'] as const) {
      const reply = await viewer.ask<NeighbourReply>('neighbour', { ...question, direction });
      expect(reply).toMatchObject({ ordinal: access.neighbours.bytes[direction], complete: true });
    }
  });

  describe('the box for finding', () => {
    const found = async (q: string): Promise<FindReply> => viewer.ask('find', { q });

    it('finds the first access of a function, and of an instruction', async () => {
      const pc = dumped[7]?.pc ?? '';
      const [ordinal, ofPc] = await firstOf(trace, [
        symbolOf(symbolsFile, 'start_kernel'),
        [BigInt(pc), 1n],
      ]);
      for (const words of ['start_kernel', 'function:start_kernel']) {
        expect((await found(words)).places).toEqual([expect.objectContaining({ ordinal })]);
      }
      const access = await viewer.ask<AccessReply>('access', { ordinal: Number(ordinal) });
      expect(access.access.place).toMatch(/^start_kernel\+/);
      const reply = await found(`pc:${pc}`);
      expect(reply).toMatchObject({ kind: 'pc', places: [{ ordinal: ofPc }] });
    });

    it('offers names that begin so, those that ran first', async () => {
      const { names } = await viewer.ask<NamesReply>('names', { q: 'start_k', limit: 5 });
      expect(names[0]).toEqual({ name: 'start_kernel', what: 'code', ran: true });
      const all = (await viewer.ask<NamesReply>('names', { q: 'copy', limit: 50 })).names;
      const ran = all.map((one) => one.ran !== false);
      expect(ran.lastIndexOf(true)).toBeLessThan(ran.includes(false) ? ran.indexOf(false) : 50);
      const data = (await viewer.ask<NamesReply>('names', { q: 'init_task', limit: 1 })).names;
      expect(data).toEqual([{ name: 'init_task', what: 'data', ran: null }]);
      // Of two names of one address both are known.
      const [one, other] = await Promise.all([found('jiffies'), found('jiffies_64')]);
      expect(one.kind).toBe('symbol');
      expect(other.places.map(({ address }) => address)).toEqual(
        one.places.map(({ address }) => address),
      );
    });

    it('finds the first access of a variable, and of an address', async () => {
      const reply = await found('init_task');
      const [virtual] = reply.places;
      expect(reply.kind).toBe('symbol');
      const variable = symbolOf(symbolsFile, 'init_task');
      const address = dumped[200]?.vaddr ?? '0x0';
      const [ofVariable, ofAddress] = await ordinalsOf(trace, 'vaddr', [
        variable,
        [BigInt(address), 1n],
      ]);
      expect(virtual).toMatchObject({ space: 'virtual', ordinal: ofVariable?.[0] });
      expect(virtual).toMatchObject({
        address: `0x${variable[0].toString(16)}`,
        bytes: Number(variable[1]),
      });
      expect((await found(address)).places[0]).toMatchObject({ ordinal: ofAddress?.[0] });
      const rank = (await found(address)).places[0]?.rank ?? -1;
      const question = { space: 'virtual', low: rank, high: rank + 1 / 4096, rows: 1 };
      const { rows } = await viewer.ask<AddressesReply>('addresses', question);
      expect(rows[0]?.address).toBe(address);
    });

    it('finds an icount and an ordinal, and says when there is nothing', async () => {
      const icount = dumped[1000]?.icount ?? 0;
      const wanted = dumped.find((row) => row.icount >= icount);
      expect((await found(`icount:${icount}`)).places[0]?.ordinal).toBe(wanted?.ordinal);
      expect((await found('#55,000,007')).places[0]?.ordinal).toBe(55_000_007);
      for (const words of ['no_such_symbol', '0x123456789000', '#999999999999', 'pc:zero', '']) {
        const reply = await found(words);
        expect(reply).toMatchObject({ kind: 'nothing', complete: true, places: [] });
        expect(reply.message.length).toBeGreaterThan(10);
      }
    });
  });

  it('sums a window up as the command line does', async () => {
    const low = (BigInt(dumped[100]?.vaddr ?? 0) / 4096n) * 4096n;
    const range = [`0x${low.toString(16)}`, `0x${(low + 4096n).toString(16)}`];
    const words = ['--from', `${FROM}`, '--to', '60000000', '--address', range.join('-')];
    const counts = (await jsonOf('counts', trace, ...words)) as { result: Record<string, number> };
    const hot = (await jsonOf('hot', trace, ...words)) as {
      result: { functions: { top: { name: string; loads: number; stores: number }[] } };
    };
    const question = { space: 'virtual', lowAddress: range[0] ?? '', highAddress: range[1] ?? '' };
    const summary = await viewer.ask<SummaryReply>('summary', {
      ...{ ...question, from: FROM, to: 60_000_000 },
    });
    const { accesses, loads, stores } = counts.result;
    expect(summary).toMatchObject({ accesses, loads, stores });
    expect(summary.functions.slice(0, 5).map(({ name, count }) => [name, count])).toEqual(
      hot.result.functions.top.slice(0, 5).map((one) => [one.name, one.loads + one.stores]),
    );
    expect(summary.pages).toEqual([
      expect.objectContaining({ address: range[0], count: accesses }),
    ]);
    expect(summary.cache?.map(({ level }) => level)).toEqual(['L1I', 'L1D', 'L2', 'LL']);
    // The command that it names is one, and says the same.
    const [program, ...rest] = summary.command.split(' ');
    expect(program).toBe('loadstore');
    const again = (await jsonOf(rest[0] ?? '', ...rest.slice(1))) as typeof hot;
    expect(again.result.functions).toEqual(hot.result.functions);
    const empty = {
      from: FROM,
      to: FROM + 1,
      space: 'virtual',
      lowAddress: '0x10',
      highAddress: '0x11',
    };
    expect(await viewer.ask<SummaryReply>('summary', empty)).toMatchObject({
      accesses: 0,
      pages: [],
    });
    expect(await viewer.ask<JobsReply>('jobs')).toEqual({ jobs: [] });
  });

  it('answers one SELECT, and nothing that reads files or writes', async () => {
    const q = 'select kind, count(*) as n from accesses group by kind order by kind';
    const reply = await viewer.ask<SqlReply>('sql', { q });
    expect(reply).toEqual({
      columns: ['kind', 'n'],
      rows: [
        ['load', first.facts.loads],
        ['store', first.facts.stores],
      ],
      cut: false,
    });
    const cut = await viewer.ask<SqlReply>('sql', { q: 'select ordinal from accesses', limit: 3 });
    expect([cut.rows.length, cut.cut]).toEqual([3, true]);
    for (const statement of [
      "select * from read_csv('/etc/passwd')",
      "select * from read_text('/etc/passwd')",
      "copy (select 1) to '/tmp/written.csv'",
      "attach '/tmp/other.db'",
      'create table t (a int)',
      'set enable_external_access = true',
      'install httpfs',
      'select 1; select 2',
      'select',
    ]) {
      const refusal = await viewer.refusal('sql', { q: statement });
      expect([statement, refusal.error]).toEqual([statement, 'bad-request']);
    }
  });

  it('says when the trace was replaced, and when it was deleted', async () => {
    const copy = path.join(folder.path, 'copy.memtrace');
    copyFileSync(trace, copy);
    for (const what of ['replaced', 'deleted'] as const) {
      const other = await startViewer(copy, '--index', indexFile);
      expect((await other.settled()).index.state).toBe('ready');
      if (what === 'replaced') copyFileSync(trace, copy);
      else rmSync(copy);
      await expect
        .poll(async () => other.raw(`/${other.token}/api/trace`))
        .toMatchObject({ status: 410 });
      const refusal = await other.refusal('access', { ordinal: 0 });
      expect(refusal).toMatchObject({ error: 'gone', message: expect.stringContaining(copy) });
      expect((await other.raw(`/${other.token}/`)).status).toBe(200);
      const { exitCode, err } = await other.stop();
      expect([exitCode, err]).toEqual([0, '']);
    }
  });

  it('tells of damage where it is, and shows the rest', async () => {
    const copy = path.join(folder.path, 'damaged.memtrace');
    copyFileSync(trace, copy);
    const chunk = await flipByteOfChunk(copy, 5);
    const other = await startViewer(copy, '--index', indexFile);
    expect((await other.settled()).index.state).toBe('ready');
    const inside = chunk.firstOrdinal + 1000;
    const refusal = await other.refusal('accesses', {
      from: inside,
      to: inside + 9,
      offset: 0,
      count: 9,
    });
    expect(refusal).toMatchObject({ error: 'damaged', message: expect.stringContaining(copy) });
    const whole = {
      space: 'virtual',
      from: 0,
      to: 60_000_000,
      low: 0,
      high: 100,
      columns: 64,
      rows: 64,
    };
    expect((await other.bytes('tile', whole)).length).toBe(4 * (TILE_HEAD_WORDS + 2 * 4096));
    const { rows } = await other.ask<AccessesReply>('accesses', {
      from: 9,
      to: 12,
      offset: 0,
      count: 9,
    });
    expect(rows).toHaveLength(3);
    await other.stop();
  });

  it('refuses what cannot be served, in words', async () => {
    const taken = await runLoadstore('view', trace, '--no-open', '--port', `${viewer.port}`);
    expect(taken).toMatchObject({ exitCode: 2, out: '' });
    expect(taken.err).toContain(`port ${viewer.port}: another program uses it`);
    const over = await runLoadstore('view', trace, '--no-open', '--index', trace);
    expect(over).toMatchObject({ exitCode: 2, out: '' });
    expect(over.err).toContain(`${path.resolve(trace)} is read here, and is not replaced`);
    const none = await runLoadstore('view', path.join(folder.path, 'none.memtrace'), '--no-open');
    expect(none).toMatchObject({ exitCode: 4, out: '' });
  });
});

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
