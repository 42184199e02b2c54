// SPDX-License-Identifier: Apache-2.0
import type { Trace } from '../format/index.ts';

export interface BuildOptions {
  readonly signal?: AbortSignal;
  /** Part that is done, 0 to 1. */
  readonly onProgress?: (part: number) => void;
  /** Threads; default 2. */
  readonly workers?: number;
  /** Module of the threads; default: the one that was built beside this one. */
  readonly workerUrl?: URL;
}

/**
 * Makes the index of the trace, which must be a file, in indexFile. One that was interrupted goes on where it
 * was. Throws what reading the trace throws, TraceError 'io', and the reason of an aborted signal.
 */
export function buildViewIndex(
  trace: Trace,
  indexFile: string,
  options: BuildOptions = {},
): Promise<void> {
  return Promise.reject(
    new Error(`internal: ${indexFile} of ${trace.path}: ${String(options.workers)}`),
  );
}
