// SPDX-License-Identifier: Apache-2.0
// Asks the server. Every failure is an ApiFailure that says what kind it is: the page goes on without that answer.

import type {
  AccessesReply,
  AccessReply,
  AddressesReply,
  ApiError,
  CommandReply,
  CommandVerb,
  FindReply,
  JobsReply,
  NamesReply,
  NeighbourReply,
  Space,
  SqlReply,
  SummaryReply,
  TraceReply,
  TracksReply,
  WindowQuery,
} from '../server/protocol.ts';
import { TILE_HEAD_WORDS, TILE_MAGIC, TileHead } from '../server/protocol.ts';
import type { TilePlace, TileRequest } from './tile-grid.ts';

/** "unreachable": nobody answered. */
export type FailureKind = ApiError['error'] | 'unreachable';

export class ApiFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = 'ApiFailure';
    this.kind = kind;
  }
}

export interface TileReply {
  readonly columns: number;
  readonly rows: number;
  readonly timeStep: number;
  readonly byteStep: number;
  readonly maximum: number;
  /** A finer answer is being worked on: ask again. */
  readonly isRefining: boolean;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
}

function urlOf(name: string, parameters: object): URL {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries<unknown>({ ...parameters })) {
    if (typeof value === 'string' || typeof value === 'number') query.set(key, String(value));
  }
  return new URL(`api/${name}?${query.toString()}`, document.baseURI);
}

async function request(
  name: string,
  parameters: object,
  signal?: AbortSignal,
  method: 'GET' | 'HEAD' = 'GET',
): Promise<Response> {
  let response: Response;
  try {
    const init = { method, ...(signal === undefined ? {} : { signal }) };
    response = await fetch(urlOf(name, parameters), init);
  } catch {
    // Whatever else it failed with: who gave it up is not told of that.
    signal?.throwIfAborted();
    throw new ApiFailure('unreachable', 'The server does not answer.');
  }
  if (response.ok) return response;
  throw await failureOf(response);
}

async function failureOf(response: Response): Promise<ApiFailure> {
  let body: Partial<ApiError> = {};
  try {
    body = await readJson<Partial<ApiError>>(response);
  } catch {
    // Not one of our answers: the status has to do.
  }
  const message = body.message ?? `The server answered ${response.status} ${response.statusText}.`;
  return new ApiFailure(body.error ?? 'internal', message);
}

/** Both sides are of one build: what the protocol says is what comes. */
async function readJson<T>(response: { json(): Promise<T> }): Promise<T> {
  return response.json();
}

async function ask<T>(name: string, parameters: object, signal?: AbortSignal): Promise<T> {
  const response = await request(name, parameters, signal);
  try {
    return await readJson<T>(response);
  } catch {
    signal?.throwIfAborted();
    throw new ApiFailure('internal', `The answer to "${name}" cannot be read.`);
  }
}

export interface NeighbourQuery {
  readonly stream: number;
  readonly ordinal: number;
  readonly space: Space;
  readonly address: string;
  readonly bytes: number;
  readonly direction: 'next' | 'previous';
}

export const api = {
  trace: (signal?: AbortSignal): Promise<TraceReply> => ask('trace', {}, signal),

  async tile(place: TilePlace, cut: TileRequest, signal: AbortSignal): Promise<TileReply> {
    const { space, stream } = place;
    const response = await request('tile', { space, stream, ...cut }, signal);
    return decodeTile(await response.arrayBuffer());
  },

  jobs: (signal?: AbortSignal): Promise<JobsReply> => ask('jobs', {}, signal),

  addresses: (
    query: { space: Space; low: number; high: number; rows: number },
    signal?: AbortSignal,
  ): Promise<AddressesReply> => ask('addresses', query, signal),

  tracks: (
    query: { stream: number; from: number; to: number; columns: number },
    signal?: AbortSignal,
  ): Promise<TracksReply> => ask('tracks', query, signal),

  summary: (
    query: WindowQuery & { readonly caches?: 'any' },
    signal?: AbortSignal,
  ): Promise<SummaryReply> => ask('summary', query, signal),

  command: (
    query: WindowQuery & { readonly verb: CommandVerb },
    signal?: AbortSignal,
  ): Promise<CommandReply> => ask('command', query, signal),

  accesses: (
    query: WindowQuery & { readonly offset: number; readonly count: number },
    signal?: AbortSignal,
  ): Promise<AccessesReply> => ask('accesses', query, signal),

  /** Where the browser gets the list as a file; throws what would be the answer instead. */
  async csv(query: WindowQuery, signal: AbortSignal): Promise<URL> {
    try {
      await request('csv', query, signal, 'HEAD');
    } catch {
      // HEAD has no words.
      const response = await request('csv', query, signal);
      await response.body?.cancel();
    }
    return urlOf('csv', query);
  },

  access: (
    query: { stream: number; ordinal: number },
    signal?: AbortSignal,
  ): Promise<AccessReply> => ask('access', query, signal),

  neighbour: (query: NeighbourQuery, signal?: AbortSignal): Promise<NeighbourReply> =>
    ask('neighbour', query, signal),

  find: (query: { q: string; stream: number }, signal?: AbortSignal): Promise<FindReply> =>
    ask('find', query, signal),

  names: (query: { q: string; limit: number }, signal?: AbortSignal): Promise<NamesReply> =>
    ask('names', query, signal),

  sql: (query: { q: string; limit: number }, signal?: AbortSignal): Promise<SqlReply> =>
    ask('sql', query, signal),
};

function decodeTile(buffer: ArrayBuffer): TileReply {
  const words = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  const head = (name: keyof typeof TileHead): number => words[TileHead[name]] ?? 0;
  const columns = head('columns');
  const rows = head('rows');
  const cells = columns * rows;
  if (head('magic') !== TILE_MAGIC || words.length !== TILE_HEAD_WORDS + 2 * cells) {
    throw new ApiFailure('internal', 'The server sent a tile that cannot be read.');
  }
  return {
    columns,
    rows,
    timeStep: head('timeStep'),
    byteStep: head('byteStep'),
    maximum: head('maximum'),
    isRefining: head('refining') !== 0,
    loads: words.subarray(TILE_HEAD_WORDS, TILE_HEAD_WORDS + cells),
    stores: words.subarray(TILE_HEAD_WORDS + cells),
  };
}
