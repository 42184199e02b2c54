// SPDX-License-Identifier: Apache-2.0
// What analyses are asked when nothing else is said: of the command line and of the viewer.

import type { CacheGeometry, CacheParameters, HotParameters } from '../analysis/index.ts';

export type LevelOption = 'l1i' | 'l1d' | 'l2' | 'll';

export const DEFAULT_CACHES: CacheParameters & Readonly<Record<LevelOption, CacheGeometry>> = {
  lineBytes: 64,
  l1i: { sizeBytes: 32 * 1024, ways: 8 },
  l1d: { sizeBytes: 32 * 1024, ways: 8 },
  l2: { sizeBytes: 1024 * 1024, ways: 16 },
  ll: { sizeBytes: 8 * 1024 * 1024, ways: 16 },
  replacePolicy: 'lru',
  randomSeed: 1,
  writeAllocate: true,
  dataPrefetcher: 'none',
  usePhysical: false,
  warmupRefs: 0,
  classify: false,
};

/** Lines that are told apart: 100 MB in each thread. */
const LINE_LIMIT = 2 ** 22;

export function hotParameters(
  lineShift: number,
  pageShift: number,
  top: number,
  lineLimit: number = LINE_LIMIT,
): HotParameters {
  return { lineShift, pageShift, lineLimit, top };
}
