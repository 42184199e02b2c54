// SPDX-License-Identifier: Apache-2.0
// The caches of all vCPUs, and how an access goes through them: each level is asked only for what the one
// before it did not have. A level brings in each line that it missed; what it gives up while dirty is written
// to the next level that has the line, which is no access of that level, or to memory. Levels neither
// exclude nor include each other, and stores of a vCPU leave the caches of the others alone.

import { type Classifier, classifyMiss, createClassifier, type LineIds } from './classify.ts';
import { COUNT_LENGTH, COUNT_MISSES, COUNT_WRITEBACKS, Kind } from './counts.ts';
import type { CacheParameters, LevelName } from './parameters.ts';
import {
  createSetCache,
  DIRTY,
  dirtyLine,
  fillLine,
  type SetCache,
  touchLine,
} from './set-cache.ts';

export interface CacheUnit {
  readonly level: LevelName;
  /** -1: all of them. */
  readonly vcpu: number;
  readonly cache: SetCache;
  readonly counts: Float64Array;
  /** Misses by instruction, of all vCPUs. */
  readonly siteMisses: Float64Array;
  readonly classifier: Classifier | undefined;
}

/** The caches of a vCPU in the order in which they are asked. */
export interface VcpuCaches {
  readonly data: readonly CacheUnit[];
  readonly fetch: readonly CacheUnit[];
}

export interface Hierarchy {
  readonly parameters: CacheParameters;
  readonly sets: Readonly<Record<LevelName, number>>;
  readonly lineIds: LineIds | undefined;
  readonly siteMisses: Readonly<Record<LevelName, Float64Array>>;
  readonly shared: CacheUnit | undefined;
  /** By vCPU number; made when it is first seen. */
  readonly vcpus: (VcpuCaches | undefined)[];
  /** Lines written to memory: given up by the last level, or stores that no level took. */
  memoryWrites: number;
}

export function createUnit(
  hierarchy: Pick<Hierarchy, 'parameters' | 'sets' | 'lineIds' | 'siteMisses'>,
  level: LevelName,
  vcpu: number,
): CacheUnit {
  const { parameters, sets, lineIds, siteMisses } = hierarchy;
  const geometry = { L1I: parameters.l1i, L1D: parameters.l1d, L2: parameters.l2, LL: parameters.ll };
  const ways = geometry[level]?.ways ?? 0;
  return {
    level,
    vcpu,
    cache: createSetCache(sets[level], ways, parameters.replacePolicy, parameters.randomSeed),
    counts: new Float64Array(COUNT_LENGTH),
    siteMisses: siteMisses[level],
    classifier: lineIds === undefined ? undefined : createClassifier(lineIds, sets[level] * ways),
  };
}

export function requireVcpu(hierarchy: Hierarchy, vcpu: number): VcpuCaches {
  const known = hierarchy.vcpus[vcpu];
  if (known !== undefined) return known;
  const { l1i, l2 } = hierarchy.parameters;
  const beyond = [
    ...(l2 === undefined ? [] : [createUnit(hierarchy, 'L2', vcpu)]),
    ...(hierarchy.shared === undefined ? [] : [hierarchy.shared]),
  ];
  const made = {
    data: [createUnit(hierarchy, 'L1D', vcpu), ...beyond],
    fetch: l1i === undefined ? [] : [createUnit(hierarchy, 'L1I', vcpu), ...beyond],
  };
  hierarchy.vcpus[vcpu] = made;
  return made;
}

export function allUnits(hierarchy: Hierarchy): CacheUnit[] {
  const seen = new Set<CacheUnit>();
  for (const caches of hierarchy.vcpus) {
    for (const unit of [...(caches?.fetch ?? []), ...(caches?.data ?? [])]) seen.add(unit);
  }
  if (hierarchy.shared !== undefined) seen.add(hierarchy.shared);
  return [...seen];
}

/** One access to one line. `site`: number of the instruction. */
export function accessLine(
  hierarchy: Hierarchy,
  path: readonly CacheUnit[],
  lineLo: number,
  lineHi: number,
  kind: number,
  site: number,
): void {
  const isStore = kind === Kind.store;
  const fills = !isStore || hierarchy.parameters.writeAllocate;
  // A line that is brought in for a store is dirty in the first level only.
  let mark = isStore ? DIRTY : 0;
  for (let depth = 0; depth < path.length; depth++) {
    const unit = path[depth];
    const { cache, counts, classifier } = unit;
    counts[kind]++;
    const isHit = touchLine(cache, lineLo, lineHi, mark);
    if (classifier !== undefined) {
      const miss = classifyMiss(classifier, lineLo, lineHi, isHit, fills);
      if (miss !== 0) counts[miss]++;
    }
    if (isHit) return;
    counts[COUNT_MISSES + kind]++;
    if (kind !== Kind.prefetch) unit.siteMisses[site]++;
    if (!fills) continue;
    fillLine(cache, lineLo, lineHi, mark);
    mark = 0;
    if (cache.victimIsDirty) giveUp(hierarchy, path, depth);
  }
  if (!fills) hierarchy.memoryWrites++;
}

/** Asks for the next line after a miss, as a prefetch. */
export function prefetchNext(
  hierarchy: Hierarchy,
  path: readonly CacheUnit[],
  lineLo: number,
  lineHi: number,
): void {
  const nextLo = (lineLo + 1) | 0;
  accessLine(hierarchy, path, nextLo, nextLo === 0 ? lineHi + 1 : lineHi, Kind.prefetch, 0);
}

/** Writes the victim of that level to the next one that has the line, else to memory. */
function giveUp(hierarchy: Hierarchy, path: readonly CacheUnit[], depth: number): void {
  const { cache, counts } = path[depth];
  counts[COUNT_WRITEBACKS]++;
  for (let next = depth + 1; next < path.length; next++) {
    if (dirtyLine(path[next].cache, cache.victimLo, cache.victimHi)) return;
  }
  hierarchy.memoryWrites++;
}
