// SPDX-License-Identifier: Apache-2.0
// Every question that the page can ask: its parameters, narrowed, and its answer as protocol.ts says.

import { formatHex64 } from '../base/index.ts';
import type { DatabaseNames } from '../store/index.ts';
import {
  endOfStream,
  MAX_TILE_SIDE,
  MAX_TRACK_COLUMNS,
  type Tile,
  type Tracks,
} from '../tiles/index.ts';
import { csvOf } from './access-csv.ts';
import { accessDetails } from './access-details.ts';
import { rowCodeOf, rowOf } from './access-rows.ts';
import { bandOf } from './bands.ts';
import { createDownloads } from './downloads.ts';
import { find } from './find.ts';
import type { Answer, Endpoint } from './http-server.ts';
import { createNames } from './names.ts';
import { findNearest } from './neighbours.ts';
import {
  type AddressRange,
  type Parameters,
  SPACES,
  streamFrom,
  timeFrom,
  windowFrom,
} from './parameters.ts';
import {
  type AccessesReply,
  type AddressesReply,
  type CommandReply,
  type CommandVerb,
  type JobsReply,
  type NeighbourReply,
  type Space,
  TILE_HEAD_WORDS,
  TILE_MAGIC,
  TileHead,
  type TracksReply,
} from './protocol.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { createAskSql } from './sql.ts';
import { summarize } from './summary.ts';
import { createTraceReply } from './trace-reply.ts';
import { windowCommand } from './window-command.ts';
import { withRoom } from './with-room.ts';

const SIDE = { least: 1, most: MAX_TILE_SIDE };
const ROWS = { least: 1, most: 4096 };
const TRACK_COLUMNS = { least: 1, most: MAX_TRACK_COLUMNS };
const RANK = { least: 0, most: 2 ** 40 };
const NAMES = { least: 1, most: 50 };
const COUNT = { least: 1, most: 1000 };
const SQL_LIMIT = { least: 1, most: 10_000, otherwise: 1000 };
const ORDINAL = { least: 0, most: Number.MAX_SAFE_INTEGER };
const BYTES = { least: 1, most: 2 ** 40 };
const CSV_TYPE = 'text/csv; charset=utf-8';
const VERBS: readonly CommandVerb[] = ['dump', 'hot'];
const SQL_LENGTH = 6000;
const WORDS_LENGTH = 1000;
/** How long a tile may decode for more detail than the index has; it is asked for again then. */
const TILE_PATIENCE_MS = 60;
const NEIGHBOUR_PATIENCE_MS = 2000;

export interface Endpoints {
  readonly byName: ReadonlyMap<string, Endpoint>;
  close(): Promise<void>;
}

export function createEndpoints(session: Session, sqlNames: DatabaseNames): Endpoints {
  const { trace, chunks, index, lists, accesses, names, symbols, jobs, workers } = session;
  const traceReply = createTraceReply(session);
  const findNames = createNames(session);
  const askSql = createAskSql(session, sqlNames);
  const downloads = createDownloads();

  const knownStream = (parameters: Parameters): number => {
    const stream = streamFrom(parameters);
    if (stream === 0 || trace.chunks.some((chunk) => chunk.stream === stream)) return stream;
    throw new Refusal('bad-request', `the trace has no stream ${stream}`);
  };
  const ranks = (parameters: Parameters): { low: number; high: number } => {
    const low = parameters.number('low', RANK);
    const high = parameters.number('high', RANK);
    if (low < high) return { low, high };
    throw new Refusal('bad-request', 'high: expected more than low');
  };
  const axisOf = (space: Space) => {
    const axis = index.require().pages[space];
    if (axis !== null) return axis;
    throw new Refusal('bad-request', `the trace has no ${space} addresses`);
  };

  const endpoints: Readonly<Record<string, Endpoint>> = {
    trace: async (parameters) => {
      parameters.finish();
      return json(traceReply());
    },

    tile: async (parameters, signal) => {
      const query = {
        ...{ space: parameters.oneOf('space', SPACES), stream: knownStream(parameters) },
        ...timeFrom(parameters),
        ...ranks(parameters),
        columns: parameters.whole('columns', SIDE),
        rows: parameters.whole('rows', SIDE),
      };
      parameters.finish();
      axisOf(query.space);
      const tile = await index.require().tile({ ...query, patienceMs: TILE_PATIENCE_MS }, signal);
      return { bytes: encodeTile(tile) };
    },

    addresses: async (parameters) => {
      const space = parameters.oneOf('space', SPACES);
      const { low, high } = ranks(parameters);
      const rows = parameters.whole('rows', ROWS);
      parameters.finish();
      const axis = axisOf(space);
      const bands = traceReply().spaces[space]?.bands ?? [];
      const reply: AddressesReply = {
        rows: Array.from({ length: rows }, (_, row) => {
          const rank = low + ((high - low) * row) / rows;
          const page = Math.floor(rank);
          const byte = Math.floor((rank - page) * 4096);
          if (page >= axis.count) return { rank, address: null, band: -1 };
          const { lo, hi } = axis.addressOf(page);
          return { rank, address: formatHex64(lo + byte, hi), band: bandOf(bands, page) };
        }),
      };
      return json(reply);
    },

    tracks: async (parameters, signal) => {
      const query = {
        ...{ stream: knownStream(parameters), ...timeFrom(parameters) },
        columns: parameters.whole('columns', TRACK_COLUMNS),
      };
      parameters.finish();
      return json(tracksReply(session, query.stream, await index.require().tracks(query, signal)));
    },

    summary: async (parameters, signal) => {
      knownStream(parameters);
      const window = windowFrom(parameters);
      const simulatesAny =
        parameters.has('caches') && parameters.oneOf('caches', ['any']) === 'any';
      parameters.finish();
      const reply = await jobs.run('summary', signal, async (onProgress) =>
        withRoom(chunks, async () =>
          summarize(session, window, { workers, signal, onProgress, simulatesAny }),
        ),
      );
      return json(reply);
    },

    command: async (parameters) => {
      knownStream(parameters);
      const window = windowFrom(parameters);
      const verb = parameters.oneOf('verb', VERBS);
      parameters.finish();
      const reply: CommandReply = { command: windowCommand(session, verb, window) };
      return json(reply);
    },

    jobs: async (parameters) => {
      parameters.finish();
      const reply: JobsReply = { jobs: jobs.jobs() };
      return json(reply);
    },

    accesses: async (parameters, signal) => {
      knownStream(parameters);
      const window = windowFrom(parameters);
      const offset = parameters.whole('offset', ORDINAL);
      const count = parameters.whole('count', COUNT);
      parameters.finish();
      if (window.addresses?.space === 'physical') axisOf('physical');
      const part = await lists.part(window, offset, count, signal);
      const codeOf = (block: number, insn: number) => rowCodeOf(block, insn, names, symbols);
      const found = await accesses.read(window.stream, part.ordinals, part.ahead, signal);
      const reply: AccessesReply = {
        rows: found.map((access) => rowOf(access, codeOf)),
        total: part.total,
        counted: part.counted,
      };
      return json(reply);
    },

    csv: async (parameters, signal) => {
      knownStream(parameters);
      const window = windowFrom(parameters);
      parameters.finish();
      if (window.addresses?.space === 'physical') axisOf('physical');
      return { pieces: downloads.run(csvOf(session, window, signal)), type: CSV_TYPE };
    },

    access: async (parameters, signal) => {
      const stream = knownStream(parameters);
      const ordinal = parameters.whole('ordinal', ORDINAL);
      parameters.finish();
      return json(await accessDetails(session, stream, ordinal, signal));
    },

    neighbour: async (parameters, signal) => {
      const stream = knownStream(parameters);
      const ordinal = parameters.whole('ordinal', ORDINAL);
      const space = parameters.oneOf('space', SPACES);
      const low = parameters.findAddress('address');
      const bytes = parameters.whole('bytes', BYTES);
      const isNext = parameters.oneOf('direction', ['next', 'previous']) === 'next';
      parameters.finish();
      if (low === undefined) throw new Refusal('bad-request', 'address is missing');
      if (space === 'physical') axisOf('physical');
      const range: AddressRange = { space, low, high: low + BigInt(bytes) };
      if (range.high > 2n ** 64n)
        throw new Refusal('bad-request', 'bytes: beyond the last address');
      const end = endOfStream(trace, stream);
      const { ordinals, complete, searched } = await findNearest(
        trace,
        chunks,
        index.find(),
        {
          ...{ stream, direction: isNext ? 'forward' : 'backward', ranges: [range] },
          ...(isNext ? { from: ordinal + 1, to: end } : { from: 0, to: Math.min(end, ordinal) }),
          patienceMs: NEIGHBOUR_PATIENCE_MS,
        },
        signal,
      );
      const reply: NeighbourReply = {
        ordinal: ordinals[0] ?? null,
        complete: complete || typeof ordinals[0] === 'number',
        searched: isNext ? searched - 1 : searched,
      };
      return json(reply);
    },

    find: async (parameters, signal) => {
      const stream = knownStream(parameters);
      const words = parameters.text('q', WORDS_LENGTH);
      parameters.finish();
      return json(await find(session, stream, words, signal));
    },

    names: async (parameters) => {
      const words = parameters.text('q', WORDS_LENGTH).trim();
      const limit = parameters.whole('limit', NAMES);
      parameters.finish();
      return json(findNames(words, limit));
    },

    sql: async (parameters, signal) => {
      const text = parameters.text('q', SQL_LENGTH);
      const limit = parameters.whole('limit', SQL_LIMIT);
      parameters.finish();
      return json(await askSql(text, limit, signal));
    },
  };
  return {
    byName: new Map(
      Object.entries(endpoints).map(([name, endpoint]) => [name, watched(session, endpoint)]),
    ),
    async close() {
      // What was given up still reads the trace for a moment.
      await jobs.idle();
    },
  };
}

/** A trace that is not the one that was opened answers nothing: half of it would be another's. */
function watched({ watch }: Session, endpoint: Endpoint): Endpoint {
  return async (parameters, signal) => {
    await watch.requireSame();
    return endpoint(parameters, signal);
  };
}

function json(value: unknown): Answer {
  return { json: value };
}

function encodeTile({
  columns,
  rows,
  loads,
  stores,
  timeStep,
  byteStep,
  maximum,
  refining,
}: Tile): Uint8Array {
  const words = new Uint32Array(TILE_HEAD_WORDS + loads.length + stores.length);
  const saturated = (value: number): number => Math.min(2 ** 32 - 1, Math.ceil(value));
  words[TileHead.magic] = TILE_MAGIC;
  words[TileHead.columns] = columns;
  words[TileHead.rows] = rows;
  words[TileHead.timeStep] = saturated(timeStep);
  words[TileHead.byteStep] = saturated(byteStep);
  words[TileHead.maximum] = saturated(maximum);
  words[TileHead.refining] = refining ? 1 : 0;
  words.set(loads, TILE_HEAD_WORDS);
  words.set(stores, TILE_HEAD_WORDS + loads.length);
  return new Uint8Array(words.buffer);
}

function tracksReply({ guestFacts, index }: Session, stream: number, tracks: Tracks): TracksReply {
  const { begins, end, timeStep, vcpus, pages, addressSpaces } = tracks;
  const damaged = index.require().damaged.filter((one) => one.stream === stream);
  const known = Array.from(begins, (begin, column) => {
    const behind = begins[column + 1] ?? end;
    return !damaged.some(({ from, to }) => from < behind && to > begin);
  });
  const whereKnown = (counts: Float64Array): (number | null)[] =>
    Array.from(counts, (count, at) => (known[at] ? count : null));
  return {
    begins: [...begins],
    end,
    timeStep,
    known,
    pages: whereKnown(pages),
    addressSpaces: addressSpaces.map((cr3, at) => {
      const column = Math.max(0, ...vcpus.map((one) => one.addressSpace.indexOf(at)));
      const shown = `0x${cr3.toString(16)}`;
      return { cr3: shown, label: guestFacts.addressSpaceOf(cr3, begins[column] ?? 0) ?? shown };
    }),
    vcpus: vcpus.map((one) => ({
      vcpu: one.vcpu,
      icount: [...one.icount],
      instructions: [...one.instructions],
      kernelAccesses: [...one.kernelAccesses],
      userAccesses: [...one.userAccesses],
      loads: [...one.loads],
      stores: [...one.stores],
      interrupts: [...one.interrupts],
      exceptions: [...one.exceptions],
      pages: whereKnown(one.pages),
      addressSpace: [...one.addressSpace],
    })),
  };
}
