// SPDX-License-Identifier: Apache-2.0
// The analyses by name: what a worker thread is told to run is one of these, or a module of the user's.

import { addressSpacesAnalysis } from './address-spaces.ts';
import type { Analysis } from './analysis.ts';
import { cacheAnalysis, dataCacheAnalysis, physicalCacheAnalysis } from './cache/cache-analysis.ts';
import { countsAnalysis } from './counts.ts';
import { footprintAnalysis } from './footprint.ts';
import { heatAnalysis } from './heat.ts';
import { hotAnalysis } from './hot.ts';
import { rateAnalysis } from './rate.ts';
import { physicalReuseAnalysis, reuseAnalysis } from './reuse/reuse-analysis.ts';
import { sharingAnalysis } from './sharing/sharing.ts';
import { stridesAnalysis } from './strides/strides.ts';
import {
  dataTlbAnalysis,
  fixedDataTlbAnalysis,
  fixedTlbAnalysis,
  tlbAnalysis,
} from './tlb/tlb-analysis.ts';

const ANALYSES: readonly Analysis<unknown, unknown, unknown>[] = [
  addressSpacesAnalysis,
  countsAnalysis,
  footprintAnalysis,
  heatAnalysis,
  hotAnalysis,
  rateAnalysis,
  cacheAnalysis,
  dataCacheAnalysis,
  physicalCacheAnalysis,
  tlbAnalysis,
  dataTlbAnalysis,
  fixedTlbAnalysis,
  fixedDataTlbAnalysis,
  reuseAnalysis,
  physicalReuseAnalysis,
  sharingAnalysis,
  stridesAnalysis,
];

export function findAnalysis(name: string): Analysis<unknown, unknown, unknown> | undefined {
  return ANALYSES.find((analysis) => analysis.name === name);
}
