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
import { AccessFlag } from '../format/index.ts';
import { formatSymbol, type NamedSymbol } from '../symbols/index.ts';
import { type ChunkColumns, endOfStream } from '../tiles/index.ts';
import { type Access, hexOf } from './access-rows.ts';
import { firstInChunks, firstInRange, type Search, type SearchedAccesses } from './first-access.ts';
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
  extends SearchedAccesses,
    Pick<Session, 'shape' | 'accesses' | 'codePlaces'> {
  readonly names: Pick<Session['names'], 'hasSymbols'>;
  readonly symbols: Pick<Session['symbols'], 'findNamed'>;
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
  const vcpus = vcpusOf(session, stream);
  if (vcpus.length === 0) {
    search.complete = false;
    return nothing('whose accesses these are is known when the index is built');
  }
  for (const vcpu of vcpus) {
    const before = (at: number): boolean => {
      const state = ofStream[at].vcpuStates.find((one) => one.vcpu === vcpu);
      return state === undefined || Number(state.icount) < icount;
    };
    const begin = Math.max(0, partitionPoint(ofStream.length, before) - 1);
    const atCount = ({ icount: counts, vcpu: of }: ChunkColumns): number => {
      if (counts === undefined || of === undefined) return -1;
      const words = halves(counts);
      return of.findIndex(
        (one, i) => one === vcpu && words[2 * i + 1] * 2 ** 32 + words[2 * i] >= icount,
      );
    };
    const what = `icount ${vcpu} ${icount}`;
    const left = ofStream.slice(begin);
    const ordinal = await firstInChunks(session, search, what, left, ['icount', 'vcpu'], atCount);
    const label = `vCPU ${vcpu} at icount ${icount}`;
    const place = await placeOfOrdinal(session, search, ordinal, label);
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
  const left = trace.chunks.filter(
    (chunk) => chunk.stream === search.stream && chunk.knownBlocks > lowest,
  );
  const ofCode = ({ block, insn }: ChunkColumns): number =>
    block === undefined || insn === undefined
      ? -1
      : block.findIndex((id, i) => isBlock[id] === 1 && wanted.get(id)?.has(insn[i]) === true);
  const what = `code ${low} ${byteCount}`;
  const ordinal = await firstInChunks(session, search, what, left, ['block', 'insn'], ofCode);
  return placeOfOrdinal(session, search, ordinal, label);
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

async function placeOfOrdinal(
  session: SearchedTrace,
  { stream, signal }: Search,
  ordinal: number | undefined,
  label: string,
): Promise<Place | undefined> {
  if (ordinal === undefined) return undefined;
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
