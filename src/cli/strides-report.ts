// SPDX-License-Identifier: Apache-2.0
// What "loadstore strides" comes to.

import type { StrideClass, StrideCount } from '../analysis/index.ts';
import type { AnalysisReport } from './analysis-results.ts';

/** Loads or stores of an instruction. */
export interface StrideInstruction {
  readonly address: string;
  readonly function: string;
  /** Disassembly. */
  readonly text: string;
  readonly kind: 'load' | 'store';
  readonly class: StrideClass;
  readonly accesses: number;
  /** Accesses with one before them by the same code on the same vCPU. */
  readonly steps: number;
  /** Those known best, most often first. */
  readonly strides: readonly StrideCount[];
  /** Part of the steps that the first stride is at least; and what is sure of it with 95 %. */
  readonly share: number;
  readonly confidence: number;
}

export interface ClassCount {
  readonly instructions: number;
  readonly accesses: number;
}

export interface StridesFigures {
  readonly accesses: number;
  readonly noAddress: number;
  readonly byClass: Readonly<Record<StrideClass, ClassCount>>;
  /** Most accesses first. */
  readonly instructions: readonly StrideInstruction[];
}

export type StridesReport = AnalysisReport<
  { readonly regularShare: number; readonly reportTop: number },
  StridesFigures
>;
