// SPDX-License-Identifier: Apache-2.0
// What the build of an index and its threads say to each other.

import type { DamagedChunk } from './damage.ts';
import type { FinishedSpace } from './finish-space.node.ts';
import type { PackedBytes } from './packed.node.ts';
import type { Space } from './view-index.ts';

export interface BuildWorkerTask {
  readonly tracePath: string;
  readonly indexFile: string;
}

export type BuildOrder =
  | { readonly type: 'count'; readonly chunkIndex: number }
  /** All other chunks are in the unfinished file. */
  | {
      readonly type: 'finish-space';
      readonly space: Space;
      readonly damaged: readonly DamagedChunk[];
    }
  | {
      readonly type: 'finish';
      readonly spaces: readonly FinishedSpace[];
      readonly damaged: readonly DamagedChunk[];
    };

export type BuildReport =
  | { readonly type: 'counted'; readonly chunkIndex: number; readonly packed: PackedBytes }
  | { readonly type: 'damaged'; readonly chunk: DamagedChunk }
  | { readonly type: 'progress'; readonly space: Space; readonly part: number }
  | { readonly type: 'space-finished'; readonly finished: FinishedSpace }
  | { readonly type: 'finished' };

export function partFileOf(indexFile: string): string {
  return `${indexFile}.part`;
}

/** The finished index while it is written. */
export function workingFileOf(indexFile: string): string {
  return `${indexFile}.new`;
}

/** The levels of a space, until they are in the index. */
export function groupsFileOf(indexFile: string, space: Space): string {
  return `${partFileOf(indexFile)}.${space}`;
}
