// SPDX-License-Identifier: Apache-2.0
import { openByteSource } from './byte-source.node.ts';
import type { ByteSource } from './byte-source.ts';
import { decodeInWorkers } from './parallel.node.ts';
import { type LearnedOfTrace, learnShared, type SharedTrace } from './shared-trace.ts';
import { surveyTrace } from './survey.ts';
import { type Trace, traceOf } from './trace.ts';

/**
 * Opens a trace file. Reads its structure and code table, not the accesses. A file that was cut opens
 * too: see Trace.cut. Throws TraceError 'io', 'not-a-trace', 'newer-format', 'truncated', 'checksum',
 * 'corrupt' or 'limit'.
 */
export async function openTrace(path: string): Promise<Trace> {
  return openWith(path, surveyTrace);
}

/** Opens a trace that another thread of this process has open and shares: Trace.share(). Throws TraceError 'io'. */
export async function openSharedTrace(shared: SharedTrace): Promise<Trace> {
  return openWith(shared.path, async () => learnShared(shared));
}

async function openWith(
  path: string,
  learn: (source: ByteSource) => Promise<LearnedOfTrace>,
): Promise<Trace> {
  const source = await openByteSource(path);
  try {
    return traceOf(source, await learn(source), (chunkIndexes, plan, workers, signal) =>
      decodeInWorkers(path, chunkIndexes, plan, workers, signal),
    );
  } catch (error) {
    await source.close();
    throw error;
  }
}
