// SPDX-License-Identifier: Apache-2.0
// The side of a worker thread: see run-workers.node.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { requireDefined, TraceError } from '../base/index.ts';
import { openTrace } from '../format/index.ts';
import type { Consumer } from './consumer.ts';
import { consumeChunk } from './run-inline.ts';
import type { ShardMessage, ShardOrder, ShardTask } from './run-workers.node.ts';

/** Consumes the chunks that the thread is told to, then sends its part. */
export async function serveChunks<State, Part>(
  consumer: Pick<Consumer<State, Part, unknown>, 'init' | 'consume' | 'harvest'>,
): Promise<void> {
  const port = requireDefined(parentPort ?? undefined, 'this is only called in a worker');
  const send = (message: ShardMessage): void => {
    port.postMessage(message);
  };
  try {
    const trace = await openTrace(requireTask(workerData).path);
    const state = consumer.init(trace);
    const nextOrder = async (): Promise<ShardOrder> =>
      new Promise((resolve) => {
        port.once('message', resolve);
      });
    let order = nextOrder();
    send({ type: 'ready' });
    for (let chunk = await order; chunk !== undefined; chunk = await order) {
      await consumeChunk(trace, consumer, state, chunk);
      order = nextOrder();
      send({ type: 'done', chunk });
    }
    await trace.close();
    send({ type: 'part', part: consumer.harvest(state) });
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    const { cause, ...facts } = error.facts;
    const why = cause instanceof Error ? ` (${cause.message})` : '';
    send({ type: 'failure', kind: error.kind, message: `${error.message}${why}`, facts });
  }
}

function requireTask(value: unknown): ShardTask {
  if (isTask(value)) return value;
  throw new Error('internal: an analysing thread was started without its task');
}

function isTask(value: unknown): value is ShardTask {
  return typeof value === 'object' && value !== null && 'path' in value;
}
