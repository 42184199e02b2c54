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
import { AccessFlag, type ColumnName } from '../format/index.ts';
import { formatSymbol, type NamedSymbol } from '../symbols/index.ts';
import { type ChunkColumns, endOfStream, isDamage } from '../tiles/index.ts';
import { type Access, hexOf } from './access-rows.ts';
import { findNearest } from './neighbours.ts';
import type { AddressRange } from './parameters.ts';
import { type FindReply, PAGE_BYTES, type Space } from './protocol.ts';
import type { Session } from './session.ts';
import { vcpusOf } from './streams.ts';

type Place = FindReply['places'][number];

/** Of one question, however many names it has. */
const PATIENCE_MS = 2000;
const MOST_PLACES = 8;

/** What of a session is looked at. */
export interface SearchedTrace
  extends Pick<Session, 'trace' | 'shape' | 'chunks' | 'accesses' | 'codePlaces'> {
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
}

type Found = Omit<FindReply, 'complete'>;

export async function find(
  session: SearchedTrace,
  stream: number,
  words: string,
  signal: AbortSignal,
  patienceMs: number = PATIENCE_MS,
): Promise<FindReply> {
  const search = { stream, signal, endMs: performance.now() + patienceMs, complete: true };
  const found = await findWords(session, search, words);
  return { ...found, complete: search.complete };
}

/** The search is not complete from then on. */
function isOver(search: Search): boolean {
  if (performance.now() < search.endMs) return false;
  search.complete = false;
  return true;
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
    for (const { chunkIndex, firstOrdinal } of ofStream.slice(begin)) {
      if (isOver(search)) break;
      const columns = await columnsOf(session, search, chunkIndex, ['icount', 'vcpu']);
      if (columns?.icount === undefined || columns.vcpu === undefined) continue;
      const { vcpu: vcpuOf } = columns;
      const counts = halves(columns.icount);
      const at = vcpuOf.findIndex(
        (one, i) => one === vcpu && counts[2 * i + 1] * 2 ** 32 + counts[2 * i] >= icount,
      );
      if (at < 0) continue;
      const label = `vCPU ${vcpu} at icount ${icount}`;
      const place = await placeOfOrdinal(session, search, firstOrdinal + at, label);
      if (place !== undefined) places.push(place);
      break;
    }
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

async function findSymbol(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  if (!session.names.hasSymbols) {
    return nothing('there are no symbols: start "loadstore view" with --symbols FILE');
  }
  const symbols = session.symbols.findNamed(text, MOST_PLACES);
  const places: Place[] = [];
  for (const symbol of symbols) {
    const begin = bigintFromU64(symbol.address.lo, symbol.address.hi);
    const name = formatSymbol({ ...symbol, offset: 0 });
    const bytes = Math.max(1, symbol.sizeBytes);
    if (symbol.what === 'code') {
      const place = await firstOfFunction(session, search, symbol);
      if (place !== undefined) places.push(place);
    } else {
      places.push(...(await placesOfRange(session, search, name, begin, bytes)));
    }
  }
  if (places.length > 0) return { kind: 'symbol', message: `symbol ${text}`, places };
  if (symbols.length === 0) return nothing(`no symbol is named ${text}, or begins so`);
  const known = symbols.map((one) => formatSymbol({ ...one, offset: 0 })).join(', ');
  const when = session.index.find() === undefined ? ', the index is not built yet' : '';
  return nothing(`known, but no access of it was found${when}: ${known}`);
}

async function findFunction(session: SearchedTrace, search: Search, text: string): Promise<Found> {
  const functions = session.symbols
    .findNamed(text, MOST_PLACES)
    .filter(({ what }) => what === 'code');
  const places: Place[] = [];
  for (const one of functions) {
    const place = await firstOfFunction(session, search, one);
    if (place !== undefined) places.push(place);
  }
  if (places.length > 0) return { kind: 'function', message: `function ${text}`, places };
  return nothing(
    functions.length === 0
      ? `no function is named ${text}, or begins so`
      : `function ${text} made no access that was found`,
  );
}

async function firstOfFunction(
  session: SearchedTrace,
  search: Search,
  { name, module, address, sizeBytes }: NamedSymbol,
): Promise<Place | undefined> {
  const begin = bigintFromU64(address.lo, address.hi);
  const label = `first access of ${formatSymbol({ name, module, offset: 0 })}`;
  return firstOfCode(session, search, label, begin, Math.max(1, sizeBytes));
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
 * The first access of instructions at these addresses. Blocks get their numbers as they are translated: the first
 * chunk that has a block is looked at first, and those behind it until the time is over.
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
  for (const chunk of trace.chunks) {
    if (chunk.stream !== search.stream || chunk.knownBlocks <= lowest) continue;
    if (isOver(search)) return undefined;
    const columns = await columnsOf(session, search, chunk.chunkIndex, ['block', 'insn']);
    if (columns?.block === undefined || columns.insn === undefined) continue;
    const { block, insn } = columns;
    const at = block.findIndex(
      (id, i) => isBlock[id] === 1 && wanted.get(id)?.has(insn[i]) === true,
    );
    if (at >= 0) return placeOfOrdinal(session, search, chunk.firstOrdinal + at, label);
  }
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
  { trace, chunks, index }: SearchedTrace,
  search: Search,
  range: AddressRange,
): Promise<number | null> {
  const { stream, signal } = search;
  const { ordinals, complete } = await findNearest(
    trace,
    chunks,
    index.find(),
    {
      ...{ stream, from: 0, to: endOfStream(trace, stream), direction: 'forward' },
      ...{ ranges: [range], passesDamage: true },
      patienceMs: search.endMs - performance.now(),
    },
    signal,
  );
  if (!complete) search.complete = false;
  return ordinals[0] ?? null;
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
