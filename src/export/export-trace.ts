// SPDX-License-Identifier: Apache-2.0
// A trace as a stream of bytes in another format: what is made is handed over before more is read.

import { TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import type { ExportFormat } from './formats.ts';
import { type LossCounts, noLosses } from './losses.ts';
import type { Selection } from './selection.ts';
import { walkExecutions } from './walk-executions.ts';
import type { AccessWriter, ExecutionWriter, FormatWriter } from './writer.ts';

export interface ExportOptions {
  /** Ordinals of accesses within each stream, half open; default: all. Whole block executions where they count. */
  readonly from?: number;
  readonly to?: number;
  readonly vcpu?: number;
  readonly signal?: AbortSignal;
  /** Accesses read so far, of how many; now and then. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Bytes to append to a file of the export; '' names the one file of an export that is not a folder. */
export interface ExportPart {
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ExportCounts {
  readonly records: number;
  /** Only what the format leaves out. */
  readonly lost: Readonly<Partial<LossCounts>>;
}

/**
 * The trace's bytes in the format, part by part; returns the counts. Throws 'missing-capability' for a trace
 * without what the format needs, 'bad-argument' for several vCPUs where one file is one core's and for a
 * selection without a record, and what reading throws.
 */
export async function* exportTrace(
  trace: Trace,
  format: ExportFormat,
  options: ExportOptions = {},
): AsyncGenerator<ExportPart, ExportCounts, undefined> {
  requireCapabilities(trace, format);
  const { from = 0, to = Number.MAX_SAFE_INTEGER, vcpu, signal } = options;
  requireOneVcpu(trace, format, vcpu);
  const selection: Selection = { from, to, vcpu, signal };
  const losses = noLosses();
  const writer = format.makeWriter(trace, losses);
  const total = countAccesses(trace, from, to);
  const steps =
    writer.kind === 'accesses'
      ? readAccesses(trace, writer, selection)
      : readExecutions(trace, writer, selection, losses);
  for await (const done of steps) {
    yield* takeDue(writer, false);
    options.onProgress?.(done, total);
  }
  const lost = Object.fromEntries(format.losses.map((name) => [name, losses[name]]));
  if (writer.records === 0) throw emptyError(lost);
  writer.finish();
  yield* takeDue(writer, true);
  return { records: writer.records, lost };
}

async function* readAccesses(
  trace: Trace,
  writer: AccessWriter,
  { from, to, vcpu, signal }: Selection,
): AsyncGenerator<number, void, undefined> {
  let done = 0;
  const batches = trace.accesses({
    columns: writer.columns,
    includeAborted: true,
    from,
    to,
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(signal === undefined ? {} : { signal }),
  });
  for await (const batch of batches) {
    writer.consume(batch);
    done += batch.length;
    yield done;
  }
}

function readExecutions(
  trace: Trace,
  writer: ExecutionWriter,
  selection: Selection,
  losses: LossCounts,
): AsyncGenerator<number, void, undefined> {
  return walkExecutions(trace, writer.sites, writer, selection, losses);
}

function* takeDue(writer: FormatWriter, isLast: boolean): Generator<ExportPart, void, undefined> {
  for (const { name, buffer } of writer.outputs) {
    if (buffer.isDue || (isLast && buffer.length > 0)) yield { file: name, bytes: buffer.take() };
  }
}

function countAccesses({ chunks }: Trace, from: number, to: number): number {
  return chunks.reduce((sum, { firstOrdinal, accessCount }) => {
    const begin = Math.max(from, firstOrdinal);
    const end = Math.min(to, firstOrdinal + accessCount);
    return sum + Math.max(0, end - begin);
  }, 0);
}

function requireCapabilities({ capabilities, path }: Trace, format: ExportFormat): void {
  for (const name of format.needs) {
    const { status, why } = capabilities[name];
    if (status !== 'no') continue;
    throw new TraceError(
      'missing-capability',
      `the format ${format.name} needs ${name}, which this trace does not have: ${why}`,
      { file: path, remedy: 'record again with a QEMU that can, or choose another format' },
    );
  }
}

function requireOneVcpu(trace: Trace, format: ExportFormat, vcpu: number | undefined): void {
  if (!format.isOneVcpu || vcpu !== undefined) return;
  const ran = new Set(
    trace.chunks.flatMap(({ vcpu: first, vcpuStates }) => [
      first,
      ...vcpuStates.map((state) => state.vcpu),
    ]),
  );
  if (ran.size <= 1) return;
  throw new TraceError('bad-argument', `a file in the format ${format.name} is one core's`, {
    file: trace.path,
    expected: 'one vCPU',
    found: [...ran].sort((a, b) => a - b).join(', '),
    remedy: 'choose a vCPU, one export for each',
  });
}

function emptyError(lost: Readonly<Partial<LossCounts>>): TraceError {
  const left = Object.entries(lost).filter(([, count]) => count > 0);
  const why = left.map(([name, count]) => `${name} ${count}`).join(', ');
  return new TraceError('bad-argument', 'the selection has nothing to export', {
    ...(why === '' ? {} : { found: `only what the format leaves out: ${why}` }),
    remedy: 'a wider selection; the counts of the trace tell what it holds',
  });
}
