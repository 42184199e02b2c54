// SPDX-License-Identifier: Apache-2.0
// Iterates the block executions of a trace: its instruction stream.

import type { ChunkRecord } from './chunk-header.ts';
import { type ChunkKernel, ColumnBit, ColumnNumber } from './kernel.ts';
import { type Inventory, planRange, type RangePlan, requireKnownOptions } from './request.ts';

export interface BlockOptions {
  readonly vcpu?: number;
  /** Positions of block executions within the stream, half open. Default: all. */
  readonly from?: number;
  readonly to?: number;
  readonly stream?: number;
  /** Columns of their own for each batch, to keep. Default false. */
  readonly copy?: boolean;
  readonly signal?: AbortSignal;
}

/** Block executions in order. Columns are overwritten by the next step unless copies were asked for. */
export interface BlockBatch {
  readonly stream: number;
  readonly chunkIndex: number;
  readonly length: number;
  /** Position, within the stream, of the first one. */
  readonly firstBlock: number;
  /** Id in the code table. */
  readonly id: Uint32Array;
  /** Of its first instruction. */
  readonly icount: BigUint64Array;
  readonly vcpu: Uint16Array;
  /** Instructions that completed: all of the block's unless it was left early. */
  readonly executed: Uint16Array;
  /**
   * 1 when its first instruction is a rep string one that goes on from the vCPU's execution before: it is among the
   * completed ones of both, and one instruction of the trace.
   */
  readonly continues: Uint8Array;
  /** Ordinal, within the stream, that its first access has or would have. */
  readonly firstAccess: Float64Array;
}

const OPTIONS: Readonly<Record<keyof BlockOptions, true>> = {
  vcpu: true,
  from: true,
  to: true,
  stream: true,
  copy: true,
  signal: true,
};

export interface BlockPlan extends RangePlan {
  readonly copy: boolean;
}

/** Throws 'bad-argument'. */
export function planBlocks(options: BlockOptions, inventory: Inventory): BlockPlan {
  requireKnownOptions(options, OPTIONS, 'blocks()');
  return {
    ...planRange(options, inventory),
    copy: options.copy ?? false,
  };
}

export function selectChunksOfBlocks(
  chunks: readonly ChunkRecord[],
  plan: BlockPlan,
): readonly ChunkRecord[] {
  return chunks
    .filter(
      ({ info }) =>
        (plan.stream === undefined || info.stream === plan.stream) &&
        info.firstBlock < plan.to &&
        info.firstBlock + info.blockCount > plan.from,
    )
    .sort((a, b) => a.info.stream - b.info.stream || a.info.chunkIndex - b.info.chunkIndex);
}

/** The batches of a chunk that the kernel has loaded. */
export function* decodeBlocks(
  kernel: ChunkKernel,
  record: ChunkRecord,
  plan: BlockPlan,
): Generator<BlockBatch, void, undefined> {
  const { info } = record;
  let firstBlock = info.firstBlock;
  let kernelOrdinal = info.firstOrdinal;
  for (let more = true; more && firstBlock < plan.to; ) {
    more = kernel.run(ColumnBit.runs);
    const length = kernel.runsInBatch;
    const begin = Math.max(0, plan.from - firstBlock);
    const end = Math.min(length, plan.to - firstBlock);
    if (begin < end) {
      const firstOrdinal = kernelOrdinal + kernel.firstAccessOfRuns;
      const place = { firstBlock, firstOrdinal };
      const batch = takeBlocks(kernel, record, place, begin, end, plan.copy);
      if (plan.vcpu === undefined) yield batch;
      else yield* splitByVcpu(batch, plan.vcpu);
    }
    firstBlock += length;
    kernelOrdinal += kernel.accessesInBatch;
  }
}

/** `place`: of the kernel's first block execution and its first access. */
function takeBlocks(
  kernel: ChunkKernel,
  { info }: ChunkRecord,
  { firstBlock, firstOrdinal }: { readonly firstBlock: number; readonly firstOrdinal: number },
  begin: number,
  end: number,
  copy: boolean,
): BlockBatch {
  const at = (name: keyof typeof ColumnNumber, elementBytes: number): number =>
    kernel.address(ColumnNumber[name]) + begin * elementBytes;
  const length = end - begin;
  const { buffer } = kernel;
  const id = new Uint32Array(buffer, at('runBlock', 4), length);
  const icount = new BigUint64Array(buffer, at('runIcount', 8), length);
  const vcpu = new Uint16Array(buffer, at('runVcpu', 2), length);
  const executed = new Uint16Array(buffer, at('runExecuted', 2), length);
  const continues = new Uint8Array(buffer, at('runContinues', 1), length);
  const inBatch = new Uint32Array(buffer, at('runFirstAccess', 4), length);
  const firstAccess = new Float64Array(length);
  for (let i = 0; i < length; i++) firstAccess[i] = firstOrdinal + inBatch[i];
  return {
    stream: info.stream,
    chunkIndex: info.chunkIndex,
    length,
    firstBlock: firstBlock + begin,
    id: copy ? id.slice() : id,
    icount: copy ? icount.slice() : icount,
    vcpu: copy ? vcpu.slice() : vcpu,
    executed: copy ? executed.slice() : executed,
    continues: copy ? continues.slice() : continues,
    firstAccess,
  };
}

/** The stretches of one vCPU as batches of their own: vCPUs change seldom, and positions stay exact. */
function* splitByVcpu(batch: BlockBatch, vcpu: number): Generator<BlockBatch, void, undefined> {
  for (let begin = 0; begin < batch.length; ) {
    let end = begin + 1;
    while (end < batch.length && batch.vcpu[end] === batch.vcpu[begin]) end++;
    if (batch.vcpu[begin] === vcpu) {
      yield {
        stream: batch.stream,
        chunkIndex: batch.chunkIndex,
        length: end - begin,
        firstBlock: batch.firstBlock + begin,
        id: batch.id.subarray(begin, end),
        icount: batch.icount.subarray(begin, end),
        vcpu: batch.vcpu.subarray(begin, end),
        executed: batch.executed.subarray(begin, end),
        continues: batch.continues.subarray(begin, end),
        firstAccess: batch.firstAccess.subarray(begin, end),
      };
    }
    begin = end;
  }
}
