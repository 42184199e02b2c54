// SPDX-License-Identifier: Apache-2.0
// A kernel holds one chunk at a time: iterations that run side by side get one each. One idle kernel is
// kept, since its memory takes longer to make than a small chunk to decode.

import type { HeldCode } from './code-table.ts';
import { type ChunkKernel, createKernel } from './kernel.ts';

/** A kernel that has grown beyond this is not kept. */
const MAX_IDLE_BYTES = 2 ** 28;
/** Nor beyond this when the pass is over. */
const MAX_RESTING_BYTES = 2 ** 26;

let idle: ChunkKernel | undefined;

export function takeKernel(code: HeldCode): ChunkKernel {
  const found = idle;
  idle = undefined;
  return found?.code === code ? found : createKernel(code, found?.exports);
}

export function giveBackKernel(kernel: ChunkKernel): void {
  if (kernel.buffer.byteLength <= MAX_IDLE_BYTES) idle = kernel;
}

/** Chunks are not read for a while. A kernel that is quick to make again is kept. */
export function releaseLargeKernel(): void {
  if (idle !== undefined && idle.buffer.byteLength > MAX_RESTING_BYTES) idle = undefined;
}

export async function* withKernel<T>(
  code: HeldCode,
  iterate: (kernel: ChunkKernel) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const kernel = takeKernel(code);
  try {
    yield* iterate(kernel);
  } finally {
    giveBackKernel(kernel);
  }
}
