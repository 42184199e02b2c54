// SPDX-License-Identifier: Apache-2.0
// What commands come to: one typed result each, printed as text (render/) or as JSON. Keys that scripts rely
// on keep their names.

import type { AuditResult } from '../audit/index.ts';
import type { RecordCause, RecorderStatus } from '../capture/index.ts';
import type { ExportCounts } from '../export/index.ts';
import type { CheckResult, RepairResult } from '../format/index.ts';
import type { AddressSpaceRow, HotFigures, TraceFacts, TraceTotals } from '../query/index.ts';
import type { SourceFinding } from '../symbols/index.ts';
import type { Machine } from './machine.ts';

export interface RecordResult {
  readonly cause: RecordCause;
  /** '' when there is nothing to add. */
  readonly explanation: string;
  readonly remedy: string | undefined;
  readonly wallSeconds: number;
  /** Times a vCPU waited for the encoder. */
  readonly waits: number;
  readonly qemu: {
    readonly path: string;
    readonly version: string;
    readonly exitCode: number | null;
    readonly signal: string | null;
    /** Null when it is not known: QEMU ended before it was looked up. */
    readonly peakRssBytes: number | null;
  };
  readonly notes: readonly string[];
  /** What the file holds, read back from it. */
  readonly trace: TraceFacts;
}

export interface CtlResult {
  readonly recordings: readonly {
    readonly traceFile: string;
    readonly qemuPid: number;
    readonly launcherPid: number;
    readonly startedAt: string;
    readonly status: RecorderStatus;
  }[];
}

export interface DemoResult {
  readonly kernelVersion: string;
  readonly qemu: { readonly path: string; readonly version: string };
  readonly untracedSeconds: number;
  readonly tracedSeconds: number;
  /** Traced over untraced, of this one pair of boots. */
  readonly slowdown: number;
  /** Null when it is not known. */
  readonly recorderPeakBytes: number | null;
  readonly trace: TraceFacts;
  readonly hot: HotFigures;
  /** The page about it: a file. */
  readonly report: string;
}

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface BenchRecordResult {
  readonly benchmark: 'record' | 'record --paused';
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  readonly qemuVersion: string;
  readonly kernelVersion: string;
  /** Untraced, traced, untraced, traced, ... */
  readonly runs: readonly {
    readonly untracedSeconds: number;
    readonly tracedSeconds: number;
    readonly slowdown: number;
    readonly waits: number;
  }[];
  /** Of the pairs of neighbouring runs. */
  readonly slowdown: Spread;
  readonly untracedSeconds: Spread;
  readonly tracedSeconds: Spread;
  readonly accessesPerSecond: number;
  readonly bytesPerAccess: number | null;
  readonly bytesPerInstruction: number | null;
  /** Peak resident memory of QEMU recording minus that of QEMU alone: the highest of all pairs; null: not known. */
  readonly recorderPeakBytes: number | null;
  /** Of the last trace. */
  readonly totals: TraceTotals;
}

/** Of "bench view"; docs/viewer.md says what they should be. */
export interface ViewFigures {
  readonly indexAccessesPerSecond: number;
  readonly indexBytesPerAccess: number;
  /** From the begin of the navigation until the map is drawn. */
  readonly pageReadyMs: number;
  /** At the server, by HTTP: 95 of 100 tiles are there by then. */
  readonly tileP95Ms: number;
  /** The lowest median of the gestures. */
  readonly framesPerSecond: number;
  readonly browserHeapBytes: number;
  /** Resident memory of the server at most: tiles, summaries, a list. */
  readonly serverPeakBytes: number;
}

/** Medians of the runs, of memory the highest. */
export interface BenchViewResult extends ViewFigures {
  readonly benchmark: 'view';
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  readonly accesses: number;
  readonly runs: number;
}

export interface InfoResult extends TraceFacts {
  /** Process id of the QEMU that still writes the trace; null: none on this machine. */
  readonly recordedBy: number | null;
}

export interface CheckCommandResult extends CheckResult {
  readonly file: string;
  /** Null when no repair was asked for. */
  readonly repaired: (RepairResult & { readonly file: string }) | null;
}

export interface ExportResult extends ExportCounts {
  readonly format: string;
  readonly output: string;
  /** Of all files, compressed where they are. */
  readonly bytes: number;
}

export interface AddressSpacesCommandResult {
  readonly parameters: { readonly file: string; readonly symbols: readonly SourceFinding[] };
  readonly result: {
    /** The kernel has page tables of its own beside those of user code. */
    readonly isolated: boolean;
    readonly addressSpaces: readonly AddressSpaceRow[];
  };
}

export interface AuditCommandResult extends AuditResult {
  readonly file: string;
  readonly wallSeconds: number;
}
