// SPDX-License-Identifier: Apache-2.0
// The analyses that "bench analyse" measures, with the parameters that their commands have by default.

import {
  chooseCacheAnalysis,
  chooseReuseAnalysis,
  chooseTlbAnalysis,
  countsAnalysis,
  footprintAnalysis,
  heatAnalysis,
  hotAnalysis,
  sharingAnalysis,
  stridesAnalysis,
} from '../analysis/index.ts';
import type { AnyRequest } from '../engine/index.ts';
import type { Trace } from '../format/index.ts';
import { DEFAULT_CACHES, hotParameters } from '../query/index.ts';
import { FOOTPRINT_MEMORY_BYTES } from './commands/footprint.ts';
import { HEAT_MEMORY_BYTES } from './commands/heat.ts';
import { DEFAULT_REUSE } from './commands/reuse.ts';
import { DEFAULT_SHARING } from './commands/sharing.ts';
import { DEFAULT_TLBS } from './commands/tlb.ts';
import { windowsOfTrace } from './window-options.ts';

/** By name; a new analysis is a new row. */
export const BENCHED_ANALYSES: Readonly<Record<string, (trace: Trace) => AnyRequest>> = {
  counts: () => ({ analysis: countsAnalysis, parameters: {} }),
  footprint: (trace) => ({
    analysis: footprintAnalysis,
    parameters: {
      ...{ lineShift: 6, pageShift: 12, windows: windowsOfTrace(trace) },
      memoryBytes: FOOTPRINT_MEMORY_BYTES,
    },
  }),
  heat: (trace) => ({
    analysis: heatAnalysis,
    parameters: {
      ...{ unitShift: 12, windows: windowsOfTrace(trace), rowLimit: 48 },
      memoryBytes: HEAT_MEMORY_BYTES,
    },
  }),
  hot: () => ({ analysis: hotAnalysis, parameters: hotParameters(6, 12, 10) }),
  cache: () => ({
    analysis: chooseCacheAnalysis({ ...DEFAULT_CACHES, l1i: undefined }),
    parameters: { ...DEFAULT_CACHES, l1i: undefined },
  }),
  'cache-with-fetches': () => ({
    analysis: chooseCacheAnalysis(DEFAULT_CACHES),
    parameters: DEFAULT_CACHES,
  }),
  reuse: () => ({ analysis: chooseReuseAnalysis(DEFAULT_REUSE), parameters: DEFAULT_REUSE }),
  'reuse-sampled': () => ({
    analysis: chooseReuseAnalysis(DEFAULT_REUSE),
    parameters: { ...DEFAULT_REUSE, sampling: { kind: 'rate', rate: 0.01 } },
  }),
  'reuse-sampled-lines': () => ({
    analysis: chooseReuseAnalysis(DEFAULT_REUSE),
    parameters: { ...DEFAULT_REUSE, sampling: { kind: 'size', lines: 8192 } },
  }),
  sharing: () => ({ analysis: sharingAnalysis, parameters: DEFAULT_SHARING }),
  strides: () => ({ analysis: stridesAnalysis, parameters: {} }),
  tlb: () => ({ analysis: chooseTlbAnalysis(DEFAULT_TLBS), parameters: DEFAULT_TLBS }),
};

/** What a measuring process is told, and what it answers. */
export interface MeasureOrder {
  readonly file: string;
  readonly name: string;
  /** 0: in one thread, the process's own. */
  readonly workers: number;
}

export interface Measurement {
  /** Of the pass; opening the file, and starting a thread meanwhile, is not in it. */
  readonly elapsedMs: number;
  /** User and system time of all threads meanwhile. */
  readonly cpuMs: number;
  /** Highest resident memory of the process, node itself included. */
  readonly peakBytes: number;
}
