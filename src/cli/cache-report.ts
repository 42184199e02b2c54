// SPDX-License-Identifier: Apache-2.0
// What "loadstore cache" comes to.

import type { CacheParameters, CacheResult, LevelName } from '../analysis/index.ts';
import type { AnalysisReport } from './analysis-results.ts';

export type LevelMisses = Partial<Readonly<Record<LevelName, number>>>;

export interface MissingFunction {
  readonly name: string;
  readonly misses: LevelMisses;
}

export interface MissingInstruction {
  readonly address: string;
  readonly function: string;
  readonly text: string;
  readonly misses: LevelMisses;
}

export type CacheFigures = Omit<CacheResult, 'missesByInsn'> & {
  /** Levels that one may expect, and why they are not simulated. */
  readonly notSimulated: readonly { readonly name: LevelName; readonly why: string }[];
  /** Why instructions, and misses for each 1,000 of them, are not known; null: they are. */
  readonly whyNoInstructions: string | null;
  /** Those that missed, and the ones with the most misses: in the last level, then in those before it. */
  readonly functionCount: number;
  readonly functions: readonly MissingFunction[];
  readonly instructionCount: number;
  readonly missingInstructions: readonly MissingInstruction[];
};

export type CacheReport = AnalysisReport<CacheParameters, CacheFigures>;
