// SPDX-License-Identifier: Apache-2.0
// What "loadstore tlb" comes to.

import type { TlbParameters, TlbResult } from '../analysis/index.ts';
import type { AnalysisReport } from './analysis-results.ts';

export interface WalkingFunction {
  readonly name: string;
  readonly walks: number;
}

export type TlbFigures = Omit<TlbResult, 'blocks'> & {
  /** Functions that led to walks, and the ones that led to most. */
  readonly functionCount: number;
  readonly functions: readonly WalkingFunction[];
};

export type TlbReport = AnalysisReport<TlbParameters, TlbFigures>;
