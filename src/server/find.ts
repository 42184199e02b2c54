// SPDX-License-Identifier: Apache-2.0
// The one box for finding: what the words mean, and where in the trace that is.

import {
  bigintFromU64,
  formatHex64,
  halves,
  parseHex64,
  partitionPoint,
  u64FromBigint,
} from '../base/index.ts';
import { AccessFlag, type ChunkInfo, type ColumnName } from '../format/index.ts';
import { formatSymbol, type NamedSymbol } from '../symbols/index.ts';
import { type ChunkColumns, endOfStream, isDamage } from '../tiles/index.ts';
import { type Access, hexOf } from './access-rows.ts';
import { findNearest } from './neighbours.ts';
import type { AddressRange } from './parameters.ts';
import { type FindReply, PAGE_BYTES, type Space } from './protocol.ts';
import { MARK_BYTES, type SearchMarks } from './search-marks.ts';
import type { Session } from './session.ts';
import { vcpusOf } from './streams.ts';

type Place = FindReply['places'][number];

/** Of one question, however many names it has. */
const PATIENCE_MS = 2000;
const MOST_PLACES = 8;

/** What of a session is looked at. */
export interface SearchedTrace
  extends Pick<Session, 'trace' | 'shape' | 'chunks' | 'accesses' | 'codePlaces'> {
  readonly searchMarks: SearchMarks;
  readonly index: Pick<Session['index'], 'find'>;
  readonly names: Pick<Session['names'], 'hasSymbols'>;
  readonly symbols: Pick<Session['symbols'], 'findNamed'>;
}

/** A question on its way. */
interface Search {
  readonly stream: number;
  readonly signal: AbortSignal;
  readonly endMs: number;
  /** False: the time was over, or something damaged was passed over. */
  complete: boolean;
  /** Of each thing that is looked for, how much of the stream was looked at, 0 to 1; 1 when it was found. */
  readonly parts: number[];
}

type Found = Omit<FindReply, 'complete' | 'searched'>;

/** Asked again, it goes on from where its time was over. */
export async function find(
  session: SearchedTrace,
  stream: number,
  words: string,
  signal: AbortSignal,
  patienceMs: number = PATIENCE_MS,
): Promise<FindReply> {
  const endMs = performance.now() + patienceMs;
  const search: Search = { stream, signal, endMs, complete: true, parts: [] };
  const found = await findWords(session, search, words);
  const { complete, parts } = search;
  const searched =
    parts.length === 0 ? 1 : parts.reduce((sum, part) => sum + part, 0) / parts.length;
  return { ...found, complete, searched };
}

/** One of the things that are looked for: where its search goes on, and what is said of how it ends. */
interface Leg {
  /** Nothing was found before it. */
  readonly from: number;
  /** It was found, or everything was looked at. */
  end(): void;
  /** The time is over; nothing was found before the ordinal. `isDamaged`: as far as that could be read. */
  stop(ordinal: number, isDamaged: boolean): void;
}

function takeUp({ trace, searchMarks }: SearchedTrace, search: Search, what: string): Leg {
  const { stream } = search;
  const key = `${stream} ${what}`;
  const mark = searchMarks.find(key);
  const wasDamaged = mark?.isDamaged ?? false;
  if (wasDamaged) search.complete = false;
  return {
    from: mark?.ordinal ?? 0,
    end() {
      search.parts.push(1);
    },
    stop(ordinal, isDamaged) {
      search.complete = false;
      search.parts.push(ordinal / Math.max(1, endOfStream(trace, stream)));
      searchMarks.put(key, { ordinal, isDamaged: isDamaged || wasDamaged }, MARK_BYTES);
    },
  };
}

function isOver({ endMs }: Search): boolean {
  return performance.now() >= endMs;
}

async function findWords(session: SearchedTrace, search: Search, words: string): Promise<Found> {
  const text = words.trim();
  const [, prefix = '', rest = ''] = /^(pc:|function:|icount:|#)\s*(.*)$/i.exec(text) ?? [];
  switch (prefix.toLowerCase()) {
    case '#':
      return findOrdinal(session, search, rest);
    case 'icount:':
      return findIcount(session, search, rest);
    case 'pc:':
      return findPc(session, search, rest);
    case 'function:':
      return findFunction(session, search, rest);
    default:
  }
  if (/^0x/i.test(text)) return findAddress(session, search, text);
  return findSymbol(session, search, text);
}

function nothing(message: string): Found {
  return { kind: 'nothing', message, places: [] };
}

function countFrom(text: string): number | undefined {
  const value = Number(text.replaceAll(/[,_ ]/g, ''));
  return text !== '' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

async function findOrdinal(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  const ordinal = countFrom(text);
  if (ordinal === undefined) return nothing('an ordinal is a whole number: #123456');
  const place = await placeOfOrdinal(session, search, ordinal, `access ${ordinal}`);
  if (place !== undefined) return { kind: 'ordinal', message: place.label, places: [place] };
  return nothing(
    `there is no access ${ordinal}: the last is ${endOfStream(session.trace, search.stream) - 1}`,
  );
}

/** Of each vCPU of the stream. */
async function findIcount(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  const icount = countFrom(text);
  if (icount === undefined) return nothing('an icount is a whole number: icount:1000000');
  const { trace } = session;
  const { stream } = search;
  const ofStream = trace.chunks.filter((chunk) => chunk.stream === stream);
  const places: Place[] = [];
  for (const vcpu of vcpusOf(session, stream)) {
    const before = (at: number): boolean => {
      const state = ofStream[at].vcpuStates.find((one) => one.vcpu === vcpu);
      return state === undefined || Number(state.icount) < icount;
    };
    const begin = Math.max(0, partitionPoint(ofStream.length, before) - 1);
    const columns = ['icount', 'vcpu'] as const;
    const what = { key: `icount ${vcpu} ${icount}`, label: `vCPU ${vcpu} at icount ${icount}` };
    const place = await firstInChunks(
      session,
      search,
      what,
      ofStream.slice(begin),
      columns,
      (chunk) => {
        if (chunk.icount === undefined || chunk.vcpu === undefined) return -1;
        const counts = halves(chunk.icount);
        return chunk.vcpu.findIndex(
          (one, i) => one === vcpu && counts[2 * i + 1] * 2 ** 32 + counts[2 * i] >= icount,
        );
      },
    );
    if (place !== undefined) places.push(place);
  }
  if (places.length === 0) return nothing(`no access was made at or after icount ${icount}`);
  return { kind: 'icount', message: `first access at or after icount ${icount}`, places };
}

async function findAddress(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  const address = parseHex64(text);
  if (address === undefined) return nothing('an address is hexadecimal: 0xffffffff81000000');
  const shown = formatHex64(address.lo, address.hi);
  const begin = bigintFromU64(address.lo, address.hi);
  const places = await placesOfRange(session, search, shown, begin, 1);
  const isKnown = session.index.find() !== undefined;
  const message =
    places.length > 0
      ? `address ${shown}`
      : isKnown
        ? `nothing in the page of ${shown} was accessed`
        : `where ${shown} was accessed is known when the index is built`;
  return { kind: places.length === 0 ? 'nothing' : 'address', message, places };
}

const NO_SYMBOLS = 'there are no symbols: start "loadstore view" with --symbols FILE';

async function findSymbol(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  if (!session.names.hasSymbols) return nothing(NO_SYMBOLS);
  const symbols = session.symbols.findNamed(text, MOST_PLACES);
  const places: Place[] = [];
  for (const symbol of symbols) {
    if (symbol.what === 'code') {
      const place = await firstOfFunction(session, search, symbol);
      if (place !== undefined) places.push(place);
    } else {
      const name = formatSymbol({ ...symbol, offset: 0 });
      places.push(...(await placesOfRange(session, search, name, ...bytesOf(symbol))));
    }
  }
  if (places.length > 0) return { kind: 'symbol', message: `symbol ${text}`, places };
  if (symbols.length === 0) return nothing(`no symbol is named ${text}, or begins so`);
  const known = symbols.map((one) => formatSymbol({ ...one, offset: 0 })).join(', ');
  const when = session.index.find() === undefined ? ', the index is not built yet' : '';
  return nothing(`known, but no access of it was found${when}: ${known}`);
}

async function findFunction(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  if (!session.names.hasSymbols) return nothing(NO_SYMBOLS);
  const functions = session.symbols
    .findNamed(text, MOST_PLACES)
    .filter(({ what }) => what === 'code');
  const places: Place[] = [];
  for (const one of functions) {
    const place = await firstOfFunction(session, search, one);
    if (place !== undefined) places.push(place);
  }
  if (places.length > 0) return { kind: 'function', message: `function ${text}`, places };
  if (functions.length === 0) return nothing(`no function is named ${text}, or begins so`);
  const ran = functions.some((one) => session.codePlaces.within(...bytesOf(one)).size > 0);
  const found = search.complete ? '' : ' that was found';
  return nothing(`function ${text} ${ran ? `ran, but made no access${found}` : 'never ran'}`);
}

/** Its first byte, and how many there are. */
function bytesOf({ address, sizeBytes }: NamedSymbol): [low: bigint, byteCount: number] {
  return [bigintFromU64(address.lo, address.hi), Math.max(1, sizeBytes)];
}

async function firstOfFunction(
  session: SearchedTrace,
  search: Search,
  symbol: NamedSymbol,
): Promise<Place | undefined> {
  const label = `first access of ${formatSymbol({ ...symbol, offset: 0 })}`;
  return firstOfCode(session, search, label, ...bytesOf(symbol));
}

async function findPc(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  const address = parseHex64(text);
  if (address === undefined) return nothing('pc: wants an address: pc:0xffffffff81000000');
  const wanted = bigintFromU64(address.lo, address.hi);
  const label = `first access of the instruction at ${formatHex64(address.lo, address.hi)}`;
  const place = await firstOfCode(session, search, label, wanted, 1);
  if (place !== undefined) return { kind: 'pc', message: label, places: [place] };
  return nothing(`no instruction at ${text} made an access that was found`);
}

/**
 * The first access of instructions at these addresses. Blocks get their numbers as they are translated: no chunk before
 * the first that may have one of theirs is looked at.
 */
async function firstOfCode(
  session: SearchedTrace,
  search: Search,
  label: string,
  low: bigint,
  byteCount: number,
): Promise<Place | undefined> {
  const { trace, shape, codePlaces } = session;
  const wanted = codePlaces.within(low, byteCount);
  const isBlock = new Uint8Array(shape.blockCount);
  let lowest = shape.blockCount;
  for (const block of wanted.keys()) {
    isBlock[block] = 1;
    lowest = Math.min(lowest, block);
  }
  const wantedChunks = trace.chunks.filter(
    (chunk) => chunk.stream === search.stream && chunk.knownBlocks > lowest,
  );
  const what = { key: `code ${low} ${byteCount}`, label };
  const columns = ['block', 'insn'] as const;
  return firstInChunks(session, search, what, wantedChunks, columns, ({ block, insn }) =>
    block === undefined || insn === undefined
      ? -1
      : block.findIndex((id, i) => isBlock[id] === 1 && wanted.get(id)?.has(insn[i]) === true),
  );
}

/** The first access that `match` gives the number of, within its chunk; -1: none of the chunk. Damage is passed over. */
async function firstInChunks(
  session: SearchedTrace,
  search: Search,
  { key, label }: { readonly key: string; readonly label: string },
  chunks: readonly ChunkInfo[],
  names: readonly ColumnName[],
  match: (columns: ChunkColumns) => number,
): Promise<Place | undefined> {
  const leg = takeUp(session, search, key);
  let isDamaged = false;
  for (const { chunkIndex, firstOrdinal, accessCount } of chunks) {
    if (firstOrdinal + accessCount <= leg.from) continue;
    if (isOver(search)) {
      leg.stop(firstOrdinal, isDamaged);
      return undefined;
    }
    const columns = await columnsOf(session, search, chunkIndex, names);
    isDamaged ||= columns === undefined;
    const at = columns === undefined ? -1 : match(columns);
    if (at < 0) continue;
    leg.end();
    return placeOfOrdinal(session, search, firstOrdinal + at, label);
  }
  leg.end();
  return undefined;
}

/** Undefined: they are damaged. */
async function columnsOf(
  { chunks }: SearchedTrace,
  search: Search,
  chunkIndex: number,
  names: readonly ColumnName[],
): Promise<ChunkColumns | undefined> {
  try {
    return await chunks.columns(chunkIndex, names, search.signal);
  } catch (error) {
    if (!isDamage(error)) throw error;
    search.complete = false;
    return undefined;
  }
}

/** In virtual and in physical memory: where its first access is, when its page was accessed at all. */
async function placesOfRange(
  session: SearchedTrace,
  search: Search,
  label: string,
  low: bigint,
  bytes: number,
): Promise<Place[]> {
  const places: Place[] = [];
  for (const space of ['virtual', 'physical'] as const) {
    const rank = rankOf(session, space, low);
    if (rank === undefined) {
      // Nobody knows what a damaged part had; and without an index, what any part has.
      const damaged = session.index.find()?.damaged;
      if (damaged?.some((one) => one.stream === search.stream) ?? true) search.complete = false;
      continue;
    }
    const range: AddressRange = { space, low, high: low + BigInt(bytes) };
    const ordinal = await firstInRange(session, search, range);
    places.push({
      label: ordinal === null ? `${label}: its page, ${space}` : `${label}: first access, ${space}`,
      ...{ space, ordinal, rank, address: hexOf(low), bytes },
    });
  }
  return places;
}

async function firstInRange(
  session: SearchedTrace,
  search: Search,
  range: AddressRange,
): Promise<number | null> {
  const { trace, chunks, index } = session;
  const { stream, signal, endMs } = search;
  const leg = takeUp(session, search, `${range.space} ${range.low} ${range.high}`);
  const to = endOfStream(trace, stream);
  const { ordinals, complete, isDamaged, searched } = await findNearest(
    trace,
    chunks,
    index.find(),
    {
      ...{ stream, from: leg.from, to, direction: 'forward' },
      ...{ ranges: [range], passesDamage: true },
      patienceMs: endMs - performance.now(),
    },
    signal,
  );
  if (!complete) search.complete = false;
  const ordinal = ordinals[0] ?? null;
  if (ordinal === null && searched < to) leg.stop(searched, isDamaged);
  else leg.end();
  return ordinal;
}

async function placeOfOrdinal(
  session: SearchedTrace,
  { stream, signal }: Search,
  ordinal: number,
  label: string,
): Promise<Place | undefined> {
  const [access] = await session.accesses.read(stream, [ordinal], [], signal);
  return access === undefined ? undefined : placeOfAccess(session, access, label);
}

function placeOfAccess(session: SearchedTrace, access: Access, label: string): Place {
  const space: Space = (access.flags & AccessFlag.physicalOnly) === 0 ? 'virtual' : 'physical';
  return {
    ...{ label, space, ordinal: access.ordinal, bytes: access.size },
    rank: rankOf(session, space, access.vaddr) ?? null,
    address: hexOf(access.vaddr),
  };
}

/** Of the very byte; undefined when its page was not accessed, or there is no index yet. */
function rankOf({ index }: SearchedTrace, space: Space, address: bigint): number | undefined {
  const axis = index.find()?.pages[space];
  if (axis === undefined || axis === null) return undefined;
  const { lo, hi } = u64FromBigint(address);
  const { rank, exact } = axis.rankOf(lo, hi);
  return exact ? rank + (lo % PAGE_BYTES) / PAGE_BYTES : undefined;
}
