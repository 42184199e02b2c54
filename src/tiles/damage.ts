// SPDX-License-Identifier: Apache-2.0
// Chunks that cannot be read are left out and told of: what they held is not known, and is not counted as nothing.

import { TraceError, type TraceErrorKind } from '../base/index.ts';
import type { ChunkCounts } from './count-chunk.ts';
import type { PartFile } from './part-file.node.ts';

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

/** Of a damaged chunk there are no cells; the description says that they are not known. */
export function withoutDamaged(
  part: Pick<PartFile, 'read'>,
  damaged: readonly DamagedChunk[],
): Pick<PartFile, 'read'> {
  const unknown = new Set(damaged.map(({ chunkIndex }) => chunkIndex));
  return {
    read: async (chunkIndex) => (unknown.has(chunkIndex) ? NOTHING_COUNTED : part.read(chunkIndex)),
  };
}

const NONE = new Uint32Array();
const NOTHING_COUNTED: ChunkCounts = {
  virtual: undefined,
  physical: undefined,
  vcpuPages: undefined,
  tracks: {
    ...{ stretch: NONE, vcpu: NONE, cr3Lo: NONE, cr3Hi: NONE, icountLo: NONE, icountHi: NONE },
    ...{ loads: NONE, stores: NONE, user: NONE, interrupts: NONE, exceptions: NONE },
  },
};
