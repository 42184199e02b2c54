// SPDX-License-Identifier: Apache-2.0
// A simulation in progress. Its state is plain data: the memory of its kernel, and where what is in it. The
// kernel itself is found by the state; a state that came from another thread gets one with a copy.

import { bytesFromBase64, TraceError } from '../../base/index.ts';
import { FLAG_ABORTED, FLAG_DEVICE, FLAG_PADDR_UNKNOWN, FLAG_PHYSICAL_ONLY } from '../access-columns.ts';
import type { Shard } from '../analysis.ts';
import { CACHE_KERNEL_BASE64 } from './cache-kernel.gen.ts';
import {
  type CachePlaces,
  COUNT_LENGTH,
  planCacheMemory,
  totalsOf,
  writeSelection,
} from './cache-layout.ts';
import {
  type Classifier,
  classifyMiss,
  createClassifier,
  createLineIds,
  type LineIds,
  resetClasses,
} from './classify.ts';
import { type CacheParameters, requireCacheParameters } from './parameters.ts';

export interface CacheState {
  /** Without the tables of code, which are in memory. */
  readonly parameters: Omit<CacheParameters, 'fetches' | 'insnFirst'>;
  readonly places: CachePlaces;
  /** All of the kernel's. */
  memory: ArrayBuffer;
  readonly lineIds: LineIds;
  /** Of each unit, when misses are told apart. */
  readonly classifiers: readonly Classifier[];
  instructions: number;
  /** By vCPU: its icount behind its last block execution. */
  readonly icountEnd: number[];
  isCounting: boolean;
}

/** What kernel/cache/simulate.ts exports. */
export interface CacheKernel {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  attach(configAt: number): void;
  simulate(accessCount: number, runCount: number, accessBase: number): void;
  finishFetches(): void;
}

const EXPORTED_FUNCTIONS = ['heapBase', 'attach', 'simulate', 'finishFetches'] as const;
const WASM_PAGE_BYTES = 65536;

const kernels = new WeakMap<CacheState, CacheKernel>();
let compiled: WebAssembly.Module | undefined;

/** Throws TraceError 'bad-argument' for what makes no sense, 'limit' for what does not fit into memory. */
export function createCacheState(
  parameters: CacheParameters,
  vcpuCount: number,
  shard: Shard,
): CacheState {
  const sets = requireCacheParameters(parameters);
  const { fetches: _fetches, insnFirst: _insnFirst, ...plain } = parameters;
  const holder: { state?: CacheState } = {};
  const kernel = instantiate(holder);
  const { places, write } = planCacheMemory(parameters, Math.max(1, vcpuCount), kernel.heapBase());
  growTo(kernel.memory, places.byteLength);
  const { buffer } = kernel.memory;
  write(buffer);
  writeSelection(buffer, places, {
    shardMask: shard.count - 1,
    shardIndex: shard.index,
    excluded:
      FLAG_ABORTED |
      FLAG_DEVICE |
      (parameters.usePhysical ? FLAG_PADDR_UNKNOWN : FLAG_PHYSICAL_ONLY),
  });
  kernel.attach(places.configAt);
  const lineIds = createLineIds();
  const waysOf = { L1I: parameters.l1i, L1D: parameters.l1d, L2: parameters.l2, LL: parameters.ll };
  const state: CacheState = {
    parameters: plain,
    places,
    memory: buffer,
    lineIds,
    classifiers: parameters.classify
      ? places.units.map(({ level }) => createClassifier(sets[level] * (waysOf[level]?.ways ?? 0)))
      : [],
    instructions: 0,
    icountEnd: [],
    isCounting: parameters.countFrom <= 0,
  };
  holder.state = state;
  kernels.set(state, kernel);
  return state;
}

/** The kernel that works on the state's memory. */
export function requireKernel(state: CacheState): CacheKernel {
  const known = kernels.get(state);
  if (known !== undefined) return known;
  const kernel = instantiate({ state });
  growTo(kernel.memory, state.memory.byteLength);
  new Uint8Array(kernel.memory.buffer).set(new Uint8Array(state.memory));
  state.memory = kernel.memory.buffer;
  kernel.attach(state.places.configAt);
  kernels.set(state, kernel);
  return kernel;
}

/** The caches are warm: what was counted so far is forgotten. */
export function beginCounting(state: CacheState): void {
  const { memory, places, classifiers } = state;
  for (const { countsAt } of places.units) new Float64Array(memory, countsAt, COUNT_LENGTH).fill(0);
  for (const at of Object.values(places.siteMissesAt)) {
    new Float64Array(memory, at, places.insnCount).fill(0);
  }
  totalsOf(memory, places).fill(0);
  classifiers.forEach(resetClasses);
  state.instructions = 0;
  state.isCounting = true;
}

function instantiate(holder: { readonly state?: CacheState }): CacheKernel {
  compiled ??= new WebAssembly.Module(bytesFromBase64(CACHE_KERNEL_BASE64));
  const host = {
    reportClass: (unit: number, line: bigint, isHit: number, fills: number): void => {
      const { state } = holder;
      if (state === undefined) throw new Error('internal: a simulation runs before it has a state');
      classifyMiss(state.lineIds, state.classifiers[unit], line, isHit !== 0, fills !== 0);
    },
  };
  const { exports } = new WebAssembly.Instance(compiled, { host });
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
