// SPDX-License-Identifier: Apache-2.0
// What "loadstore reuse" comes to.

import type { ReuseParameters, ReuseResult } from '../analysis/index.ts';
import type { AnalysisReport } from './analysis-results.ts';

export interface NamedLine {
  readonly address: string;
  /** Null for physical addresses. */
  readonly name: string | null;
  readonly references: number;
  /** Null: not to be told from a sample. */
  readonly distant: number | null;
}

export type ReuseFigures = Omit<ReuseResult, 'topReferenced' | 'topDistant'> & {
  readonly topReferenced: readonly NamedLine[];
  readonly topDistant: readonly NamedLine[];
};

export type ReuseReport = AnalysisReport<ReuseParameters, ReuseFigures>;
