// SPDX-License-Identifier: Apache-2.0
// Iterates the accesses of a trace, decoding in this thread.

import { TraceError } from '../base/index.ts';
import {
  type AccessBatch,
  AccessFlag,
  COLUMN_NAMES,
  type ColumnName,
  kernelBits,
  type Stretch,
  takeBatch,
} from './access-batch.ts';
import type { ChunkRecord } from './chunk-header.ts';
import { BATCH_LENGTH, type ChunkKernel, ColumnBit, ColumnNumber } from './kernel.ts';
import type { Capabilities } from './metadata.ts';
import { type Inventory, planRange, type RangePlan, requireKnownOptions } from './request.ts';

/** The type of a batch follows that of `columns`: see AccessBatch. */
export interface AccessOptions<C extends readonly ColumnName[] = readonly ColumnName[]> {
  /** Only accesses of this vCPU. */
  readonly vcpu?: number;
  /** Ordinals within the stream, half open; aborted accesses count. Default: all. */
  readonly from?: number;
  readonly to?: number;
  /** Default: vaddr, pc, size, flags, icount. */
  readonly columns?: C;
  /** Only this stream; default: stream by stream, in the order of their numbers. */
  readonly stream?: number;
  /** Default false: accesses of instructions that did not complete are left out. */
  readonly includeAborted?: boolean;
  /** Columns of their own for each batch, to keep. Default false. */
  readonly copy?: boolean;
  /** Decode chunks in that many worker threads; implies copy. Default 0: in this thread. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_COLUMNS = ['vaddr', 'pc', 'size', 'flags', 'icount'] as const;

export type DefaultColumns = typeof DEFAULT_COLUMNS;

const OPTIONS: Readonly<Record<keyof AccessOptions, true>> = {
  columns: true,
  vcpu: true,
  from: true,
  to: true,
  stream: true,
  includeAborted: true,
  copy: true,
  workers: true,
  signal: true,
};

/** Options with their defaults, checked. Plain data: a worker is sent one. */
export interface AccessPlan extends RangePlan {
  readonly columns: ReadonlySet<ColumnName>;
  readonly includeAborted: boolean;
  readonly copy: boolean;
}

/** Throws 'bad-argument'; 'missing-capability' for a column that the trace cannot have. */
export function planAccesses(
  options: AccessOptions,
  capabilities: Capabilities,
  inventory: Inventory,
): AccessPlan {
  requireKnownOptions(options, OPTIONS, 'accesses()');
  return {
    columns: requireColumns(options.columns ?? DEFAULT_COLUMNS, capabilities),
    ...planRange(options, inventory),
    includeAborted: options.includeAborted ?? false,
    copy: options.copy ?? false,
  };
}

/** Throws 'bad-argument' for what is no column, 'missing-capability' for one that the trace cannot have. */
export function requireColumns(
  names: readonly ColumnName[],
  capabilities: Capabilities,
): ReadonlySet<ColumnName> {
  const columns = new Set<ColumnName>(names);
  for (const name of columns) {
    if (!COLUMN_NAMES.includes(name)) {
      throw new TraceError('bad-argument', 'there is no such column', {
        expected: COLUMN_NAMES.join(', '),
        found: name,
      });
    }
  }
  requireCapability(columns.has('paddr'), 'paddr', capabilities);
  requireCapability(columns.has('cr3'), 'address-space', capabilities);
  return columns;
}

function requireCapability(
  wanted: boolean,
  name: 'paddr' | 'address-space',
  capabilities: Capabilities,
): void {
  const { status, why } = capabilities[name];
  if (!wanted || status !== 'no') return;
  throw new TraceError('missing-capability', `the trace has no ${name}: ${why}`);
}

/** The chunks a plan needs, stream by stream. */
export function selectChunks(
  chunks: readonly ChunkRecord[],
  plan: Pick<AccessPlan, 'stream' | 'from' | 'to'>,
): readonly ChunkRecord[] {
  return chunks
    .filter(
      ({ info }) =>
        (plan.stream === undefined || info.stream === plan.stream) &&
        info.firstOrdinal < plan.to &&
        info.firstOrdinal + info.accessCount > plan.from,
    )
    .sort((a, b) => a.info.stream - b.info.stream || a.info.chunkIndex - b.info.chunkIndex);
}

/** The batches of a chunk that the kernel has loaded. */
export function* decodeAccesses(
  kernel: ChunkKernel,
  record: ChunkRecord,
  plan: AccessPlan,
): Generator<AccessBatch, void, undefined> {
  const { info } = record;
  const dropAborted = !plan.includeAborted && info.aborted > 0;
  const wanted =
    kernelBits(plan.columns) |
    (dropAborted ? ColumnBit.sizeFlags : 0) |
    (plan.vcpu === undefined ? 0 : ColumnBit.vcpu);
  let kernelOrdinal = info.firstOrdinal;
  for (let more = true; more && kernelOrdinal < plan.to; ) {
    const skipped = kernelOrdinal + BATCH_LENGTH <= plan.from;
    more = kernel.run(skipped ? 0 : wanted);
    const length = kernel.accessesInBatch;
    const begin = Math.max(0, plan.from - kernelOrdinal);
    const end = Math.min(length, plan.to - kernelOrdinal);
    if (begin < end) {
      let kept: readonly Stretch[] = [{ begin, end }];
      if (dropAborted) kept = keepCompleted(kernel, kept);
      if (plan.vcpu !== undefined) kept = keepVcpu(kernel, kept, plan.vcpu);
      if (kept.length > 0) {
        const place = { stream: info.stream, chunkIndex: info.chunkIndex, kernelOrdinal };
        yield takeBatch(kernel, plan.columns, place, kept, plan.copy);
      }
    }
    kernelOrdinal += length;
  }
}

function keepCompleted(kernel: ChunkKernel, kept: readonly Stretch[]): Stretch[] {
  const flags = new Uint8Array(kernel.buffer, kernel.address(ColumnNumber.flags), BATCH_LENGTH);
  return keepWhere(kept, (i) => (flags[i] & AccessFlag.aborted) === 0);
}

function keepVcpu(kernel: ChunkKernel, kept: readonly Stretch[], vcpu: number): Stretch[] {
  const column = new Uint16Array(kernel.buffer, kernel.address(ColumnNumber.vcpu), BATCH_LENGTH);
  return keepWhere(kept, (i) => column[i] === vcpu);
}

function keepWhere(kept: readonly Stretch[], isWanted: (index: number) => boolean): Stretch[] {
  const result: Stretch[] = [];
  for (const { begin, end } of kept) {
    let from = begin;
    for (let i = begin; i < end; i++) {
      if (isWanted(i)) continue;
      if (from < i) result.push({ begin: from, end: i });
      from = i + 1;
    }
    if (from < end) result.push({ begin: from, end });
  }
  return result;
}
