// SPDX-License-Identifier: Apache-2.0
// Chunks that cannot be read are left out and told of: what they held is not known, and is not counted as nothing.

import { TraceError, type TraceErrorKind } from '../base/index.ts';

export interface DamagedChunk {
  readonly chunkIndex: number;
  /** Where and what, one line. */
  readonly why: string;
}

const DAMAGE: ReadonlySet<TraceErrorKind> = new Set([
  'checksum',
  'corrupt',
  'truncated',
  'count-mismatch',
]);

/** It is the bytes' fault: no other try, and nothing that the user does to the machine, would help. */
export function isDamage(error: unknown): error is TraceError {
  return error instanceof TraceError && DAMAGE.has(error.kind);
}
