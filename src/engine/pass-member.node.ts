// SPDX-License-Identifier: Apache-2.0
// What one thread does in a pass, whether it is a worker's or the process's own: see run-workers.node.ts.

import { deserialize, serialize } from 'node:v8';
import {
  type AccessColumns,
  type PlacedNote,
  type SharedMemory,
  sharedMemory,
  type TraceShape,
} from '../analysis/index.ts';
import { requireDefined } from '../base/index.ts';
import { releaseLargeKernel, type Trace } from '../format/index.ts';
import { createChunkFeed } from './chunk-feed.ts';
import type { AnyAnalysis } from './pass.ts';
import type {
  PartedStretch,
  SharedPlan,
  WorkerOrder,
  WorkerReport,
  WorkerRequest,
} from './protocol.ts';
import { buffersOf } from './sent-buffers.ts';
import { createShardSplitter } from './shard-split.ts';

export interface PassMember {
  /** One order after the other. The signal is looked at between stretches. */
  carryOut(
    order: WorkerOrder,
    report: (report: WorkerReport) => void,
    signal?: AbortSignal,
  ): Promise<void>;
}

/** What this thread does for an analysis, and what comes of it. */
interface Part {
  consume(columns: AccessColumns): void;
  /** What was parted of the chunk, by shard. */
  takeShards?(): PartedStretch[][];
  /** What the chunk came to. */
  takeDigest?(): unknown;
  consumeShard?(stretch: PartedStretch): void;
  /** Undefined when this thread has no state of it. */
  finish(): unknown;
}

/** `analyses`: one for each of the plan's requests. */
export function createPassMember(
  trace: Trace,
  shape: TraceShape,
  plan: SharedPlan,
  analyses: readonly AnyAnalysis[],
): PassMember {
  const memory = sharedMemory();
  /** Slabs of the chunks that this thread parted and that others may still read. */
  const lent = new Map<number, readonly SharedArrayBuffer[]>();
  const working = plan.requests.map((request, i) => {
    const analysis = requireDefined(analyses[i], 'one for each request');
    return { analysis, part: partOf(analysis, request, shape, memory) };
  });
  const feed = createChunkFeed(trace, shape, plan, analyses);
  const decode = async (chunkIndex: number, signal: AbortSignal | undefined): Promise<void> => {
    for await (const stretch of feed.stretches(chunkIndex, signal)) {
      for (const { analysis, part } of working) {
        const columns = stretch(analysis);
        if (columns !== undefined) part.consume(columns);
      }
    }
  };
  return {
    async carryOut(order, report, signal) {
      if (order.type === 'take') {
        for (;;) {
          const chunkIndex = plan.chunks[Atomics.add(order.taken, 0, 1)];
          if (chunkIndex === undefined) return;
          await decode(chunkIndex, signal);
          report({ type: 'taken' });
        }
      } else if (order.type === 'decode') {
        const { chunkIndex } = order;
        await decode(chunkIndex, signal);
        const shards = working.map(({ part }) => part.takeShards?.());
        const digests = working.map(({ part }) => part.takeDigest?.());
        const digestBytes = buffersOf(digests).reduce((sum, one) => sum + one.byteLength, 0);
        lent.set(chunkIndex, memory.takeUsed());
        report({ type: 'decoded', chunkIndex, shards, digests, digestBytes });
      } else if (order.type === 'consume') {
        working.forEach(({ part }, i) => {
          for (const stretch of order.stretches[i] ?? []) part.consumeShard?.(stretch);
        });
        report({ type: 'consumed' });
      } else if (order.type === 'release') {
        memory.giveBack(lent.get(order.chunkIndex) ?? []);
        lent.delete(order.chunkIndex);
      } else {
        releaseLargeKernel();
        const states = working.map(({ part }) => part.finish());
        report({ type: 'finished', states, selected: feed.selected });
      }
    },
  };
}

function partOf(
  analysis: AnyAnalysis,
  { parameters, share }: WorkerRequest,
  shape: TraceShape,
  memory: SharedMemory,
): Part {
  const harvested = (state: unknown): unknown => analysis.harvest?.(state) ?? state;
  if (analysis.order === 'any' || share.by === 'chunks') {
    const state = analysis.init(parameters, shape, { index: 0, count: 1 });
    return {
      consume: (columns) => {
        analysis.consume(state, columns);
      },
      finish: () => harvested(state),
    };
  }
  if (share.by === 'digests') {
    const digesting = requireDefined(analysis.digesting, 'the coordinator has looked');
    const digester = digesting.init(parameters, shape);
    return {
      consume: (columns) => {
        digesting.consume(digester, columns);
      },
      takeDigest: () => digesting.take(digester),
      finish: () => undefined,
    };
  }
  const { count, index } = share;
  const split = createShardSplitter(analysis, parameters, count, memory);
  const state =
    index === undefined ? undefined : { held: analysis.init(parameters, shape, { index, count }) };
  let parted: PartedStretch[][] = [];
  return {
    consume: (columns) => {
      split(columns).forEach((part, shard) => {
        (parted[shard] ??= []).push(packNotes(part, memory));
      });
    },
    takeShards: () => {
      const taken = parted;
      parted = [];
      return taken;
    },
    consumeShard: (stretch) => {
      if (state !== undefined) analysis.consume(state.held, unpackNotes(stretch));
    },
    finish: () => (state === undefined ? undefined : harvested(state.held)),
  };
}

function packNotes(columns: AccessColumns, memory: SharedMemory): PartedStretch {
  const { notes } = columns;
  if (notes === undefined || notes.length === 0) return { columns, packedNotes: undefined };
  const packed = serialize(notes);
  const packedNotes = memory.bytes('notes', packed.length);
  packedNotes.set(packed);
  return { columns: { ...columns, notes: undefined }, packedNotes };
}

function unpackNotes({ columns, packedNotes }: PartedStretch): AccessColumns {
  if (packedNotes === undefined) return columns;
  const notes: unknown = deserialize(packedNotes.slice());
  if (!isNotes(notes)) throw new Error('internal: notes were packed that are none');
  return { ...columns, notes };
}

function isNotes(value: unknown): value is readonly PlacedNote[] {
  return Array.isArray(value);
}
