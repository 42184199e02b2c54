// SPDX-License-Identifier: Apache-2.0
// Runs pure, mergeable analyses over the chunks of a trace, in this thread or in several.

export type { Consumer, TraceFacts } from './consumer.ts';
export { type RunOptions, runInline } from './run-inline.ts';
export { runInWorkers, type WorkerRunOptions } from './run-workers.node.ts';
export { serveChunks } from './serve-chunks.node.ts';
