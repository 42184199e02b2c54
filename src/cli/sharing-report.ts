// SPDX-License-Identifier: Apache-2.0
// What "loadstore sharing" comes to.

import type { SharedLine, SharingParameters, SharingResult } from '../analysis/index.ts';
import type { AnalysisReport } from './analysis-results.ts';

interface Misses {
  readonly trueSharing: number;
  readonly falseSharing: number;
}

export interface SharingFunction extends Misses {
  readonly name: string;
}

export interface NamedSharedLine extends Misses {
  /** Physical. */
  readonly address: string;
  /** Virtual, for the access that missed first. */
  readonly vaddr: string;
  readonly name: string;
  readonly kind: SharedLine['kind'];
  /** Bytes of the line, bit n for byte n, in hexadecimal. */
  readonly vcpus: readonly {
    readonly vcpu: number;
    readonly loaded: string;
    readonly stored: string;
  }[];
}

export type SharingFigures = Omit<SharingResult, 'topLines' | 'sites'> & {
  readonly functionCount: number;
  /** Most coherence misses first. */
  readonly functions: readonly SharingFunction[];
  readonly topLines: readonly NamedSharedLine[];
};

export type SharingReport = AnalysisReport<SharingParameters, SharingFigures>;
