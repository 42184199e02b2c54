// SPDX-License-Identifier: Apache-2.0
// One pass over a trace: what is asked for, and what has to be decoded to answer it.

import {
  type Analysis,
  chunkMayMatch,
  requireSelectable,
  type Selection,
  selectionColumns,
  selectionNotes,
  type TraceShape,
} from '../analysis/index.ts';
import { formatCount, formatQuantity, ModeBit, TraceError } from '../base/index.ts';
import type { ChunkInfo, ColumnName, SliceNoteName, SliceOptions, Trace } from '../format/index.ts';

/** Any analysis: the engine hands parameters and states through without looking into them. */
export type AnyAnalysis = Analysis<unknown, unknown, unknown>;

/** An analysis to run and its parameters, all resolved. */
export interface AnalysisRequest<P, S, R, D = S> {
  readonly analysis: Analysis<P, S, R, D>;
  readonly parameters: P;
  /**
   * Module that worker threads load it from: it exports the analysis as `analysis` or by default. Not needed
   * for those of src/analysis, which are known by name.
   */
  readonly moduleUrl?: string | undefined;
}

export type AnyRequest = AnalysisRequest<unknown, unknown, unknown>;

/** The results of requests, in their order. */
export type ResultsOf<Requests extends readonly unknown[]> = {
  -readonly [Index in keyof Requests]: Requests[Index] extends {
    readonly analysis: { finish(state: never, trace: TraceShape): infer R };
  }
    ? R
    : never;
};

export interface PassOptions {
  /** Default: everything. */
  readonly selection?: Selection;
  /** Figures of nothing are wanted when the selection leaves nothing. Default: it is refused. */
  readonly mayBeEmpty?: boolean;
  /**
   * Threads, this one among them where the order of chunks does not matter; 0, the default, runs in this thread, and so
   * does a pass over a single chunk.
   */
  readonly workers?: number;
  /** This thread has others to serve: all is worked on in worker threads, a single chunk, too. */
  readonly keepsFree?: boolean;
  /** Module of the engine's threads; default: the one that was built beside this one. */
  readonly workerUrl?: URL;
  /** Decoded chunks that wait for others take so many bytes at most, about, of all threads. Default: 256 MiB. */
  readonly lookAheadBytes?: number;
  /** Part of the accesses that are done, 0 to 1. */
  readonly onProgress?: (part: number) => void;
  readonly signal?: AbortSignal;
}

/** Plain data, but for the requests' analyses. */
export interface PassPlan {
  readonly requests: readonly AnyRequest[];
  readonly selection: Selection;
  readonly slices: Pick<SliceOptions, 'columns' | 'runs' | 'notes' | 'mappings'>;
  /** Chunk numbers in the order of the file. */
  readonly chunks: readonly number[];
  /** Those of them that the selection passes over: only mappings are read, for analyses that want them. */
  readonly notesOnly: readonly number[];
}

/** What a pass comes to before the figures are made: one state for each request. */
export interface PassOutcome {
  readonly states: readonly unknown[];
  readonly selected: SelectedCounts;
}

/** What the selection left. */
export interface SelectedCounts {
  readonly accesses: number;
  /** 0 also when no analysis wanted block executions. */
  readonly runs: number;
}

export const NOTHING_SELECTED: SelectedCounts = { accesses: 0, runs: 0 };

export function addSelected(a: SelectedCounts, b: SelectedCounts): SelectedCounts {
  return { accesses: a.accesses + b.accesses, runs: a.runs + b.runs };
}

/** Throws 'missing-capability'. */
export function planPass(
  trace: Trace,
  requests: readonly AnyRequest[],
  selection: Selection,
): PassPlan {
  for (const { analysis } of requests) requireCapabilities(trace, analysis);
  requireSelectable(trace, selection);
  const columns = new Set<ColumnName>(selectionColumns(selection));
  const notes = new Set<SliceNoteName>();
  const runs = requests.some(({ analysis }) => analysis.runs === true);
  for (const { analysis } of requests) {
    for (const column of analysis.columns) columns.add(column);
    for (const note of analysis.notes ?? []) notes.add(note);
  }
  if (runs) for (const note of selectionNotes(selection)) notes.add(note);
  const chosen = chooseChunks(trace, selection, runs);
  const mappings = requests.some(({ analysis }) => analysis.mappings === true);
  const notesOnly = mappings ? chunksBetween(chosen) : [];
  return {
    requests,
    selection,
    slices: { columns: [...columns], runs, notes: [...notes], mappings },
    chunks: [...chosen, ...notesOnly].sort((a, b) => a - b),
    notesOnly,
  };
}

/** Numbers below the last one that are not among them. */
function chunksBetween(chosen: readonly number[]): number[] {
  const wanted = new Set(chosen);
  const end = chosen.at(-1) ?? 0;
  return Array.from({ length: end }, (_, index) => index).filter((index) => !wanted.has(index));
}

function chooseChunks(trace: Trace, selection: Selection, withRuns: boolean): number[] {
  const following = new Map<number, ChunkInfo>();
  const chosen: number[] = [];
  for (const chunk of trace.chunks.toReversed()) {
    const next = following.get(chunk.stream);
    if (chunkMayMatch(selection, chunk, next, withRuns)) chosen.push(chunk.chunkIndex);
    following.set(chunk.stream, chunk);
  }
  return chosen.reverse();
}

function requireCapabilities(trace: Trace, analysis: AnyAnalysis): void {
  for (const name of analysis.requires ?? []) {
    const { status, why } = trace.capabilities[name];
    if (status !== 'no') continue;
    throw new TraceError(
      'missing-capability',
      `"${analysis.name}" needs ${name}, which this trace does not have: ${why}`,
      { file: trace.path },
    );
  }
}

/** What analyses are told of the trace. */
export function shapeOfTrace(trace: Trace): TraceShape {
  const { code } = trace;
  const insnBase = new Uint32Array(code.blockCount + 1);
  const blockCpl = new Uint8Array(code.blockCount);
  let total = 0;
  for (let block = 0; block < code.blockCount; block++) {
    insnBase[block] = total;
    total += Math.max(1, code.insnCount(block));
    const mode = code.mode(block);
    blockCpl[block] = mode === undefined ? CPL_UNKNOWN : mode & ModeBit.cpl;
  }
  insnBase[code.blockCount] = total;
  return shapeFrom(trace, { vcpuCount: countVcpus(trace), insnBase, blockCpl });
}

/** The part of it that takes a while to make. */
export type SharedShape = Pick<TraceShape, 'vcpuCount' | 'insnBase' | 'blockCpl'>;

/** With what another thread has made of it already. */
export function shapeFrom(
  { code, chunks, capabilities, complete }: Trace,
  { vcpuCount, insnBase, blockCpl }: SharedShape,
): TraceShape {
  const { blockCount } = code;
  return { blockCount, vcpuCount, insnBase, blockCpl, code, chunks, capabilities, complete };
}

const CPL_UNKNOWN = 255;

function countVcpus(trace: Trace): number {
  const named = [
    ...trace.chunks.flatMap(({ vcpu, vcpuStates }) => [vcpu, ...vcpuStates.map((one) => one.vcpu)]),
    ...(trace.totals?.vcpus.map(({ vcpu }) => vcpu) ?? []),
  ];
  // Of a trace that was cut nobody says which ran last: any that the machine can have may be there.
  const { vcpus = 1, maxVcpus = 1 } = trace.header.plugin;
  const stated = trace.totals === undefined ? Math.max(vcpus, maxVcpus) : vcpus;
  return named.reduce((most, vcpu) => Math.max(most, vcpu + 1), stated);
}

/** An answer about nothing would look like one about the trace. Throws 'empty-selection'. */
export function requireSelected(
  trace: Trace,
  selection: Selection,
  { accesses, runs }: SelectedCounts,
): void {
  const restricts = Object.values(selection).some((criterion) => criterion !== undefined);
  const choosesAddresses = selection.addresses !== undefined || selection.physical !== undefined;
  // Addresses choose accesses only: block executions that are left say nothing about them.
  const isEmpty = accesses === 0 && (runs === 0 || choosesAddresses);
  if (!restricts || !isEmpty) return;
  throw new TraceError('empty-selection', 'the selection leaves no access', {
    file: trace.path,
    expected: `a part of what is there: ${describeContents(trace, selection).join(', ')}`,
    remedy: 'a wider selection, or none',
  });
}

const SHOWN_SPACES = 4;

/** What there is of what was chosen by. */
function describeContents(trace: Trace, selection: Selection): string[] {
  const { loads, stores, instructions, userAccesses } = trace.summary();
  const there = [formatQuantity(loads + stores, 'access', 'accesses')];
  if (selection.cpl !== undefined) there.push(`${formatCount(userAccesses)} of them at CPL 3`);
  if (selection.icounts !== undefined) there.push(formatQuantity(instructions, 'instruction'));
  if (selection.addresses !== undefined) {
    const bounds = trace.chunks
      .filter(({ accessCount }) => accessCount > 0)
      .flatMap((chunk) => [chunk.lowestVaddr, chunk.highestVaddr]);
    const low = bounds.reduce((a, b) => (b < a ? b : a), 2n ** 64n - 1n);
    const high = bounds.reduce((a, b) => (b > a ? b : a), 0n);
    there.push(`at addresses from 0x${low.toString(16)} to 0x${high.toString(16)}`);
  }
  if (selection.addressSpace !== undefined) {
    const all = trace.chunks.flatMap(({ vcpuStates }) => vcpuStates.map(({ cr3 }) => cr3));
    const spaces = [...new Set(all.filter((cr3) => cr3 !== 0n))];
    const shown = spaces.slice(0, SHOWN_SPACES).map((cr3) => `0x${cr3.toString(16)}`);
    there.push(`with CR3 values such as ${shown.join(', ') || '0'}`);
  }
  return there;
}
