// SPDX-License-Identifier: Apache-2.0
// What a trace says of itself, collected for people and scripts: the result of `info`, part of that of
// `record` and `demo`.

import {
  type Capabilities,
  type MemoryAudit,
  openTrace,
  type StreamTotals,
  type Trace,
  type TraceCut,
  type TraceHeader,
  type VcpuTotals,
} from '../format/index.ts';

export interface TraceTotals {
  readonly instructions: number;
  readonly loads: number;
  readonly stores: number;
  readonly accesses: number;
  /** At CPL 3; null when the trace does not know the CPL. */
  readonly userAccesses: number | null;
  /** Accesses of instructions that did not complete; not among the accesses. */
  readonly aborted: number;
  /** Block executions. */
  readonly blocks: number;
  readonly events: number;
  /**
   * Accesses (aborted ones too) plus block executions, as counted in the vCPU thread, by the encoder, and
   * in the chunks that reached the file. Null when recording was cut: they are then not known.
   */
  readonly captured: number | null;
  readonly encoded: number | null;
  readonly written: number | null;
}

export interface TraceFacts {
  readonly file: string;
  readonly fileBytes: number;
  /** Recording was closed in an orderly way. */
  readonly complete: boolean;
  /** Why recording ended; null when it was cut. */
  readonly cause: string | null;
  /** Where and how the file was cut; null for a complete one. */
  readonly cut: TraceCut | null;
  readonly totals: TraceTotals;
  /** Null for a trace without accesses. */
  readonly bytesPerAccess: number | null;
  readonly capabilities: Capabilities;
  /** Accesses to guest memory that no plugin sees, by name. */
  readonly outside: Readonly<Record<string, string>>;
  /** What was counted as missing or doubtful, by name; only what is not 0. */
  readonly doubts: Readonly<Record<string, number>>;
  /** KIND:N of the faults that a test injected; null for a trace that is what it seems. */
  readonly deliberateFault: string | null;
  /** Null when recording did not audit memory. */
  readonly memoryAudit: MemoryAudit | null;
  readonly chunkCount: number;
  /** Entries of the code table. */
  readonly codeBlockCount: number;
  readonly vcpus: readonly VcpuTotals[];
  readonly recorder: TraceHeader['recorder'];
  readonly plugin: TraceHeader['plugin'];
}

/** Memory that is accessed without an instruction doing it, and that no trace has. */
const OUTSIDE = {
  'page walks': "the MMU's reads of page tables",
  dma: 'what devices read and write: disks, the firmware loading a kernel',
  'state save': 'registers that SMM and nested guests store and load',
  'permission maps': "the host's, which in, out, rdmsr and wrmsr of a nested guest load",
} as const;

const DOUBTS = [
  ...(['unknownPaddr', 'mapMismatches', 'strays', 'unresolvedCuts'] as const),
  ...(['missingDeliveries', 'missingOrApart', 'deliveryMismatches', 'walkMismatches'] as const),
];

/** Throws TraceError for a file that is not a readable trace. */
export async function readTraceFacts(file: string): Promise<TraceFacts> {
  const trace = await openTrace(file);
  try {
    return traceFactsOf(trace);
  } finally {
    await trace.close();
  }
}

export function traceFactsOf(trace: Trace): TraceFacts {
  const { instructions, loads, stores, aborted, blocks, events, ...rest } = trace.summary();
  const userAccesses = trace.capabilities.cpl.status === 'no' ? null : rest.userAccesses;
  const accesses = loads + stores;
  const streams = trace.totals?.streams;
  const { viewMismatches = 0, gaps = 0, injectedFaults = 0 } = trace.totals ?? {};
  const total = (name: keyof StreamTotals): number | null =>
    streams === undefined ? null : streams.reduce((sum, stream) => sum + stream[name], 0);
  return {
    file: trace.path,
    fileBytes: trace.fileBytes,
    complete: trace.complete,
    cause: trace.totals?.cause ?? null,
    cut: trace.cut ?? null,
    totals: {
      ...{ instructions, loads, stores, accesses, userAccesses, aborted, blocks, events },
      ...{ captured: total('captured'), encoded: total('encoded'), written: total('written') },
    },
    bytesPerAccess: accesses === 0 ? null : trace.fileBytes / accesses,
    capabilities: trace.capabilities,
    outside: OUTSIDE,
    doubts: Object.fromEntries(
      [
        ...DOUBTS.map((name) => [name, total(name) ?? 0] as const),
        ['viewMismatches', viewMismatches] as const,
        ['gaps', gaps] as const,
        ['injectedFaults', injectedFaults] as const,
      ].filter(([, count]) => count > 0),
    ),
    deliberateFault: trace.header.plugin.fault ?? null,
    memoryAudit: trace.totals?.memoryAudit ?? null,
    chunkCount: trace.chunks.length,
    codeBlockCount: trace.code.blockCount,
    vcpus: trace.totals?.vcpus ?? [],
    recorder: trace.header.recorder,
    plugin: trace.header.plugin,
  };
}
