// SPDX-License-Identifier: Apache-2.0
// A server for the viewer's page that answers src/server/protocol.ts from a trace that is made up. It can be told to
// fail: what the page says then is tested without breaking a real trace.

import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { csvHead, csvLine } from '../../src/server/access-csv.ts';
import type {
  AccessesReply,
  AccessReply,
  ApiError,
  FindReply,
  NamesReply,
  SummaryReply,
  TraceReply,
  TracksReply,
} from '../../src/server/protocol.ts';
import { TILE_HEAD_WORDS, TILE_MAGIC, TileHead } from '../../src/server/protocol.ts';
import {
  FAKE_BANDS,
  FAKE_PAGES,
  fakeAccess,
  fakeAddress,
  fakeIcount,
  fakePhysicalRank,
  fakeRank,
  fakeRow,
  PAGE_BYTES,
} from './viewer-accesses.ts';

const TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
/** What the real server sends. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const MOST_COUNTED = 1 << 16;

export interface FakeServer {
  readonly url: string;
  /** By name of the question, what it is refused with. */
  readonly refusals: Map<string, ApiError>;
  /** Part of the index that there is; 1: ready. */
  indexPart: number;
  /** Paths that were asked for, the latest last. */
  readonly asked: string[];
  close(): Promise<void>;
}

export async function startFakeServer(page: string, accesses: number): Promise<FakeServer> {
  const refusals = new Map<string, ApiError>();
  const asked: string[] = [];
  const state = { indexPart: 1 };
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const times = asked.filter((one) => one === request.url).length;
    answer(request, response, page, accesses, refusals, state.indexPart, times);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/token/`,
    refusals,
    asked,
    get indexPart() {
      return state.indexPart;
    },
    set indexPart(part) {
      state.indexPart = part;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  page: string,
  accesses: number,
  refusals: ReadonlyMap<string, ApiError>,
  indexPart: number,
  timesAsked: number,
): void {
  const url = new URL(request.url ?? '', 'http://127.0.0.1');
  const name = url.pathname.replace(/^\/token\//, '');
  response.setHeader('Content-Security-Policy', POLICY);
  if (!name.startsWith('api/')) {
    const file = name === '' ? 'index.html' : path.basename(name);
    response.setHeader('Content-Type', TYPES[path.extname(file)] ?? 'text/plain');
    const built = path.join(page, file);
    if (existsSync(built)) response.end(readFileSync(built));
    else response.writeHead(404).end();
    return;
  }
  const question = name.slice(4);
  const refusal = refusals.get(question);
  if (refusal !== undefined) {
    response.statusCode = 500;
    response.end(JSON.stringify(refusal));
    return;
  }
  const query = url.searchParams;
  const number = (key: string): number => Number(query.get(key));
  if (question === 'tile') {
    response.end(fakeTile(number, accesses));
    return;
  }
  if (question === 'csv') {
    const whole = new URLSearchParams([...query, ['offset', '0'], ['count', String(accesses)]]);
    const { rows } = fakeList((key) => Number(whole.get(key)), whole, accesses);
    response.setHeader('Content-Disposition', 'attachment');
    response.end([csvHead(), ...rows.map(csvLine)].join(''));
    return;
  }
  const replies: { readonly [question: string]: () => object } = {
    trace: () => fakeTrace(accesses, indexPart),
    addresses: () => fakeAddresses(number),
    tracks: () => fakeTracks(number, accesses),
    summary: () => fakeSummary(number, query.get('caches')),
    command: () => ({
      command: `loadstore ${query.get('verb')} made-up.memtrace --from ${number('from')} --to ${number('to')}`,
    }),
    accesses: () => fakeList(number, query, accesses),
    access: () => fakeDetails(number('ordinal'), accesses),
    neighbour: () => fakeNeighbour(number, query, accesses),
    find: () => fakeFind(query.get('q') ?? '', accesses, timesAsked),
    names: () => fakeNames(query.get('q') ?? ''),
    jobs: () => ({ jobs: [] }),
    sql: () => fakeSql(query.get('q') ?? ''),
  };
  const reply = replies[question]?.();
  if (reply === undefined) response.statusCode = 404;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(reply ?? { error: 'not-found', message: question }));
}

function fakeTrace(accesses: number, part: number): TraceReply {
  return {
    file: 'made-up.memtrace',
    fingerprint: 'f1',
    streams: [{ stream: 0, accesses, vcpus: [0] }],
    spaces: { virtual: { pageCount: FAKE_PAGES, bands: FAKE_BANDS }, physical: null },
    lacks: [{ name: 'values', why: 'a trace holds addresses and no contents of memory' }],
    index: { state: part < 1 ? 'building' : 'ready', part, message: null },
    damaged: [],
    facts: {
      recorded: '2026-11-26 23:13',
      qemu: 'QEMU 10.0.2',
      command: 'qemu-system-x86_64 -kernel vmlinuz',
      complete: true,
      instructions: fakeIcount(accesses),
      accesses,
      loads: Math.round((accesses * 2) / 3),
      stores: Math.round(accesses / 3),
      userAccesses: Math.round(accesses / 3),
      events: 1234,
      hasSymbols: false,
      fileBytes: accesses * 0.11,
      bytesPerAccess: 0.11,
    },
    completeness: [
      { name: 'loads and stores', status: 'yes', text: 'of every instruction that ran' },
      { name: 'page walks', status: 'partial', text: 'accessed and dirty bits that were set' },
    ],
    guide: [
      {
        title: 'The hot pages',
        text: 'Four pages of the direct map take a quarter of all accesses.',
        view: `space=virtual&from=0&to=${accesses}&low=235&high=250`,
      },
    ],
  };
}

function fakeTile(number: (key: string) => number, accesses: number): Uint8Array {
  const columns = number('columns');
  const rows = number('rows');
  const [from, to, low, high] = [number('from'), number('to'), number('low'), number('high')];
  const words = new Uint32Array(TILE_HEAD_WORDS + 2 * columns * rows);
  const stride = Math.max(1, Math.ceil((to - from) / MOST_COUNTED));
  let maximum = 0;
  for (let ordinal = Math.ceil(from); ordinal < Math.min(to, accesses); ordinal += stride) {
    const { rank, isStore } = fakeAccess(ordinal, accesses);
    if (rank < low || rank >= high) continue;
    const column = Math.floor(((ordinal - from) / (to - from)) * columns);
    const row = Math.floor(((rank - low) / (high - low)) * rows);
    const at = TILE_HEAD_WORDS + row * columns + column;
    const loads = words[at] ?? 0;
    const stores = words[at + columns * rows] ?? 0;
    if (isStore) words[at + columns * rows] = stores + stride;
    else words[at] = loads + stride;
    maximum = Math.max(maximum, loads + stores + stride);
  }
  words[TileHead.magic] = TILE_MAGIC;
  words[TileHead.columns] = columns;
  words[TileHead.rows] = rows;
  words[TileHead.timeStep] = stride;
  words[TileHead.byteStep] = 1;
  words[TileHead.maximum] = maximum;
  return new Uint8Array(words.buffer);
}

function fakeAddresses(number: (key: string) => number): object {
  const rows = number('rows');
  const step = (number('high') - number('low')) / rows;
  return {
    rows: Array.from({ length: rows }, (_, i) => {
      const rank = number('low') + i * step;
      const band = FAKE_BANDS.findIndex(({ end }) => rank < end);
      return { rank, address: fakeAddress(rank), band };
    }),
  };
}

function fakeTracks(number: (key: string) => number, accesses: number): TracksReply {
  const [from, to] = [number('from'), number('to')];
  const timeStep = Math.max(1, Math.ceil((to - from) / number('columns')));
  const begins: number[] = [];
  for (let at = from; at < Math.min(to, accesses); at += timeStep) begins.push(at);
  const each = (value: (begin: number) => number): number[] => begins.map(value);
  const user = each((begin) =>
    Math.floor(timeStep * (0.3 + 0.2 * Math.sin((begin / accesses) * 20))),
  );
  return {
    begins,
    end: Math.min(accesses, (begins.at(-1) ?? from) + timeStep),
    timeStep,
    known: begins.map(() => true),
    pages: each((begin) => 100 + (Math.floor(begin / timeStep) % 50)),
    addressSpaces: [0, 1, 2, 3, 4, 5].map((i) => ({ cr3: `0x${i}000`, label: `space ${i}` })),
    vcpus: [
      {
        vcpu: 0,
        icount: each(fakeIcount),
        instructions: each(() => timeStep * 2.5),
        kernelAccesses: user.map((count) => timeStep - count),
        userAccesses: user,
        loads: each(() => Math.round((timeStep * 2) / 3)),
        stores: each(() => Math.round(timeStep / 3)),
        interrupts: each((begin) => Math.floor(begin / timeStep) % 7),
        exceptions: each((begin) => Math.floor(begin / timeStep) % 3),
        pages: each((begin) => 100 + (Math.floor(begin / timeStep) % 50)),
        addressSpace: each((begin) => Math.floor((begin / accesses) * 6)),
      },
    ],
  };
}

function fakeSummary(number: (key: string) => number, caches: string | null): SummaryReply {
  const accesses = number('to') - number('from');
  const named = (name: string, count: number) => ({ name, address: '0xffffffff81000100', count });
  return {
    accesses,
    loads: accesses - Math.floor(accesses / 3),
    stores: Math.floor(accesses / 3),
    userAccesses: Math.floor(accesses / 3),
    kernelAccesses: accesses - Math.floor(accesses / 3),
    functions: [named('copy_page', accesses / 2), named('main', accesses / 3)],
    instructions: [{ ...named('copy_page+0x10', accesses / 4), disassembly: 'mov rax, [rsi]' }],
    pages: [named('', accesses / 8)],
    cache:
      accesses > MOST_COUNTED && caches === null
        ? null
        : [
            {
              ...{ level: 'L1D', accesses, misses: Math.floor(accesses / 20) },
              ...{ sizeBytes: 32_768, ways: 8 },
            },
          ],
    command: `loadstore hot made-up.memtrace --from ${number('from')} --to ${number('to')}`,
  };
}

function fakeList(
  number: (key: string) => number,
  query: URLSearchParams,
  accesses: number,
): AccessesReply {
  const from = number('from');
  const to = Math.min(number('to'), accesses);
  if (query.get('lowAddress') === null) {
    const total = to - from;
    const count = Math.max(0, Math.min(number('count'), total - number('offset')));
    const first = from + number('offset');
    return {
      rows: Array.from({ length: count }, (_, i) => fakeRow(first + i, accesses)),
      total,
      counted: true,
    };
  }
  const low = fakeRank(BigInt(query.get('lowAddress') ?? '0')) ?? 0;
  const high = fakeRank(BigInt(query.get('highAddress') ?? '0') - 1n) ?? FAKE_PAGES;
  const rows = [];
  for (let ordinal = from; ordinal < Math.min(to, from + MOST_COUNTED); ordinal++) {
    const { rank } = fakeAccess(ordinal, accesses);
    if (rank >= low && rank <= high) rows.push(fakeRow(ordinal, accesses));
  }
  const offset = number('offset');
  return { rows: rows.slice(offset, offset + number('count')), total: rows.length, counted: true };
}

/** Whose neighbours are too far away to be told at once. */
export const LONELY_ACCESS = 7000;

function fakeDetails(ordinal: number, accesses: number): AccessReply {
  const access = fakeRow(ordinal, accesses);
  const near =
    ordinal === LONELY_ACCESS
      ? { previous: null, next: null, complete: false }
      : { previous: Math.max(0, ordinal - 9), next: ordinal + 9, complete: true };
  return {
    access,
    cr3: '0x1000',
    addressSpace: 'space 1',
    region: null,
    data: null,
    evidence: 'observed',
    block: [
      {
        pc: access.pc ?? '',
        bytes: '48 8b 06',
        disassembly: access.disassembly ?? '',
        current: true,
      },
      { pc: '0xffffffff81000103', bytes: 'c3', disassembly: 'ret', current: false },
    ],
    neighbourSpace: 'physical',
    neighbours: { bytes: near, line: near, page: near },
  };
}

function fakeNeighbour(
  number: (key: string) => number,
  query: URLSearchParams,
  accesses: number,
): object {
  const address = BigInt(query.get('address') ?? '0');
  const low =
    query.get('space') === 'physical' ? fakePhysicalRank(address) : (fakeRank(address) ?? 0);
  const high = low + number('bytes') / PAGE_BYTES;
  const by = query.get('direction') === 'next' ? 1 : -1;
  let ordinal = number('ordinal') + by;
  for (; ordinal >= 0 && ordinal < accesses; ordinal += by) {
    const { rank } = fakeAccess(ordinal, accesses);
    if (rank >= low && rank < high) return { ordinal, complete: true, searched: ordinal };
  }
  return { ordinal: null, complete: true, searched: ordinal };
}

/** "far_page" is found when it is asked for the third time, "two_pages" one then and one at once. */
function fakeFind(q: string, accesses: number, timesAsked: number): FindReply {
  const whole = { complete: true, searched: 1 };
  const nothing: FindReply = {
    ...{ kind: 'nothing', message: `nothing is called ${q}`, ...whole, places: [] },
  };
  const ordinal = /^#(\d+)$/.exec(q)?.[1];
  if (ordinal !== undefined) {
    const { rank } = fakeAccess(Number(ordinal), accesses);
    const address = fakeAddress(rank);
    const place = {
      label: q,
      space: 'virtual',
      ordinal: Number(ordinal),
      rank,
      address,
      bytes: 8,
    } as const;
    return { kind: 'ordinal', message: 'an access', ...whole, places: [place] };
  }
  if (q === 'far_page' || q === 'two_pages') {
    const known = fakeFind('hot_page', accesses, 1);
    const isWhole = timesAsked >= 3;
    const [place] = known.places;
    if (place === undefined) return nothing;
    const near = q === 'two_pages' ? [{ ...place, label: 'near' }] : [];
    const far = isWhole ? [{ ...place, label: 'far' }] : [];
    const part = { complete: isWhole, searched: isWhole ? 1 : timesAsked / 4 };
    return { ...known, ...part, places: [...near, ...far] };
  }
  const text = q === 'hot_page' ? fakeAddress(240) : q;
  if (!/^0x[0-9a-f]+$/i.test(text)) return nothing;
  const rank = fakeRank(BigInt(text));
  if (rank === null) return nothing;
  let first = 0;
  while (first < MOST_COUNTED && Math.floor(fakeAccess(first, accesses).rank) !== Math.floor(rank))
    first++;
  return {
    kind: q === text ? 'address' : 'symbol',
    message: `${q} is at ${text}`,
    ...whole,
    places: [{ label: q, space: 'virtual', ordinal: first, rank, address: text, bytes: 8 }],
  };
}

const NAMES = ['hot_page_init', 'hot_page', 'hotplug', 'cold_hot'] as const;

function fakeNames(q: string): NamesReply {
  const names = NAMES.filter((name) => name.includes(q));
  return {
    names: names.map((name) =>
      name === 'hotplug' ? { name, what: 'code', ran: false } : { name, what: 'data', ran: null },
    ),
  };
}

function fakeSql(q: string): object {
  if (!/accesses/.test(q)) return { error: 'bad-request', message: 'no such table' };
  return {
    columns: ['ordinal', 'vaddr', 'n', 'function'],
    rows: [
      [1000, fakeAddress(240), 7, ''],
      [2000, fakeAddress(241), 8, null],
    ],
    cut: false,
  };
}
