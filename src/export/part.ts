// SPDX-License-Identifier: Apache-2.0
// The part of a trace that is exported: accesses one by one, or whole block executions.

import {
  chooseRows,
  chunkMayMatch,
  isOfSpace,
  type Selection,
  selectionColumns,
  type TraceShape,
} from '../analysis/index.ts';
import { halves } from '../base/index.ts';
import {
  type AccessBatch,
  type BlockBatch,
  type ChunkInfo,
  type ColumnName,
  type Trace,
  type TraceNote,
} from '../format/index.ts';

export interface Part {
  readonly selection: Selection;
  readonly shape: Pick<TraceShape, 'insnBase' | 'blockCpl'>;
  readonly signal: AbortSignal | undefined;
}

/** Ordinals of a stream, half open. */
export interface CoveredOrdinals {
  readonly stream: number;
  readonly from: number;
  readonly until: number;
}

/** Ordinals within a stream, half open. */
export interface StreamRange {
  readonly stream: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Of each stream, what may hold something of the part; chunks that cannot are not decoded. Block executions
 * are one range: what is left out between others must be seen to be.
 */
export function rangesOf(
  { chunks }: Pick<Trace, 'chunks'>,
  { selection }: Part,
  withRuns: boolean,
): readonly StreamRange[] {
  const { begin: least, end: most } = selection.ordinals ?? ALL;
  const streams = [...new Set(chunks.map(({ stream }) => stream))].sort((a, b) => a - b);
  return streams.flatMap((stream) => {
    const own = chunks.filter((chunk) => chunk.stream === stream);
    const wanted = own.filter((chunk, i) => chunkMayMatch(selection, chunk, own[i + 1], withRuns));
    const ranges = joined(wanted, own);
    const [first] = ranges;
    const last = ranges.at(-1);
    const hull =
      first === undefined || last === undefined ? [] : [{ from: first.from, to: last.to }];
    return (withRuns ? hull : ranges).flatMap(({ from, to }) => {
      const range = { stream, from: Math.max(from, least), to: Math.min(to, most) };
      return range.from < range.to ? [range] : [];
    });
  });
}

/** The time that the part takes, with all that was done in it. */
export function stretchOf(part: Part): Part {
  const { ordinals, icounts, vcpu } = part.selection;
  return { ...part, selection: { ordinals, icounts, vcpu } };
}

const ALL = { begin: 0, end: Number.MAX_SAFE_INTEGER };

/** Neighbours as one; the last of a stream has no end: block executions may stand behind its last access. */
function joined(
  wanted: readonly ChunkInfo[],
  own: readonly ChunkInfo[],
): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const chunk of wanted) {
    const { firstOrdinal: from } = chunk;
    const to = chunk === own.at(-1) ? ALL.end : from + chunk.accessCount;
    const before = ranges.at(-1);
    if (before?.to === from) before.to = to;
    else ranges.push({ from, to });
  }
  return ranges;
}

/** Which accesses of a batch are wanted. */
export class AccessChoice {
  readonly columns: readonly ColumnName[];
  readonly #part: Part;
  readonly #isWhole: boolean;
  #rows: Uint32Array = new Uint32Array(0);
  #wanted: Uint8Array = new Uint8Array(0);

  constructor(part: Part) {
    // The reader itself sees to these.
    const { ordinals: _ordinals, vcpu: _vcpu, ...others } = part.selection;
    this.#part = { ...part, selection: others };
    this.#isWhole = Object.values(others).every((criterion) => criterion === undefined);
    this.columns = this.#isWhole ? [] : selectionColumns(others);
  }

  /** 1 for each access that is wanted, those that did not complete among them; undefined: all are. */
  wantedOf(batch: AccessBatch): Uint8Array | undefined {
    if (this.#isWhole) return undefined;
    if (this.#rows.length < batch.length) {
      this.#rows = new Uint32Array(batch.length);
      this.#wanted = new Uint8Array(batch.length);
    }
    const rows = this.#rows;
    const wanted = this.#wanted;
    wanted.fill(0);
    const { selection, shape } = this.#part;
    const count = chooseRows(selection, shape, batch, true, rows);
    for (let k = 0; k < count; k++) wanted[rows[k]] = 1;
    return wanted;
  }
}

const TWO_32 = 2 ** 32;

/** Which block executions are wanted. To be told chunks and notes of CR3 in their places. */
export class RunChoice {
  readonly wantsNotes: boolean;
  readonly #part: Part;
  readonly #cr3Of = new Map<number, bigint>();

  constructor(part: Part) {
    this.#part = part;
    this.wantsNotes = part.selection.addressSpace !== undefined;
  }

  beginChunk({ vcpuStates }: ChunkInfo): void {
    this.#cr3Of.clear();
    for (const { vcpu, cr3 } of vcpuStates) this.#cr3Of.set(vcpu, cr3);
  }

  note(note: TraceNote): void {
    if (note.kind === 'cr3') this.#cr3Of.set(note.vcpu, note.cr3);
  }

  /** Whether the execution is of a vCPU that is wanted: only then its being left out is a gap. */
  isOfVcpu(batch: BlockBatch, b: number): boolean {
    const { vcpu } = this.#part.selection;
    return vcpu === undefined || batch.vcpu[b] === vcpu;
  }

  wants(batch: BlockBatch, b: number): boolean {
    const { selection, shape } = this.#part;
    const { icounts, cpl, addressSpace, code } = selection;
    const block = batch.id[b];
    if (!this.isOfVcpu(batch, b)) return false;
    if (cpl !== undefined && shape.blockCpl[block] !== cpl) return false;
    if (code !== undefined && code[shape.insnBase[block]] === 0) return false;
    if (icounts !== undefined) {
      const words = halves(batch.icount);
      const icount = words[2 * b + 1] * TWO_32 + words[2 * b];
      if (icount < icounts.begin || icount >= icounts.end) return false;
    }
    return (
      addressSpace === undefined || isOfSpace(addressSpace, this.#cr3Of.get(batch.vcpu[b]) ?? 0n)
    );
  }
}
