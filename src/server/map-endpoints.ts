// SPDX-License-Identifier: Apache-2.0
// Questions of what is drawn: the map, its axis of addresses, the tracks; and what the trace is.

import { formatHex64 } from '../base/index.ts';
import { MAX_TILE_SIDE, MAX_TRACK_COLUMNS, type Tile, type Tracks } from '../tiles/index.ts';
import { bandOf } from './bands.ts';
import { type Endpoints, json } from './http-server.ts';
import { axisOf, knownStream } from './known-parameters.ts';
import { type Parameters, SPACES, timeFrom } from './parameters.ts';
import {
  type AddressesReply,
  TILE_HEAD_WORDS,
  TILE_MAGIC,
  TileHead,
  type TracksReply,
} from './protocol.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { createTraceReply } from './trace-reply.ts';

const SIDE = { least: 1, most: MAX_TILE_SIDE };
const ROWS = { least: 1, most: 4096 };
const TRACK_COLUMNS = { least: 1, most: MAX_TRACK_COLUMNS };
const RANK = { least: 0, most: 2 ** 40 };
/** How long a tile may decode for more detail than the index has; it is asked for again then. */
const TILE_PATIENCE_MS = 60;

export function mapEndpoints(session: Session): Endpoints {
  const { index } = session;
  const traceReply = createTraceReply(session);
  return {
    trace: async (parameters) => {
      parameters.finish();
      return json(traceReply());
    },

    tile: async (parameters, signal) => {
      const query = {
        ...{ space: parameters.oneOf('space', SPACES), stream: knownStream(session, parameters) },
        ...timeFrom(parameters),
        ...ranks(parameters),
        columns: parameters.whole('columns', SIDE),
        rows: parameters.whole('rows', SIDE),
      };
      parameters.finish();
      axisOf(session, query.space);
      const tile = await index.require().tile({ ...query, patienceMs: TILE_PATIENCE_MS }, signal);
      return { bytes: encodeTile(tile) };
    },

    addresses: async (parameters) => {
      const space = parameters.oneOf('space', SPACES);
      const { low, high } = ranks(parameters);
      const rows = parameters.whole('rows', ROWS);
      parameters.finish();
      const axis = axisOf(session, space);
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
        ...{ stream: knownStream(session, parameters), ...timeFrom(parameters) },
        columns: parameters.whole('columns', TRACK_COLUMNS),
      };
      parameters.finish();
      return json(tracksReply(session, query.stream, await index.require().tracks(query, signal)));
    },
  };
}

function ranks(parameters: Parameters): { low: number; high: number } {
  const low = parameters.number('low', RANK);
  const high = parameters.number('high', RANK);
  if (low < high) return { low, high };
  throw new Refusal('bad-request', 'high: expected more than low');
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
