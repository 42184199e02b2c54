// SPDX-License-Identifier: Apache-2.0
// Iterates block executions together with their accesses, in one pass. The kernel fills its columns to the
// brim: the execution that its batch ends in is put aside, completed from the next one and given alone.

import type { ChunkRecord } from './chunk-header.ts';
import { BATCH_LENGTH, type ChunkKernel, ColumnBit, ColumnNumber } from './kernel.ts';
import { type Inventory, requireKnownOptions, requireOneOf } from './request.ts';

export interface ExecutionOptions {
  /** Only this chunk, by its place among Trace.chunks. Default: all, stream by stream. */
  readonly chunk?: number;
  readonly stream?: number;
  readonly signal?: AbortSignal;
}

/**
 * Whole block executions, in order, and all of their accesses, aborted ones too. Columns are overwritten by
 * the next step.
 */
export interface ExecutionBatch {
  readonly stream: number;
  readonly chunkIndex: number;
  /** Block executions in the batch. */
  readonly length: number;
  /** Position, within the stream, of the first block execution. */
  readonly firstBlock: number;
  /** Ordinal, within the stream, of the first access. */
  readonly firstOrdinal: number;
  /** Id in the code table. */
  readonly id: Uint32Array;
  /** Instructions that completed. */
  readonly executed: Uint16Array;
  readonly vcpu: Uint16Array;
  /** Of the first instruction. */
  readonly icount: BigUint64Array;
  /**
   * The same number, in this chunk: executions of one block that made the same accesses but for their
   * addresses and devices, and that completed. 0: it is not known.
   */
  readonly shape: Uint32Array;
  /**
   * Accesses of execution i: accessBegin[i] - accessBase to accessBegin[i + 1] - accessBase of the columns
   * below, the last one's to accessCount.
   */
  readonly accessBegin: Uint32Array;
  readonly accessBase: number;
  readonly accessCount: number;
  readonly vaddr: BigUint64Array;
  readonly size: Uint8Array;
  /** AccessFlag bits. */
  readonly flags: Uint8Array;
  /** Index of the instruction in its block. */
  readonly insn: Uint16Array;
}

const OPTIONS: Readonly<Record<keyof ExecutionOptions, true>> = {
  chunk: true,
  stream: true,
  signal: true,
};

const COLUMNS = ColumnBit.sizeFlags | ColumnBit.insn | ColumnBit.runs;

/** Throws 'bad-argument'. */
export function selectChunksOfExecutions(
  chunks: readonly ChunkRecord[],
  options: ExecutionOptions,
  inventory: Inventory,
): readonly ChunkRecord[] {
  requireKnownOptions(options, OPTIONS, 'executions()');
  const { chunk, stream } = options;
  if (stream !== undefined) requireOneOf(stream, 'stream', inventory.streams);
  if (chunk !== undefined)
    requireOneOf(
      chunk,
      'chunk',
      chunks.map(({ info }) => info.chunkIndex),
    );
  return chunks
    .filter(({ info }) => stream === undefined || info.stream === stream)
    .filter(({ info }) => chunk === undefined || info.chunkIndex === chunk)
    .sort((a, b) => a.info.stream - b.info.stream || a.info.chunkIndex - b.info.chunkIndex);
}

/** The batches of a chunk that the kernel has loaded. */
export function* decodeExecutions(
  kernel: ChunkKernel,
  record: ChunkRecord,
): Generator<ExecutionBatch, void, undefined> {
  const aside = new ExecutionAside(record);
  let blocksDone = 0;
  let accessesDone = 0;
  for (let more = true; more; ) {
    more = kernel.run(COLUMNS);
    const view = viewBatch(kernel);
    const { runs, accesses } = view;
    const ofAside = runs === 0 ? accesses : view.accessBegin[0] - accessesDone;
    if (aside.isOpen) {
      aside.append(view, 0, ofAside);
      if (runs > 0) yield aside.take();
    }
    if (runs > 1) yield wholeOnes(view, record, blocksDone, accessesDone);
    if (runs > 0) {
      aside.open(view, runs - 1, blocksDone + runs - 1);
      aside.append(view, view.accessBegin[runs - 1] - accessesDone, accesses);
    }
    blocksDone += runs;
    accessesDone += accesses;
  }
  if (aside.isOpen) yield aside.take();
}

interface KernelView {
  readonly runs: number;
  readonly accesses: number;
  readonly id: Uint32Array;
  readonly executed: Uint16Array;
  readonly vcpu: Uint16Array;
  readonly icount: BigUint64Array;
  readonly shape: Uint32Array;
  readonly accessBegin: Uint32Array;
  readonly vaddr: BigUint64Array;
  readonly size: Uint8Array;
  readonly flags: Uint8Array;
  readonly insn: Uint16Array;
}

function viewBatch(kernel: ChunkKernel): KernelView {
  const { buffer, runsInBatch: runs, accessesInBatch: accesses } = kernel;
  const at = (name: keyof typeof ColumnNumber): number => kernel.address(ColumnNumber[name]);
  return {
    runs,
    accesses,
    id: new Uint32Array(buffer, at('runBlock'), runs),
    executed: new Uint16Array(buffer, at('runExecuted'), runs),
    vcpu: new Uint16Array(buffer, at('runVcpu'), runs),
    icount: new BigUint64Array(buffer, at('runIcount'), runs),
    shape: new Uint32Array(buffer, at('runShape'), runs),
    accessBegin: new Uint32Array(buffer, at('runFirstAccess'), runs),
    vaddr: new BigUint64Array(buffer, at('vaddr'), accesses),
    size: new Uint8Array(buffer, at('size'), accesses),
    flags: new Uint8Array(buffer, at('flags'), accesses),
    insn: new Uint16Array(buffer, at('insn'), accesses),
  };
}

/** All block executions that the kernel's batch begins but the last. */
function wholeOnes(
  view: KernelView,
  { info }: ChunkRecord,
  blocksDone: number,
  accessesDone: number,
): ExecutionBatch {
  const length = view.runs - 1;
  const begin = view.accessBegin[0] - accessesDone;
  const end = view.accessBegin[length] - accessesDone;
  return {
    stream: info.stream,
    chunkIndex: info.chunkIndex,
    length,
    firstBlock: info.firstBlock + blocksDone,
    firstOrdinal: info.firstOrdinal + accessesDone + begin,
    id: view.id.subarray(0, length),
    executed: view.executed.subarray(0, length),
    vcpu: view.vcpu.subarray(0, length),
    icount: view.icount.subarray(0, length),
    shape: view.shape.subarray(0, length),
    accessBegin: view.accessBegin.subarray(0, length),
    accessBase: accessesDone + begin,
    accessCount: end - begin,
    vaddr: view.vaddr.subarray(begin, end),
    size: view.size.subarray(begin, end),
    flags: view.flags.subarray(begin, end),
    insn: view.insn.subarray(begin, end),
  };
}

/** Columns of one execution, copied out of the kernel's batches. */
class ExecutionAside {
  private readonly record: ChunkRecord;
  private count = 0;
  private blockInChunk = 0;
  private vaddr = new BigUint64Array(BATCH_LENGTH);
  private size = new Uint8Array(BATCH_LENGTH);
  private flags = new Uint8Array(BATCH_LENGTH);
  private insn = new Uint16Array(BATCH_LENGTH);
  private head:
    | Pick<ExecutionBatch, 'id' | 'executed' | 'vcpu' | 'icount' | 'shape' | 'accessBegin'>
    | undefined;

  constructor(record: ChunkRecord) {
    this.record = record;
  }

  get isOpen(): boolean {
    return this.head !== undefined;
  }

  open(view: KernelView, run: number, blockInChunk: number): void {
    this.count = 0;
    this.blockInChunk = blockInChunk;
    this.head = {
      id: view.id.slice(run, run + 1),
      executed: view.executed.slice(run, run + 1),
      vcpu: view.vcpu.slice(run, run + 1),
      icount: view.icount.slice(run, run + 1),
      shape: view.shape.slice(run, run + 1),
      accessBegin: view.accessBegin.slice(run, run + 1),
    };
  }

  append(view: KernelView, begin: number, end: number): void {
    const needed = this.count + end - begin;
    if (needed > this.size.length) this.grow(needed * 2);
    this.vaddr.set(view.vaddr.subarray(begin, end), this.count);
    this.size.set(view.size.subarray(begin, end), this.count);
    this.flags.set(view.flags.subarray(begin, end), this.count);
    this.insn.set(view.insn.subarray(begin, end), this.count);
    this.count = needed;
  }

  take(): ExecutionBatch {
    const { head, count } = this;
    if (head === undefined) throw new Error('internal: no execution was put aside');
    this.head = undefined;
    const { info } = this.record;
    const accessBase = head.accessBegin[0];
    return {
      stream: info.stream,
      chunkIndex: info.chunkIndex,
      length: 1,
      firstBlock: info.firstBlock + this.blockInChunk,
      firstOrdinal: info.firstOrdinal + accessBase,
      ...head,
      accessBase,
      accessCount: count,
      vaddr: this.vaddr.subarray(0, count),
      size: this.size.subarray(0, count),
      flags: this.flags.subarray(0, count),
      insn: this.insn.subarray(0, count),
    };
  }

  private grow(capacity: number): void {
    const { vaddr, size, flags, insn } = this;
    this.vaddr = new BigUint64Array(capacity);
    this.size = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.insn = new Uint16Array(capacity);
    this.vaddr.set(vaddr);
    this.size.set(size);
    this.flags.set(flags);
    this.insn.set(insn);
  }
}
