// SPDX-License-Identifier: Apache-2.0
// Block executions and accesses in one order: every instruction that ran, followed by the accesses it made.
// Two passes over a chunk go side by side, one for each; a block execution takes the accesses from its
// first one to that of the next.

import { halves, u64FromBigint } from '../base/index.ts';
import {
  type AccessBatch,
  AccessFlag,
  type BlockBatch,
  type ChunkInfo,
  type ColumnName,
  Origin,
  type Trace,
  type TraceNote,
} from '../format/index.ts';
import type { InstructionSites } from './instruction-sites.ts';
import type { LossCounts } from './losses.ts';
import { type CoveredOrdinals, type Part, RunChoice, type StreamRange } from './part.ts';
import { requireColumn } from './require-column.ts';

/** Columns of the accesses that a visitor is shown; 64-bit ones as halves. */
export interface ExecutionColumns {
  readonly vaddr: Uint32Array;
  readonly size: Uint8Array;
  readonly flags: Uint8Array;
  readonly insn: Uint16Array;
  /** There when the visitor wants it. */
  readonly paddr: Uint32Array;
}

export interface ExecutionVisitor {
  /** Event notes are wanted, and physical addresses; both cost time. */
  readonly wantsEvents: boolean;
  readonly wantsPaddr: boolean;
  /** What follows is of this chunk. */
  chunk(info: ChunkInfo): void;
  /** A block execution on this vCPU begins. */
  enter(vcpu: number): void;
  /** An instruction runs: it completes, or a part of its iterations does. */
  instruction(site: number): void;
  /** Access i, of that instruction; not aborted. */
  access(columns: ExecutionColumns, i: number): void;
  /** Access i, made by an event's delivery or by the MMU. */
  implicit(columns: ExecutionColumns, i: number): void;
  /** Block executions of this vCPU are left out from here on; the first begins at that address, as halves. */
  skip(vcpu: number, lo: number, hi: number): void;
  /** Between two block executions. */
  event(note: TraceNote): void;
}

/**
 * Yields now and then, for the visitor's buffers to be emptied: with the number of accesses that were seen. Adds to
 * `covered` what was visited of each stream.
 */
export async function* walkExecutions(
  trace: Trace,
  sites: InstructionSites,
  visitor: ExecutionVisitor,
  part: Part,
  ranges: readonly StreamRange[],
  losses: LossCounts,
  covered: CoveredOrdinals[],
): AsyncGenerator<number, void, undefined> {
  let seen = 0;
  for (const range of ranges) {
    const walk = new StreamWalk(trace, range, sites, visitor, part, losses);
    for await (const done of walk.run()) yield seen + done;
    seen += walk.seen;
    covered.push(walk.covered);
  }
}

const NO_COLUMNS: ExecutionColumns = {
  vaddr: new Uint32Array(0),
  size: new Uint8Array(0),
  flags: new Uint8Array(0),
  insn: new Uint16Array(0),
  paddr: new Uint32Array(0),
};

class StreamWalk {
  readonly #trace: Trace;
  readonly #range: StreamRange;
  readonly #sites: InstructionSites;
  readonly #visitor: ExecutionVisitor;
  readonly #part: Part;
  readonly #choice: RunChoice;
  /** vCPUs whose last execution was left out. */
  readonly #skipped = new Set<number>();
  readonly #losses: LossCounts;
  readonly #accesses: AsyncIterator<AccessBatch>;
  readonly #events: AsyncIterator<TraceNote> | undefined;
  #nextEvent: TraceNote | undefined;
  /** The batch of accesses, from `#at` on not visited; ordinal of access i is `#firstOrdinal + i`. */
  #columns: ExecutionColumns = NO_COLUMNS;
  #at = 0;
  #length = 0;
  #firstOrdinal = 0;
  /** Accesses so far. */
  seen = 0;
  /** The block execution that takes accesses; its first instruction, those that completed, the one begun last. */
  #base = 0;
  #executed = 0;
  #current = NONE;
  #isVisited = false;
  /** Ordinals from the first access of the first block execution, to that of the first one behind the range. */
  #coveredFrom = NONE;
  #coveredUntil = NONE;

  constructor(
    trace: Trace,
    range: StreamRange,
    sites: InstructionSites,
    visitor: ExecutionVisitor,
    part: Part,
    losses: LossCounts,
  ) {
    this.#trace = trace;
    this.#range = range;
    this.#sites = sites;
    this.#visitor = visitor;
    this.#part = part;
    this.#choice = new RunChoice(part);
    this.#losses = losses;
    const { stream, from } = range;
    const { signal } = part;
    const columns: ColumnName[] = ['vaddr', 'size', 'flags', 'insn'];
    if (visitor.wantsPaddr) columns.push('paddr');
    const abort = signal === undefined ? {} : { signal };
    const accesses = trace.accesses({ stream, from, columns, includeAborted: true, ...abort });
    this.#accesses = accesses[Symbol.asyncIterator]();
    const kinds = [
      ...(visitor.wantsEvents ? (['event'] as const) : []),
      ...(this.#choice.wantsNotes ? (['cr3'] as const) : []),
    ];
    this.#events =
      kinds.length === 0
        ? undefined
        : trace.notes({ stream, kinds, ...abort })[Symbol.asyncIterator]();
    this.#firstOrdinal = from;
  }

  async *run(): AsyncGenerator<number, void, undefined> {
    const { stream, from, to } = this.#range;
    const { signal } = this.#part;
    const first = this.#trace.chunks.find(
      (chunk) => chunk.stream === stream && chunk.firstOrdinal + chunk.accessCount > from,
    );
    if (first === undefined) return;
    await this.#pullEvent();
    let chunkIndex = NONE;
    const abort = signal === undefined ? {} : { signal };
    const batches = this.#trace.blocks({ stream, from: first.firstBlock, ...abort });
    try {
      for await (const batch of batches) {
        const info = this.#trace.chunks[batch.chunkIndex];
        const isNew = batch.chunkIndex !== chunkIndex;
        if (isNew && info !== undefined) this.#choice.beginChunk(info);
        for (let b = 0; b < batch.length; b++) {
          const begins = batch.firstAccess[b];
          if (begins < from) continue;
          while (!this.#takeAccesses(begins)) {
            if (!(await this.#pullAccesses())) break;
            yield this.seen;
          }
          this.#leave();
          if (this.#coveredFrom === NONE) this.#coveredFrom = begins;
          this.#coveredUntil = begins;
          if (begins >= to) return;
          const next = this.#nextEvent;
          if (next !== undefined && next.block <= batch.firstBlock + b) {
            await this.#tellEvents(batch.firstBlock + b);
          }
          if (batch.chunkIndex !== chunkIndex) {
            ({ chunkIndex } = batch);
            if (info !== undefined) this.#visitor.chunk(info);
          }
          this.#enter(batch, b);
        }
        yield this.seen;
      }
      while (!this.#takeAccesses(Number.POSITIVE_INFINITY)) {
        if (!(await this.#pullAccesses())) break;
        yield this.seen;
      }
      this.#leave();
      this.#coveredUntil = this.#firstOrdinal + this.#length;
      if (this.#coveredFrom === NONE) this.#coveredFrom = this.#coveredUntil;
    } finally {
      await this.#accesses.return?.();
      await this.#events?.return?.();
    }
  }

  get covered(): CoveredOrdinals {
    const { stream } = this.#range;
    return { stream, from: this.#coveredFrom, until: this.#coveredUntil };
  }

  #enter(batch: BlockBatch, b: number): void {
    const isWanted = this.#choice.wants(batch, b);
    if (!isWanted) this.#skip(batch, b);
    else if (this.#skipped.size > 0) this.#skipped.delete(batch.vcpu[b]);
    this.#isVisited = isWanted;
    this.#executed = batch.executed[b];
    this.#current = NONE;
    if (!isWanted) return;
    this.#base = this.#sites.baseOf(batch.id[b]);
    this.#visitor.enter(batch.vcpu[b]);
  }

  #skip(batch: BlockBatch, b: number): void {
    const vcpu = batch.vcpu[b];
    if (this.#skipped.has(vcpu) || !this.#choice.isOfVcpu(batch, b)) return;
    this.#skipped.add(vcpu);
    const vaddr = this.#trace.code.vaddr(batch.id[b]);
    const { lo, hi } = u64FromBigint(vaddr);
    this.#visitor.skip(vcpu, lo, hi);
  }

  /** Instructions behind the last access. */
  #leave(): void {
    if (this.#isVisited) this.#begin(this.#executed - 1);
    this.#isVisited = false;
  }

  /** All instructions up to that one run. */
  #begin(insn: number): void {
    while (this.#current < insn) {
      this.#current++;
      this.#visitor.instruction(this.#base + this.#current);
    }
  }

  /** Accesses below that ordinal; false when there may be more than the batch has. */
  #takeAccesses(end: number): boolean {
    const stop = Math.min(this.#length, end - this.#firstOrdinal);
    const columns = this.#columns;
    const { flags, insn } = columns;
    if (this.#isVisited) {
      for (let i = this.#at; i < stop; i++) {
        const flag = flags[i];
        if ((flag & (AccessFlag.aborted | AccessFlag.origin)) !== 0)
          this.#takeOdd(columns, i, flag);
        else {
          if (insn[i] > this.#current) this.#begin(insn[i]);
          this.#visitor.access(columns, i);
        }
      }
    }
    if (stop > this.#at) {
      this.seen = this.seen + stop - this.#at;
      this.#at = stop;
    }
    return end <= this.#firstOrdinal + this.#length;
  }

  #takeOdd(columns: ExecutionColumns, i: number, flag: number): void {
    if ((flag & AccessFlag.aborted) !== 0) {
      this.#losses.aborted++;
    } else {
      // Behind the instructions that ran before; a page walk is told before the access that it was for.
      if ((flag & AccessFlag.origin) === Origin.pageWalk) this.#begin(columns.insn[i] - 1);
      this.#visitor.implicit(columns, i);
    }
  }

  async #pullAccesses(): Promise<boolean> {
    const step = await this.#accesses.next();
    if (step.done === true) return false;
    const batch = step.value;
    this.#columns = {
      vaddr: halves(requireColumn(batch.vaddr, 'vaddr')),
      size: requireColumn(batch.size, 'size'),
      flags: requireColumn(batch.flags, 'flags'),
      insn: requireColumn(batch.insn, 'insn'),
      paddr: batch.paddr === undefined ? NO_COLUMNS.paddr : halves(batch.paddr),
    };
    this.#at = 0;
    this.#length = batch.length;
    this.#firstOrdinal = batch.firstOrdinal;
    return true;
  }

  async #pullEvent(): Promise<void> {
    const step = await this.#events?.next();
    this.#nextEvent = step === undefined || step.done === true ? undefined : step.value;
  }

  /** Tells events up to the block execution of this position; those between ones that are left out are passed over. */
  async #tellEvents(block: number): Promise<void> {
    const { vcpu } = this.#part.selection;
    while (this.#nextEvent !== undefined && this.#nextEvent.block <= block) {
      const event = this.#nextEvent;
      const isWanted = vcpu === undefined || event.vcpu === vcpu;
      if (event.kind === 'cr3') this.#choice.note(event);
      else if (isWanted && !this.#skipped.has(event.vcpu) && event.ordinal >= this.#range.from) {
        this.#visitor.event(event);
      }
      await this.#pullEvent();
    }
  }
}

const NONE = -1;
