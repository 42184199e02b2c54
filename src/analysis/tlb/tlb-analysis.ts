// SPDX-License-Identifier: Apache-2.0
// TLBs as an analysis. Each vCPU has its own, so that vCPUs are the shards.

import { type AccessColumns, requireColumn } from '../access-columns.ts';
import type { ShardedAnalysis, TraceShape } from '../analysis.ts';
import type { AccessCount } from '../cache/cache-analysis.ts';
import { consumeTlb } from './consume-tlb.ts';
import { requireTlbParameters, type TlbGeometry, type TlbParameters } from './tlb-parameters.ts';
import {
  ASSUMED_SIZES,
  createTlbState,
  DATA,
  DATA_MISSES,
  FETCH_MISSES,
  FETCHES,
  FLUSHES,
  INSTRUCTIONS,
  PHYSICAL,
  SECOND,
  SECOND_MISSES,
  SHORT_WALKS,
  type TlbState,
  UNKNOWN_SIZES,
  UNTRANSLATED,
  WALK_READS,
  WALKS_BY_SIZE,
} from './tlb-state.ts';
import { PAGE_SHIFTS } from './translate.ts';

export type TlbName = 'L1I TLB' | 'L1D TLB' | 'L2 TLB';

export interface TlbLevelResult extends AccessCount, TlbGeometry {
  readonly name: TlbName;
  /** Misses for each 1,000 instructions; null when instructions were not counted. */
  readonly mpki: number | null;
}

export interface TlbResult {
  readonly levels: readonly TlbLevelResult[];
  /** Of the page tables: one for each miss of the last TLB. */
  readonly walks: number;
  readonly walksBySize: readonly { readonly pageBytes: number; readonly walks: number }[];
  /** References of walks to each level of the tables. */
  readonly reads: Readonly<Record<'pml4' | 'pdpt' | 'directory' | 'table', number>>;
  /** Walks that the page-walk caches made shorter. */
  readonly shortWalks: number;
  readonly instructions: number | null;
  /** By a new CR3, between look-ups of a vCPU. */
  readonly flushes: number;
  /** Look-ups that there were none of: paging was off (paging.ts); or the access had a physical address only. */
  readonly untranslated: number;
  readonly physicalOnly: number;
  /** Look-ups of pages whose size is that of their neighbours; or is not known, and taken to be 4 KiB. */
  readonly assumedSizes: number;
  readonly unknownSizes: number;
  readonly vcpus: readonly {
    readonly vcpu: number;
    readonly lookups: number;
    readonly walks: number;
  }[];
  /** Every block that led to walks, ascending. */
  readonly blocks: readonly { readonly block: number; readonly walks: number }[];
}

type TlbAnalysis = ShardedAnalysis<TlbParameters, TlbState, TlbResult>;

const MOST_SHARDS = 8;

/** Which goes with the parameters: they differ in what they read of a trace, and what they cannot do without. */
export function chooseTlbAnalysis({ fetches, pageBytes }: TlbParameters): TlbAnalysis {
  if (pageBytes !== undefined) return fetches ? fixedTlbAnalysis : fixedDataTlbAnalysis;
  return fetches ? tlbAnalysis : dataTlbAnalysis;
}

/** Page sizes as the trace tells them; fetches and data, or data alone. */
export const tlbAnalysis: TlbAnalysis = tlbAnalysisOf('tlb', true, true);
export const dataTlbAnalysis: TlbAnalysis = tlbAnalysisOf('tlb-data', true, false);
/** One page size for all; what is told of pages says only where paging is off. */
export const fixedTlbAnalysis: TlbAnalysis = tlbAnalysisOf('tlb-fixed', false, true);
export const fixedDataTlbAnalysis: TlbAnalysis = tlbAnalysisOf('tlb-fixed-data', false, false);

function tlbAnalysisOf(name: string, needsSizes: boolean, runs: boolean): TlbAnalysis {
  return {
    name,
    order: 'per-shard',
    columns: ['vaddr', 'size', 'flags', 'vcpu', 'block'],
    requires: needsSizes ? ['vaddr', 'page-attributes'] : ['vaddr'],
    runs,
    notes: ['cr3'],
    mappings: true,
    init: createTlbState,
    consume: consumeTlb,
    merge: mergeTlb,
    finish: finishTlb,
    shardLimit: (parameters, trace) => limitTlbShards(parameters, trace),
    shardMasks: markTlbShards,
  };
}

function limitTlbShards(
  parameters: TlbParameters,
  { vcpuCount }: Pick<TraceShape, 'vcpuCount'>,
): number {
  requireTlbParameters(parameters);
  return Math.min(MOST_SHARDS, 2 ** Math.floor(Math.log2(Math.max(1, vcpuCount))));
}

function markTlbShards(
  _parameters: TlbParameters,
  batch: AccessColumns,
  shardCount: number,
  masks: Uint8Array,
): void {
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  for (let i = 0; i < batch.length; i++) masks[i] = 1 << (vcpu[i] & (shardCount - 1));
}

/** Puts the vCPUs of two shards together. */
function mergeTlb(a: TlbState, b: TlbState): TlbState {
  for (const [vcpu, tlbs] of b.vcpus) a.vcpus.set(vcpu, tlbs);
  for (let block = 0; block < a.blockWalks.length; block++) {
    a.blockWalks[block] += b.blockWalks[block];
  }
  return a;
}

function finishTlb({ parameters, vcpus, blockWalks }: TlbState): TlbResult {
  const sum = (place: number): number =>
    [...vcpus.values()].reduce((total, { counts }) => total + counts[place], 0);
  const instructions = parameters.fetches ? sum(INSTRUCTIONS) : null;
  const level = (
    name: TlbName,
    geometry: TlbGeometry | undefined,
    lookups: number,
    missed: number,
  ): TlbLevelResult[] => {
    if (geometry === undefined) return [];
    const [accesses, misses] = [sum(lookups), sum(missed)];
    const mpki =
      instructions === null || instructions === 0 ? null : (1000 * misses) / instructions;
    return [{ name, ...geometry, accesses, misses, mpki }];
  };
  const { l1i, l1d, l2, fetches } = parameters;
  const walksBySize = PAGE_SHIFTS.map((shift, code) => ({
    pageBytes: 2 ** shift,
    walks: sum(WALKS_BY_SIZE + code),
  }));
  return {
    levels: [
      ...level('L1I TLB', fetches ? l1i : undefined, FETCHES, FETCH_MISSES),
      ...level('L1D TLB', l1d, DATA, DATA_MISSES),
      ...level('L2 TLB', l2, SECOND, SECOND_MISSES),
    ],
    walks: walksBySize.reduce((total, { walks }) => total + walks, 0),
    walksBySize: walksBySize.filter(({ walks }) => walks > 0),
    reads: {
      pml4: sum(WALK_READS),
      pdpt: sum(WALK_READS + 1),
      directory: sum(WALK_READS + 2),
      table: sum(WALK_READS + 3),
    },
    shortWalks: sum(SHORT_WALKS),
    instructions,
    flushes: sum(FLUSHES),
    untranslated: sum(UNTRANSLATED),
    physicalOnly: sum(PHYSICAL),
    assumedSizes: sum(ASSUMED_SIZES),
    unknownSizes: sum(UNKNOWN_SIZES),
    vcpus: [...vcpus]
      .sort(([a], [b]) => a - b)
      .map(([vcpu, { counts }]) => ({
        vcpu,
        lookups: counts[FETCHES] + counts[DATA],
        walks: PAGE_SHIFTS.reduce((total, _shift, code) => total + counts[WALKS_BY_SIZE + code], 0),
      })),
    blocks: [...blockWalks].flatMap((walks, block) => (walks > 0 ? [{ block, walks }] : [])),
  };
}
