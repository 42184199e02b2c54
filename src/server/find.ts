// SPDX-License-Identifier: Apache-2.0
// The one box for finding: what the words mean, and where in the trace that is.

import {
  bigintFromU64,
  formatHex64,
  parseHex64,
  partitionPoint,
  u64FromBigint,
} from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { formatSymbol, type NamedSymbol } from '../symbols/index.ts';
import { endOfStream } from '../tiles/index.ts';
import { type Access, hexOf } from './access-rows.ts';
import { findNearest } from './neighbours.ts';
import type { AddressRange } from './parameters.ts';
import { type FindReply, PAGE_BYTES, type Space } from './protocol.ts';
import type { Session } from './session.ts';
import { vcpusOf } from './streams.ts';

type Place = FindReply['places'][number];

const PATIENCE_MS = 2000;
const MOST_PLACES = 8;

export async function find(
  session: Session,
  stream: number,
  words: string,
  signal: AbortSignal,
): Promise<FindReply> {
  const text = words.trim();
  const [, prefix = '', rest = ''] = /^(pc:|function:|icount:|#)\s*(.*)$/i.exec(text) ?? [];
  switch (prefix.toLowerCase()) {
    case '#':
      return findOrdinal(session, stream, rest, signal);
    case 'icount:':
      return findIcount(session, stream, rest, signal);
    case 'pc:':
      return findPc(session, stream, rest, signal);
    case 'function:':
      return findFunction(session, stream, rest, signal);
    default:
  }
  if (/^0x/i.test(text)) return findAddress(session, stream, text, signal);
  return findSymbol(session, stream, text, signal);
}

function nothing(message: string): FindReply {
  return { kind: 'nothing', message, places: [] };
}

function countFrom(text: string): number | undefined {
  const value = Number(text.replaceAll(/[,_ ]/g, ''));
  return text !== '' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

async function findOrdinal(
  session: Session,
  stream: number,
  text: string,
  signal: AbortSignal,
): Promise<FindReply> {
  const ordinal = countFrom(text);
  if (ordinal === undefined) return nothing('an ordinal is a whole number: #123456');
  const place = await placeOfOrdinal(session, stream, ordinal, `access ${ordinal}`, signal);
  if (place !== undefined) return { kind: 'ordinal', message: place.label, places: [place] };
  return nothing(
    `there is no access ${ordinal}: the last is ${endOfStream(session.trace, stream) - 1}`,
  );
}

/** Of each vCPU of the stream. */
async function findIcount(
  session: Session,
  stream: number,
  text: string,
  signal: AbortSignal,
): Promise<FindReply> {
  const icount = countFrom(text);
  if (icount === undefined) return nothing('an icount is a whole number: icount:1000000');
  const { trace, chunks } = session;
  const ofStream = trace.chunks.filter((chunk) => chunk.stream === stream);
  const places: Place[] = [];
  for (const vcpu of vcpusOf(session, stream)) {
    const before = (at: number): boolean => {
      const state = ofStream[at].vcpuStates.find((one) => one.vcpu === vcpu);
      return state === undefined || Number(state.icount) < icount;
    };
    const begin = Math.max(0, partitionPoint(ofStream.length, before) - 1);
    for (const { chunkIndex, firstOrdinal } of ofStream.slice(begin)) {
      const { icount: counts, vcpu: vcpuOf } = await chunks.columns(
        chunkIndex,
        ['icount', 'vcpu'],
        signal,
      );
      if (counts === undefined || vcpuOf === undefined) break;
      const wanted = BigInt(icount);
      const at = counts.findIndex((one, i) => vcpuOf[i] === vcpu && one >= wanted);
      if (at < 0) continue;
      const label = `vCPU ${vcpu} at icount ${icount}`;
      const place = await placeOfOrdinal(session, stream, firstOrdinal + at, label, signal);
      if (place !== undefined) places.push(place);
      break;
    }
  }
  if (places.length === 0) return nothing(`no access was made at or after icount ${icount}`);
  return { kind: 'icount', message: `first access at or after icount ${icount}`, places };
}

async function findAddress(
  session: Session,
  stream: number,
  text: string,
  signal: AbortSignal,
): Promise<FindReply> {
  const address = parseHex64(text);
  if (address === undefined) return nothing('an address is hexadecimal: 0xffffffff81000000');
  const shown = formatHex64(address.lo, address.hi);
  const begin = bigintFromU64(address.lo, address.hi);
  const places = await placesOfRange(session, stream, shown, begin, 1, signal);
  const message =
    places.length === 0 ? `nothing in the page of ${shown} was accessed` : `address ${shown}`;
  return { kind: places.length === 0 ? 'nothing' : 'address', message, places };
}

async function findSymbol(
  session: Session,
  stream: number,
  text: string,
  signal: AbortSignal,
): Promise<FindReply> {
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
      const place = await firstOfFunction(session, stream, symbol, signal);
      if (place !== undefined) places.push(place);
    } else {
      places.push(...(await placesOfRange(session, stream, name, begin, bytes, signal)));
    }
  }
  if (places.length > 0) return { kind: 'symbol', message: `symbol ${text}`, places };
  if (symbols.length === 0) return nothing(`no symbol is named ${text}, or begins so`);
  const known = symbols.map((one) => formatSymbol({ ...one, offset: 0 })).join(', ');
  return nothing(`known, but no access of it was found in the time there was: ${known}`);
}

async function findFunction(
  session: Session,
  stream: number,
  text: string,
  signal: AbortSignal,
): Promise<FindReply> {
  const functions = session.symbols
    .findNamed(text, MOST_PLACES)
    .filter(({ what }) => what === 'code');
  const places: Place[] = [];
  for (const one of functions) {
    const place = await firstOfFunction(session, stream, one, signal);
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
  session: Session,
  stream: number,
  { name, module, address, sizeBytes }: NamedSymbol,
  signal: AbortSignal,
): Promise<Place | undefined> {
  const begin = bigintFromU64(address.lo, address.hi);
  const end = begin + BigInt(Math.max(1, sizeBytes));
  const label = `first access of ${formatSymbol({ name, module, offset: 0 })}`;
  return firstOfCode(session, stream, label, signal, (pc) => pc >= begin && pc < end);
}

async function findPc(
  session: Session,
  stream: number,
  text: string,
  signal: AbortSignal,
): Promise<FindReply> {
  const address = parseHex64(text);
  if (address === undefined) return nothing('pc: wants an address: pc:0xffffffff81000000');
  const wanted = bigintFromU64(address.lo, address.hi);
  const label = `first access of the instruction at ${formatHex64(address.lo, address.hi)}`;
  const place = await firstOfCode(session, stream, label, signal, (pc) => pc === wanted);
  if (place !== undefined) return { kind: 'pc', message: label, places: [place] };
  return nothing(`no instruction at ${text} made an access that was found`);
}

/**
 * The first access of instructions at these addresses. Blocks get their numbers as they are translated: the first
 * chunk that has a block is looked at first, and those behind it until the time is over.
 */
async function firstOfCode(
  session: Session,
  stream: number,
  label: string,
  signal: AbortSignal,
  isWanted: (pc: bigint) => boolean,
): Promise<Place | undefined> {
  const { trace, chunks, shape } = session;
  const { code } = trace;
  const wanted = new Map<number, Set<number>>();
  for (let block = 0; block < code.blockCount; block++) {
    const begin = code.vaddr(block);
    for (const [insn, offset] of code.insnOffsets(block).entries()) {
      if (!isWanted(begin + BigInt(offset))) continue;
      const insns = wanted.get(block) ?? new Set();
      wanted.set(block, insns.add(insn));
    }
  }
  if (wanted.size === 0) return undefined;
  const isBlock = new Uint8Array(shape.blockCount);
  for (const block of wanted.keys()) isBlock[block] = 1;
  const lowest = Math.min(...wanted.keys());
  const beganMs = performance.now();
  for (const chunk of trace.chunks) {
    if (chunk.stream !== stream || chunk.knownBlocks <= lowest) continue;
    if (performance.now() - beganMs > PATIENCE_MS) return undefined;
    const { block, insn } = await chunks.columns(chunk.chunkIndex, ['block', 'insn'], signal);
    if (block === undefined || insn === undefined) return undefined;
    const at = block.findIndex(
      (id, i) => isBlock[id] === 1 && wanted.get(id)?.has(insn[i]) === true,
    );
    if (at >= 0) return placeOfOrdinal(session, stream, chunk.firstOrdinal + at, label, signal);
  }
  return undefined;
}

/** In virtual and in physical memory: where its first access is, when its page was accessed at all. */
async function placesOfRange(
  session: Session,
  stream: number,
  label: string,
  low: bigint,
  bytes: number,
  signal: AbortSignal,
): Promise<Place[]> {
  const places: Place[] = [];
  for (const space of ['virtual', 'physical'] as const) {
    const rank = rankOf(session, space, low);
    if (rank === undefined) continue;
    const range: AddressRange = { space, low, high: low + BigInt(bytes) };
    const ordinal = await firstInRange(session, stream, range, signal);
    places.push({
      label: ordinal === null ? `${label}: its page, ${space}` : `${label}: first access, ${space}`,
      ...{ space, ordinal, rank, address: hexOf(low), bytes },
    });
  }
  return places;
}

async function firstInRange(
  { trace, chunks, index }: Session,
  stream: number,
  range: AddressRange,
  signal: AbortSignal,
): Promise<number | null> {
  const { ordinals } = await findNearest(
    trace,
    chunks,
    index.find(),
    {
      ...{ stream, from: 0, to: endOfStream(trace, stream), direction: 'forward' },
      ...{ ranges: [range], patienceMs: PATIENCE_MS },
    },
    signal,
  );
  return ordinals[0] ?? null;
}

async function placeOfOrdinal(
  session: Session,
  stream: number,
  ordinal: number,
  label: string,
  signal: AbortSignal,
): Promise<Place | undefined> {
  const [access] = await session.accesses.read(stream, [ordinal], [], signal);
  return access === undefined ? undefined : placeOfAccess(session, access, label);
}

function placeOfAccess(session: Session, access: Access, label: string): Place {
  const space: Space = (access.flags & AccessFlag.physicalOnly) === 0 ? 'virtual' : 'physical';
  return {
    ...{ label, space, ordinal: access.ordinal, bytes: access.size },
    rank: rankOf(session, space, access.vaddr) ?? null,
    address: hexOf(access.vaddr),
  };
}

/** Of the very byte; undefined when its page was not accessed, or there is no index yet. */
function rankOf({ index }: Session, space: Space, address: bigint): number | undefined {
  const axis = index.find()?.pages[space];
  if (axis === undefined || axis === null) return undefined;
  const { lo, hi } = u64FromBigint(address);
  const { rank, exact } = axis.rankOf(lo, hi);
  return exact ? rank + (lo % PAGE_BYTES) / PAGE_BYTES : undefined;
}
