// SPDX-License-Identifier: Apache-2.0
// A trace as a stream of bytes in another format: what is made is handed over before more is read.

import { requireSelectable, type Selection } from '../analysis/index.ts';
import { TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import type { ExportFormat } from './formats.ts';
import { type LossCounts, noLosses } from './losses.ts';
import {
  AccessChoice,
  type CoveredOrdinals,
  type Part,
  rangesOf,
  type StreamRange,
  stretchOf,
} from './part.ts';
import type { NameCode } from './rows.ts';
import { walkExecutions } from './walk-executions.ts';
import type { AccessWriter, FormatWriter } from './writer.ts';

export interface ExportOptions {
  /** Default: all. Whole block executions where they count: then not by `addresses`. */
  readonly selection?: Selection;
  /** Of the trace; a selection needs it. */
  readonly shape?: Part['shape'];
  /** For formats that have a place for names of functions. */
  readonly nameCode?: NameCode;
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
  /**
   * What a part by ordinals became where executions are whole: those that begin in it, with all their accesses. Null: the
   * part is as it was chosen.
   */
  readonly covered: readonly CoveredOrdinals[] | null;
}

/**
 * The trace's bytes in the format, part by part; returns the counts. Throws 'missing-capability' for a trace
 * without what the format or the selection needs, 'bad-argument' for several vCPUs where one file is one core's, for a selection
 * by addresses where a record is an instruction, 'empty-selection' for one without a record, and what reading throws.
 */
export async function* exportTrace(
  trace: Trace,
  format: ExportFormat,
  options: ExportOptions = {},
): AsyncGenerator<ExportPart, ExportCounts, undefined> {
  requireCapabilities(trace, format);
  const { selection = {}, shape = NO_SHAPE, signal, nameCode } = options;
  requireSelectable(trace, selection);
  requireOneVcpu(trace, format, selection.vcpu);
  const part: Part = { selection, shape, signal };
  const losses = noLosses();
  const writer = format.makeWriter(trace, losses, {
    ...{ nameCode, selection },
    hasGaps: hasGaps(selection),
  });
  if (writer.kind === 'executions') requireWholeInstructions(format, selection);
  const needsTime = writer.kind === 'accesses' && writer.hasTime;
  const ranges = rangesOf(trace, needsTime ? stretchOf(part) : part, writer.kind === 'executions');
  const total = countAccesses(trace, ranges);
  const covered: CoveredOrdinals[] = [];
  const steps =
    writer.kind === 'accesses'
      ? readAccesses(trace, writer, part, ranges)
      : walkExecutions(trace, writer.sites, writer, part, ranges, losses, covered);
  for await (const done of steps) {
    yield* takeDue(writer, false);
    options.onProgress?.(done, total);
  }
  const lost = Object.fromEntries(format.losses.map((name) => [name, losses[name]]));
  if (writer.records === 0) throw emptyExportError(lost);
  writer.finish();
  yield* takeDue(writer, true);
  const isExact = writer.kind === 'accesses' || selection.ordinals === undefined;
  return { records: writer.records, lost, covered: isExact ? null : covered };
}

async function* readAccesses(
  trace: Trace,
  writer: AccessWriter,
  part: Part,
  ranges: readonly StreamRange[],
): AsyncGenerator<number, void, undefined> {
  const choice = new AccessChoice(part);
  const { selection, signal } = part;
  let done = 0;
  for (const { stream, from, to } of ranges) {
    const batches = trace.accesses({
      columns: [...new Set([...writer.columns, ...choice.columns])],
      includeAborted: true,
      ...{ stream, from, to },
      ...(selection.vcpu === undefined ? {} : { vcpu: selection.vcpu }),
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const batch of batches) {
      writer.consume(batch, choice.wantedOf(batch));
      done += batch.length;
      yield done;
    }
  }
}

function* takeDue(writer: FormatWriter, isLast: boolean): Generator<ExportPart, void, undefined> {
  for (const { name, buffer } of writer.outputs) {
    if (buffer.isDue || (isLast && buffer.length > 0)) yield { file: name, bytes: buffer.take() };
  }
}

function countAccesses({ chunks }: Trace, ranges: readonly StreamRange[]): number {
  let sum = 0;
  for (const { stream, firstOrdinal, accessCount } of chunks) {
    for (const { from, to } of ranges.filter((range) => range.stream === stream)) {
      const begin = Math.max(from, firstOrdinal);
      sum += Math.max(0, Math.min(to, firstOrdinal + accessCount) - begin);
    }
  }
  return sum;
}

const NO_SHAPE: Part['shape'] = {
  insnBase: new Uint32Array(0),
  blockCpl: new Uint8Array(0),
};

/** Whether block executions are left out between others of their vCPU. */
function hasGaps({ cpl, addressSpace, code }: Selection): boolean {
  return [cpl, addressSpace, code].some((criterion) => criterion !== undefined);
}

function requireWholeInstructions(format: ExportFormat, { addresses, physical }: Selection): void {
  if (addresses === undefined && physical === undefined) return;
  throw new TraceError(
    'bad-argument',
    `a selection by address leaves accesses out of the middle of instructions, and the format ${format.name} is one of whole instructions`,
    {
      remedy:
        'choose by function, privilege, address space or time, or a format of single accesses: csv, ndjson, parquet',
    },
  );
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

/** An export without a record would look like one of a trace without accesses. */
export function emptyExportError(lost: Readonly<Partial<LossCounts>>): TraceError {
  const left = Object.entries(lost).filter(([, count]) => count > 0);
  const why = left.map(([name, count]) => `${name} ${count}`).join(', ');
  return new TraceError('empty-selection', 'the selection has nothing to export', {
    ...(why === '' ? {} : { found: `only what the format leaves out: ${why}` }),
    remedy: 'a wider selection; the counts of the trace tell what it holds',
  });
}
