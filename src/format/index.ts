// SPDX-License-Identifier: Apache-2.0
// Trace files: docs/format.md in TypeScript.

export {
  type AccessBatch,
  AccessFlag,
  COLUMN_NAMES,
  type ColumnArrays,
  type ColumnName,
  type Crossings,
  Origin,
} from './access-batch.ts';
export { benchDecode, type DecodeBenchmark } from './bench-decode.node.ts';
export { openByteSource } from './byte-source.node.ts';
export { type ByteSource, byteSourceFromBytes } from './byte-source.ts';
export { checkTrace } from './check-trace.node.ts';
export type { CheckOptions, CheckResult, TraceProblem } from './check-trace.ts';
export type { ChunkInfo, VcpuState } from './chunk-header.ts';
export { type IcountRange, icountRanges } from './chunk-icounts.ts';
export type { CodeTable } from './code-table.ts';
export {
  type EventNote,
  isDelivered,
  nameOfEvent,
  nameOfNote,
  placeOfEvent,
  vcpuOfNote,
} from './event-name.ts';
export { releaseLargeKernel } from './kernel-pool.ts';
export { type MappingColumns, MappingKind } from './mapping-columns.ts';
export type {
  Capabilities,
  Capability,
  CapabilityName,
  MemoryAudit,
  StreamTotals,
  TotalsCause,
  TraceHeader,
  TraceImage,
  TraceTotals,
  VcpuTotals,
} from './metadata.ts';
export { openSharedTrace, openTrace } from './open-trace.node.ts';
export type { AccessOptions, DefaultColumns } from './read-accesses.ts';
export type { BlockBatch, BlockOptions } from './read-blocks.ts';
export {
  type CutCause,
  EventFlag,
  type NoteBody,
  type NoteName,
  type NoteOptions,
  type PageAttributes,
  type PortNote,
  type TraceNote,
} from './read-notes.ts';
export type {
  SliceNote,
  SliceNoteName,
  SliceOptions,
  SliceRuns,
  TraceSlice,
} from './read-slices.ts';
export { type RepairResult, repairTrace } from './repair-trace.node.ts';
export type { SharedTrace } from './shared-trace.ts';
export type { TraceCut } from './survey.ts';
export { openTraceSource, type ReadAccesses, type Trace, type TraceSummary } from './trace.ts';
export {
  nextReport,
  prepareThread,
  startThread,
  THREAD_LIMITS,
  type Thread,
} from './worker-thread.node.ts';
