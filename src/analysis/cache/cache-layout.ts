// SPDX-License-Identifier: Apache-2.0
// Where a simulation lies in the memory of its kernel: the other side of kernel/cache/layout.ts. Laid out once,
// so that the memory never grows and views of it stay good.

import { AccessFlag } from '../../format/index.ts';
import type { Shard } from '../analysis.ts';
import type { FetchTable } from './fetch-table.ts';
import { type CacheParameters, type LevelName, requireCacheParameters } from './parameters.ts';

/** Elements of a column, at most; longer stretches come in pieces. */
export const PIECE_LENGTH = 32768;

/** Misses of a digest, in the kernel at a time; and bytes of one. */
const MISS_LIMIT = 32768;
export const MISS_BYTES = 24;

/** Fields of Config in kernel/cache/layout.ts: u32 in this order. */
const CONFIG_FIELDS = [
  'lineShift',
  'shardMask',
  'shardIndex',
  'excluded',
  'writeAllocate',
  'prefetches',
  'classifies',
  'randomSeed',
  'usesPhysical',
  'vcpus',
  'insnFirst',
  'firstTouch',
  'touchLine',
  'touchInsn',
  'touchFetches',
  'address',
  'size',
  'flags',
  'vcpu',
  'block',
  'insn',
  'crossingIndex',
  'crossingPaddr',
  'runBlock',
  'runExecuted',
  'runVcpu',
  'runFirstAccess',
  'runContinues',
  'digests',
  'misses',
  'missLimit',
] as const;
type ConfigField = (typeof CONFIG_FIELDS)[number];

/** Then six u32 of the running block execution, and at that offset these f64. */
const TOTALS_AT = 152;
export const TOTAL_MEMORY_WRITES = 0;
export const TOTAL_MORE_LINES = 1;
export const TOTAL_DEVICE = 2;
export const TOTAL_NO_ADDRESS = 3;
export const TOTAL_LENGTH = 4;
const CONFIG_BYTES = TOTALS_AT + 8 * TOTAL_LENGTH;

/** Counts of a cache, f64: accesses by kind, misses by kind, lines given up dirty. */
export const COUNT_LOADS = 0;
export const COUNT_STORES = 1;
export const COUNT_FETCHES = 2;
export const COUNT_PREFETCHES = 3;
export const COUNT_MISSES = 4;
export const COUNT_WRITEBACKS = 8;
export const COUNT_LENGTH = 9;
const UNIT_FIELD_BYTES = 40;
const UNIT_BYTES = UNIT_FIELD_BYTES + 8 * COUNT_LENGTH;

/** Of which the tag of an empty way is made. */
export const EMPTY_BYTE = 0xff;

const POLICY_NUMBERS = { lru: 0, fifo: 1, random: 2, plru: 3 } as const;

export interface UnitPlace {
  readonly level: LevelName;
  /** -1: all of them. */
  readonly vcpu: number;
  /** Offset of its counts. */
  readonly countsAt: number;
  /** Where its tags are, u64: line number, shifted left by one, and whether it is dirty; all ones: none. */
  readonly tagsAt: number;
  readonly tagCount: number;
  /** Place among the first levels: two for each vCPU, L1D and L1I. -1: it is none of them. */
  readonly place: number;
}

/** Offsets are in bytes. */
export interface CachePlaces {
  readonly configAt: number;
  readonly totalsAt: number;
  readonly columns: Readonly<Record<ConfigField, number>>;
  readonly units: readonly UnitPlace[];
  /** Misses by instruction of each level that there is, f64. */
  readonly siteMissesAt: Partial<Readonly<Record<LevelName, number>>>;
  readonly insnCount: number;
  /** Room for the tags of any first level. */
  readonly spareTagsAt: number;
  readonly byteLength: number;
}

/** What a simulation knows of the machine and its code. */
export interface CacheCode {
  readonly vcpuCount: number;
  /** TraceShape.insnBase. */
  readonly insnBase: Uint32Array;
  /** Without it there are no instruction fetches. */
  readonly fetches: FetchTable | undefined;
}

/** A cache before it has a place. */
interface UnitPlan {
  readonly level: LevelName;
  readonly vcpu: number;
  readonly sets: number;
  readonly ways: number;
}

/** Lays out memory from `base` on; `write` fills it in, once it is there. Throws TraceError 'bad-argument'. */
export function planCacheMemory(
  parameters: CacheParameters,
  shard: Shard,
  code: CacheCode,
  base: number,
  digests: boolean,
): { readonly places: CachePlaces; readonly write: (memory: ArrayBuffer) => void } {
  const sets = requireCacheParameters(parameters);
  let top = base;
  const take = (byteLength: number): number => {
    const at = Math.ceil(top / 64) * 64;
    top = at + byteLength;
    return at;
  };
  const { l1i, l1d, l2, ll } = parameters;
  const { vcpuCount, insnBase, fetches } = code;
  const insnCount = insnBase[insnBase.length - 1];
  const configAt = take(CONFIG_BYTES);
  const plans: UnitPlan[] = [];
  const plan = (level: LevelName, vcpu: number, ways: number | undefined): number =>
    ways === undefined ? -1 : plans.push({ level, vcpu, sets: sets[level], ways }) - 1;
  const shared = plan('LL', -1, ll?.ways);
  const vcpus = Array.from({ length: vcpuCount }, (_, vcpu) => ({
    l2: plan('L2', vcpu, l2?.ways),
    l1d: plan('L1D', vcpu, l1d.ways),
    l1i: plan('L1I', vcpu, l1i?.ways),
  }));
  const unitAt = plans.map(() => take(UNIT_BYTES));
  const tagsAt = plans.map((unit) => take(8 * unit.sets * unit.ways));
  const setStateAt = plans.map((unit) => take(4 * unit.sets));
  const placeOf = ({ level, vcpu }: UnitPlan): number =>
    level === 'L1D' || level === 'L1I' ? 2 * vcpu + (level === 'L1I' ? 1 : 0) : -1;
  const firstTags = plans.map((unit) => (placeOf(unit) < 0 ? 0 : unit.sets * unit.ways));
  const inheritedAt = firstTags.map((tagCount) => take(8 * tagCount));
  const spareTagsAt = take(8 * Math.max(...firstTags));
  const siteMissesAt: Partial<Record<LevelName, number>> = {};
  for (const { level } of plans) siteMissesAt[level] ??= take(8 * insnCount);
  const touchCount = fetches?.line.length ?? 0;
  const columns: Record<ConfigField, number> = {
    lineShift: Math.log2(parameters.lineBytes),
    shardMask: shard.count - 1,
    shardIndex: shard.index,
    excluded: excludedFlags(parameters),
    writeAllocate: parameters.writeAllocate ? 1 : 0,
    prefetches: parameters.dataPrefetcher === 'nextline' ? 1 : 0,
    classifies: parameters.classify ? 1 : 0,
    randomSeed: parameters.randomSeed,
    usesPhysical: parameters.usePhysical ? 1 : 0,
    vcpus: take(8 * vcpuCount),
    insnFirst: take(insnBase.byteLength),
    firstTouch: take(fetches?.firstTouch.byteLength ?? 0),
    touchLine: take(8 * touchCount),
    touchInsn: take(2 * touchCount),
    touchFetches: take(2 * touchCount),
    address: take(8 * PIECE_LENGTH),
    size: take(PIECE_LENGTH),
    flags: take(PIECE_LENGTH),
    vcpu: take(2 * PIECE_LENGTH),
    block: take(4 * PIECE_LENGTH),
    insn: take(2 * PIECE_LENGTH),
    crossingIndex: take(4 * (PIECE_LENGTH + 1)),
    crossingPaddr: take(8 * (PIECE_LENGTH + 1)),
    runBlock: take(4 * PIECE_LENGTH),
    runExecuted: take(2 * PIECE_LENGTH),
    runVcpu: take(2 * PIECE_LENGTH),
    runFirstAccess: take(4 * PIECE_LENGTH),
    runContinues: take(PIECE_LENGTH),
    digests: digests ? 1 : 0,
    misses: take(MISS_BYTES * MISS_LIMIT),
    missLimit: MISS_LIMIT,
  };
  const places: CachePlaces = {
    configAt,
    totalsAt: configAt + TOTALS_AT,
    columns,
    units: plans.map((unit, index) => ({
      level: unit.level,
      vcpu: unit.vcpu,
      countsAt: unitAt[index] + UNIT_FIELD_BYTES,
      tagsAt: tagsAt[index],
      tagCount: unit.sets * unit.ways,
      place: placeOf(unit),
    })),
    siteMissesAt,
    insnCount,
    spareTagsAt,
    byteLength: top,
  };
  const write = (memory: ArrayBuffer): void => {
    const words = new Uint32Array(memory);
    CONFIG_FIELDS.forEach((field, index) => {
      words[configAt / 4 + index] = columns[field];
    });
    plans.forEach((unit, index) => {
      const caches = vcpus[unit.vcpu];
      const beyond = unit.level === 'L2' || caches?.l2 === -1 ? shared : (caches?.l2 ?? -1);
      words.set(
        [
          tagsAt[index],
          unit.sets - 1,
          unit.ways,
          POLICY_NUMBERS[parameters.replacePolicy],
          setStateAt[index],
          siteMissesAt[unit.level] ?? 0,
          unit.level === 'LL' || beyond < 0 ? 0 : unitAt[beyond],
          index,
          Math.max(0, placeOf(unit)),
          inheritedAt[index],
        ],
        unitAt[index] / 4,
      );
      new Uint8Array(memory, tagsAt[index], 8 * unit.sets * unit.ways).fill(EMPTY_BYTE);
    });
    vcpus.forEach(({ l1d: data, l1i: insns }, vcpu) => {
      words.set([unitAt[data], insns < 0 ? 0 : unitAt[insns]], columns.vcpus / 4 + 2 * vcpu);
    });
    words.set(insnBase, columns.insnFirst / 4);
    if (fetches === undefined) return;
    words.set(fetches.firstTouch, columns.firstTouch / 4);
    new BigUint64Array(memory, columns.touchLine, touchCount).set(fetches.line);
    new Uint16Array(memory, columns.touchInsn, touchCount).set(fetches.insn);
    new Uint16Array(memory, columns.touchFetches, touchCount).set(fetches.fetches);
  };
  return { places, write };
}

/** Flags of accesses that no cache sees. */
export function excludedFlags({ usePhysical }: Pick<CacheParameters, 'usePhysical'>): number {
  return (
    AccessFlag.aborted |
    AccessFlag.device |
    (usePhysical ? AccessFlag.paddrUnknown : AccessFlag.physicalOnly)
  );
}
