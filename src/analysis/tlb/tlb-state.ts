// SPDX-License-Identifier: Apache-2.0
// A simulation of TLBs in progress: those of each vCPU, its page-walk caches, and what is counted.

import type { Shard, TraceShape } from '../analysis.ts';
import { type FetchTable, fetchTableFrom } from '../cache/fetch-table.ts';
import { createPageSizes, type PageSizes, SMALL_PAGE_SHIFT } from './page-sizes.ts';
import { type FoundPaging, isLongMode, PAGING_NOT_KNOWN, pagingOfMode } from './paging.ts';
import { createTlbArray, type TlbArray } from './tlb-array.ts';
import { requireTlbParameters, type TlbParameters } from './tlb-parameters.ts';

/** Places in the counts of a vCPU. Lookups and misses of the TLBs: */
export const FETCHES = 0;
export const FETCH_MISSES = 1;
export const DATA = 2;
export const DATA_MISSES = 3;
export const SECOND = 4;
export const SECOND_MISSES = 5;
/** Reads of page tables: of PML4 entries, PDPT entries, page directory entries, page table entries. */
export const WALK_READS = 6;
/** Walks that began behind an entry found in the page-walk caches. */
export const SHORT_WALKS = 10;
/** Flushes by a new CR3 between look-ups: what a stretch has before and behind those of the selection is not counted. */
export const FLUSHES = 11;
/** Accesses and fetches with paging off, which no TLB sees. */
export const UNTRANSLATED = 12;
/** Fetches from pages whose size is taken from their neighbours, or is not known at all. */
export const ASSUMED_SIZES = 13;
/** Accesses to pages whose size the trace does not know: taken to be 4 KiB. */
export const UNKNOWN_SIZES = 14;
/** Accesses with a physical address only. */
export const PHYSICAL = 15;
/** Walks by log2 of the page's size, from 12 to 30: 4 KiB, 2 MiB, 4 MiB, 1 GiB. */
export const WALKS_BY_SIZE = 16;
/** Completed, of the fetches. */
export const INSTRUCTIONS = 20;
const COUNT_LENGTH = 21;

export interface VcpuTlbs extends FoundPaging {
  readonly l1i: TlbArray;
  readonly l1d: TlbArray;
  readonly l2: TlbArray | undefined;
  readonly pml4e: TlbArray | undefined;
  readonly pdpte: TlbArray | undefined;
  readonly pde: TlbArray | undefined;
  readonly counts: Float64Array;
  /** Of the running address space. */
  space: number;
  /** Flushes since the last look-up. */
  openFlushes: number;
  /**
   * The 4 KiB page fetched from last: its translation is first in the L1I TLB while the version is that of the
   * page sizes, -1 when it is not, and what the block's mode says of paging is the same.
   */
  fetchLo: number;
  fetchHi: number;
  fetchVersion: number;
  fetchPaging: number;
  /** Where more fetches from it are counted besides FETCHES: ASSUMED_SIZES, UNKNOWN_SIZES; FETCHES for nowhere. */
  fetchPlace: number;
  /** The same of the data access last, in the L1D TLB; -1 also when its size is not known for sure. */
  dataLo: number;
  dataHi: number;
  dataVersion: number;
  dataPaging: number;
}

/** The fetch table of 4 KiB pages, with their addresses. */
export interface CodePages extends Pick<FetchTable, 'firstTouch' | 'insn' | 'fetches'> {
  /** Halves, signed as all are here: numbers beyond 2^31 would each be an object when they are handed on. */
  readonly addressLo: Int32Array;
  readonly addressHi: Int32Array;
  /** 1: the first instruction began in the page before. */
  readonly isSecondPart: Uint8Array;
}

export interface TlbState {
  readonly parameters: TlbParameters;
  readonly shard: Shard;
  readonly fetches: CodePages | undefined;
  /** By vCPU; made when it is first seen. */
  readonly vcpus: Map<number, VcpuTlbs>;
  /** CR3 of each vCPU when its recording began. */
  readonly firstSpaces: ReadonlyMap<number, bigint>;
  /** Numbers of address spaces by CR3, without the bits that are no part of its name. */
  readonly spaces: Map<bigint, number>;
  readonly sizes: PageSizes;
  /** By block: its mode is long mode, or not known. */
  readonly isLong: Uint8Array;
  /** By block: what its mode says of paging. */
  readonly blockPaging: Uint8Array;
  /** By block: walks that its instructions and their fetches led to. */
  readonly blockWalks: Float64Array;
}

export function createTlbState(
  parameters: TlbParameters,
  trace: Pick<TraceShape, 'blockCount' | 'code' | 'chunks'>,
  shard: Shard,
): TlbState {
  requireTlbParameters(parameters);
  const { blockCount, code, chunks } = trace;
  return {
    parameters,
    shard,
    fetches: parameters.fetches ? codePagesOf(code) : undefined,
    vcpus: new Map(),
    firstSpaces: firstSpacesOf(chunks),
    spaces: new Map(),
    sizes: createPageSizes(),
    isLong: Uint8Array.from({ length: blockCount }, (_, block) =>
      Number(isLongMode(code.mode(block))),
    ),
    blockPaging: Uint8Array.from({ length: blockCount }, (_, block) =>
      pagingOfMode(code.mode(block)),
    ),
    blockWalks: new Float64Array(blockCount),
  };
}

function firstSpacesOf(chunks: TraceShape['chunks']): Map<number, bigint> {
  const first = new Map<number, bigint>();
  for (const { vcpuStates } of chunks) {
    for (const { vcpu, cr3 } of vcpuStates) if (!first.has(vcpu)) first.set(vcpu, cr3);
  }
  return first;
}

function codePagesOf(code: TraceShape['code']): CodePages {
  const { line, firstTouch, insn, fetches } = fetchTableFrom(code, SMALL_PAGE_SHIFT);
  const shift = BigInt(SMALL_PAGE_SHIFT);
  return {
    firstTouch,
    insn,
    fetches,
    addressLo: Int32Array.from(line, (page) => Number(BigInt.asIntN(32, page << shift))),
    addressHi: Int32Array.from(line, (page) => Number(BigInt.asIntN(32, (page << shift) >> 32n))),
    isSecondPart: secondPartsOf(firstTouch, insn, fetches),
  };
}

/** By touch. */
function secondPartsOf(
  firstTouch: Uint32Array,
  insn: Uint16Array,
  fetches: Uint16Array,
): Uint8Array {
  const isSecondPart = new Uint8Array(insn.length);
  for (let touch = 1; touch < insn.length; touch++) {
    if (insn[touch] === insn[touch - 1] + fetches[touch - 1] - 1) isSecondPart[touch] = 1;
  }
  // Nothing goes on from another block.
  for (const touch of firstTouch) isSecondPart[touch] = 0;
  return isSecondPart;
}

/** vCPUs are dealt out to shards by their numbers. */
export function isOfShard({ shard }: Pick<TlbState, 'shard'>, vcpu: number): boolean {
  return (vcpu & (shard.count - 1)) === shard.index;
}

export function requireTlbs(state: TlbState, vcpu: number): VcpuTlbs {
  const known = state.vcpus.get(vcpu);
  if (known !== undefined) return known;
  const { l1i, l1d, l2, walkCache } = state.parameters;
  const anywhere = (entries: number): TlbArray | undefined =>
    entries === 0 ? undefined : createTlbArray(entries, entries);
  const made: VcpuTlbs = {
    l1i: createTlbArray(l1i.entries, l1i.ways),
    l1d: createTlbArray(l1d.entries, l1d.ways),
    l2: l2 === undefined ? undefined : createTlbArray(l2.entries, l2.ways),
    pml4e: anywhere(walkCache.pml4e),
    pdpte: anywhere(walkCache.pdpte),
    pde: anywhere(walkCache.pde),
    counts: new Float64Array(COUNT_LENGTH),
    space: numberOfSpace(state, state.firstSpaces.get(vcpu) ?? 0n),
    openFlushes: 0,
    pagingOutside: PAGING_NOT_KNOWN,
    pagingInSmm: PAGING_NOT_KNOWN,
    fetchLo: 0,
    fetchHi: 0,
    fetchVersion: -1,
    fetchPaging: 0,
    fetchPlace: FETCHES,
    dataLo: 0,
    dataHi: 0,
    dataVersion: -1,
    dataPaging: 0,
  };
  state.vcpus.set(vcpu, made);
  return made;
}

/** CR3 without PCID and the bit that a write may have to keep translations (Intel SDM 3A 4.5). */
const CR3_BASE = 0x000f_ffff_ffff_f000n;

/** With flushes there is one space: what is not of it has gone. */
export function numberOfSpace({ parameters, spaces }: TlbState, cr3: bigint): number {
  if (parameters.spaces !== 'tagged') return 0;
  const base = cr3 & CR3_BASE;
  let space = spaces.get(base);
  if (space === undefined) {
    space = spaces.size + 1;
    spaces.set(base, space);
  }
  return space;
}
