// SPDX-License-Identifier: Apache-2.0
import { openByteSource } from './byte-source.node.ts';
import { decodeInWorkers } from './parallel.node.ts';
import { openTraceSource, type Trace } from './trace.ts';

/**
 * Opens a trace file. Reads its structure and code table, not the accesses. A file that was cut opens
 * too: see Trace.cut. Throws TraceError 'io', 'not-a-trace', 'newer-format', 'truncated', 'checksum',
 * 'corrupt' or 'limit'.
 */
export async function openTrace(path: string): Promise<Trace> {
  const source = await openByteSource(path);
  try {
    return await openTraceSource(source, (chunkIndexes, plan, workers, signal) =>
      decodeInWorkers(path, chunkIndexes, plan, workers, signal),
    );
  } catch (error) {
    await source.close();
    throw error;
  }
}
