// SPDX-License-Identifier: Apache-2.0
// A simulation: its kernel while it runs, and what was counted, which is all that is left when it is harvested.

import { bytesFromBase64, TraceError } from '../../base/index.ts';
import type { Shard, TraceShape } from '../analysis.ts';
import { CACHE_KERNEL_BASE64 } from './cache-kernel.gen.ts';
import { type CachePlaces, COUNT_LENGTH, planCacheMemory, TOTAL_LENGTH } from './cache-layout.ts';
import {
  type Classifier,
  classifyMiss,
  createClassifier,
  createLineIds,
  type MissClasses,
} from './classify.ts';
import { fetchTableFrom } from './fetch-table.ts';
import { type CacheParameters, type LevelName, requireCacheParameters } from './parameters.ts';

/** What was counted of one cache; of places in counts see cache-layout.ts. */
export interface UnitCounts {
  readonly level: LevelName;
  /** -1: shared by all. */
  readonly vcpu: number;
  readonly counts: Float64Array;
  readonly classes: MissClasses | undefined;
}

export interface CacheState {
  readonly parameters: CacheParameters;
  /** Undefined when it has been harvested. */
  readonly running: RunningCaches | undefined;
  readonly units: readonly UnitCounts[];
  /** By instruction: TraceShape.insnBase. */
  readonly siteMisses: Partial<Readonly<Record<LevelName, Float64Array>>>;
  readonly totals: Float64Array;
  instructions: number;
  /** Accesses of the warm-up that are still to come. */
  warmupLeft: number;
}

export interface RunningCaches {
  readonly kernel: CacheKernel;
  readonly memory: ArrayBuffer;
  readonly places: CachePlaces;
}

/** What kernel/cache/simulate.ts exports. */
export interface CacheKernel {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  attach(configAt: number): void;
  simulate(accessCount: number, runCount: number, accessBase: number): void;
  finishFetches(): void;
  tellRest(): void;
  absorb(configAt: number, missCount: number): void;
  endChunk(configAt: number, place: number, tagsAt: number): void;
}

const EXPORTED_FUNCTIONS = [
  'heapBase',
  'attach',
  'simulate',
  'finishFetches',
  'tellRest',
  'absorb',
  'endChunk',
] as const;
const WASM_PAGE_BYTES = 65536;

let compiled: WebAssembly.Module | undefined;

/**
 * Throws TraceError 'bad-argument' for what makes no sense, 'limit' for what does not fit into memory. With
 * takeMisses only the first levels are simulated, and what they miss is told: so many, at places.columns.misses.
 */
export function createCacheState(
  parameters: CacheParameters,
  trace: Pick<TraceShape, 'vcpuCount' | 'insnBase' | 'code'>,
  shard: Shard,
  takeMisses?: (missCount: number) => void,
): CacheState {
  const sets = requireCacheParameters(parameters);
  const { l1i, l1d, l2, ll, lineBytes } = parameters;
  const classifiers: Classifier[] = [];
  const kernel = instantiate(classifiers, takeMisses);
  const code = {
    vcpuCount: Math.max(1, trace.vcpuCount),
    insnBase: trace.insnBase,
    fetches: l1i === undefined ? undefined : fetchTableFrom(trace.code, Math.log2(lineBytes)),
  };
  const { places, write } = planCacheMemory(
    parameters,
    shard,
    code,
    kernel.heapBase(),
    takeMisses !== undefined,
  );
  growTo(kernel.memory, places.byteLength);
  const memory = kernel.memory.buffer;
  write(memory);
  kernel.attach(places.configAt);
  const ways = { L1I: l1i?.ways, L1D: l1d.ways, L2: l2?.ways, LL: ll?.ways };
  if (parameters.classify) {
    const lineIds = createLineIds();
    for (const { level } of places.units) {
      classifiers.push(createClassifier(lineIds, sets[level] * (ways[level] ?? 0)));
    }
  }
  const numbers = (at: number, length: number): Float64Array =>
    new Float64Array(memory, at, length);
  return {
    parameters,
    running: { kernel, memory, places },
    units: places.units.map(({ level, vcpu, countsAt }, unit) => ({
      level,
      vcpu,
      counts: numbers(countsAt, COUNT_LENGTH),
      classes: classifiers[unit]?.classes,
    })),
    siteMisses: mapLevels(places.siteMissesAt, (at) => numbers(at, places.insnCount)),
    totals: numbers(places.totalsAt, TOTAL_LENGTH),
    instructions: 0,
    warmupLeft: parameters.warmupRefs,
  };
}

/**
 * What was counted; the caches are gone. In memory of its own, unless it stays: there are counts for each instruction of
 * the trace.
 */
export function harvestCache(state: CacheState, stays = false): CacheState {
  if (stays) return { ...state, running: undefined };
  return {
    ...state,
    running: undefined,
    units: state.units.map((unit) => ({ ...unit, counts: unit.counts.slice() })),
    siteMisses: mapLevels(state.siteMisses, (misses) => misses.slice()),
    totals: state.totals.slice(),
  };
}

/** The caches are warm: what was counted so far is forgotten. */
export function beginCounting(state: CacheState): void {
  for (const { counts, classes } of state.units) {
    counts.fill(0);
    if (classes !== undefined) Object.assign(classes, { compulsory: 0, capacity: 0, conflict: 0 });
  }
  for (const misses of Object.values(state.siteMisses)) misses.fill(0);
  state.totals.fill(0);
  state.instructions = 0;
}

function mapLevels<A, B>(
  levels: Partial<Readonly<Record<LevelName, A>>>,
  map: (value: A) => B,
): Partial<Record<LevelName, B>> {
  return Object.fromEntries(Object.entries(levels).map(([level, value]) => [level, map(value)]));
}

function instantiate(
  classifiers: readonly Classifier[],
  takeMisses: ((missCount: number) => void) | undefined,
): CacheKernel {
  compiled ??= new WebAssembly.Module(bytesFromBase64(CACHE_KERNEL_BASE64));
  const levels = {
    reportClass: (unit: number, line: bigint, isHit: number, fills: number): void => {
      classifyMiss(classifiers[unit], line, isHit !== 0, fills !== 0);
    },
  };
  const digest = {
    takeMisses: (missCount: number): void => {
      takeMisses?.(missCount);
    },
  };
  const { exports } = new WebAssembly.Instance(compiled, { levels, digest });
  if (!isCacheKernel(exports)) throw new Error('internal: the kernel of caches lacks an export');
  return exports;
}

function isCacheKernel(exports: object): exports is CacheKernel {
  const found = new Map<string, unknown>(Object.entries(exports));
  return (
    found.get('memory') instanceof WebAssembly.Memory &&
    EXPORTED_FUNCTIONS.every((name) => typeof found.get(name) === 'function')
  );
}

function growTo(memory: WebAssembly.Memory, byteLength: number): void {
  const pages = Math.ceil((byteLength - memory.buffer.byteLength) / WASM_PAGE_BYTES);
  if (pages <= 0) return;
  try {
    memory.grow(pages);
  } catch (cause) {
    throw new TraceError('limit', 'the caches do not fit into memory', {
      expected: `at most ${2 ** 32} bytes`,
      found: `${byteLength}`,
      remedy: 'Simulate smaller caches.',
      cause,
    });
  }
}
