// SPDX-License-Identifier: Apache-2.0
// The audit as a consumer of block executions: each is compared with what its instructions should access.

import type {
  AccessColumns as BatchColumns,
  FreeAnalysis,
  RunColumns,
  TraceShape,
} from '../analysis/index.ts';
import { requireDefined } from '../base/index.ts';
import { AccessFlag, type ChunkInfo, Origin } from '../format/index.ts';
import { type AccessColumns, accessColumns } from './access-columns.ts';
import { type AddressProgram, CHECK_FIELDS, countMismatches } from './address-program.ts';
import {
  type AuditPart,
  type AuditResult,
  addBlock,
  emptyPart,
  finishAudit,
  mergeParts,
} from './audit-result.ts';
import {
  addMismatches,
  type BlockAudit,
  beginBlockAudit,
  countWalks,
  requireFinding,
  shapeOf,
} from './block-audit.ts';
import { addDeliveries, DeliveryAuditor } from './delivery-audit.ts';
import { addFinding } from './finding.ts';
import { type ProfileSource, profileSource } from './instruction-profile.ts';
import type { Completion } from './match-instruction.ts';
import { type IterationPlan, matchIterations } from './match-iterations.ts';
import { ShapeBook } from './shape-book.ts';

export interface AuditState {
  readonly trace: TraceShape;
  readonly source: ProfileSource;
  /** By block id. */
  readonly blocks: (BlockAudit | undefined)[];
  readonly book: ShapeBook;
  /** The last block execution of each stream: one past its position. */
  readonly streamEnds: ReadonlyMap<number, number>;
  readonly part: AuditPart;
  readonly deliveries: DeliveryAuditor;
  /** The chunk that what follows belongs to. */
  chunkIndex: number;
  /** By the chunk's numbers of shapes: those of the book, -1 when not known yet. */
  shapeNumbers: Int32Array;
}

/** There is nothing to choose. */
export type AuditParameters = Readonly<Record<string, never>>;

export const instructionAudit: FreeAnalysis<AuditParameters, AuditState, AuditResult, AuditPart> = {
  name: 'audit',
  order: 'any',
  columns: ['vaddr', 'size', 'flags', 'insn'],
  requires: ['mode'],
  runs: true,
  notes: ['event'],
  aborted: true,
  init,
  consume,
  harvest,
  merge: mergeParts,
  finish: finishAudit,
};

function init(_parameters: AuditParameters, trace: TraceShape): AuditState {
  return {
    trace,
    source: profileSource(),
    blocks: [],
    book: new ShapeBook(),
    streamEnds: streamEnds(trace.chunks),
    part: emptyPart(),
    deliveries: new DeliveryAuditor(trace.code),
    chunkIndex: -1,
    shapeNumbers: new Int32Array(4096),
  };
}

function streamEnds(chunks: readonly ChunkInfo[]): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  for (const { stream, firstBlock, blockCount } of chunks) {
    ends.set(stream, Math.max(ends.get(stream) ?? 0, firstBlock + blockCount));
  }
  return ends;
}

function consume(state: AuditState, batch: BatchColumns): void {
  const chunkIndex = requireDefined(batch.chunkIndex, 'batches of a trace have it');
  if (chunkIndex !== state.chunkIndex) beginChunk(state, chunkIndex);
  const runs = requireDefined(batch.runs, 'asked for');
  const stretch = {
    columns: accessColumns(batch),
    length: batch.length,
    runs,
    stream: batch.stream ?? 0,
    streamEnd: state.streamEnds.get(batch.stream ?? 0) ?? 0,
  };
  state.deliveries.beginSlice(batch);
  const { shape, firstAccess } = runs;
  const { vaddr } = stretch.columns;
  let { counts, programBegin, checks } = state.book;
  let { shapeNumbers } = state;
  for (let i = 0; i < runs.length; i++) {
    // What is known of the shape holds for each execution of it that fits; its addresses are its own.
    const number = shape[i] === 0 || shape[i] >= shapeNumbers.length ? -1 : shapeNumbers[shape[i]];
    if (number < 0) {
      auditExecution(state, stretch, i);
      ({ counts, programBegin, checks } = state.book);
      ({ shapeNumbers } = state);
      continue;
    }
    counts[number]++;
    const from = programBegin[number];
    const to = programBegin[number + 1];
    if (from === to) continue;
    const begin = firstAccess[i];
    if (countMismatches(checks, from, to, vaddr, begin) > 0) {
      const block = requireBlock(state, runs.block[i]);
      if (block.hasForms) {
        // It may have the accesses of another form, which differ in nothing but where they are.
        counts[number]--;
        auditExecution(state, stretch, i);
        ({ counts, programBegin, checks } = state.book);
        ({ shapeNumbers } = state);
      } else {
        noteMismatches(block, state.book.programOf(number), stretch.columns, begin);
      }
    }
  }
  state.part.accesses.all += batch.length;
}

/** Whole block executions with all of their accesses. */
interface Executions {
  readonly columns: AccessColumns;
  /** Accesses. */
  readonly length: number;
  readonly runs: RunColumns;
  readonly stream: number;
  /** Block executions of the whole stream. */
  readonly streamEnd: number;
}

function beginChunk(state: AuditState, chunkIndex: number): void {
  state.chunkIndex = chunkIndex;
  state.shapeNumbers.fill(-1);
  state.deliveries.endChunk();
}

function requireBlock(state: AuditState, id: number): BlockAudit {
  let block = state.blocks[id];
  if (block === undefined) {
    block = beginBlockAudit(state.trace.code, id, state.source);
    state.blocks[id] = block;
  }
  return block;
}

/** One execution, looked at access by access. */
function auditExecution(
  state: AuditState,
  { columns, length, runs, stream, streamEnd }: Executions,
  i: number,
): void {
  const { part, book } = state;
  const begin = runs.firstAccess[i];
  const end = i + 1 < runs.length ? runs.firstAccess[i + 1] : length;
  const block = requireBlock(state, runs.block[i]);
  if (block.profiles.length === 0) {
    countReconstructed(part, columns, begin, end);
    const place = { stream, execution: runs.firstBlock + i, block: runs.block[i] };
    state.deliveries.take(place, columns, begin, end, i + 1 === runs.length);
    return;
  }
  const executed = runs.executed[i];
  const isLast = runs.firstBlock + i + 1 === streamEnd;
  const mayEndRecording = isLast && executed < block.profiles.length;
  const { repeated } = block;
  let prefixEnd = end;
  if (repeated !== undefined) {
    const last = block.profiles.length - 1;
    prefixEnd = begin;
    while (prefixEnd < end && columns.insn[prefixEnd] !== last) prefixEnd++;
    // What goes on counts when it completes, once.
    if (runs.continues[i] !== 0) requireFinding(block, 0).executions--;
    auditRepeated(part, block, repeated, columns, prefixEnd, end, executed, mayEndRecording);
  }
  const shape = shapeOf(book, block, columns, begin, prefixEnd, executed, mayEndRecording);
  const program = shape.program ?? book.programOf(shape.number);
  noteMismatches(block, program, columns, begin);
  if (shape.number < 0) {
    part.addressesChecked += program.length / CHECK_FIELDS;
    part.accesses.pageWalk += shape.pageWalks;
    return;
  }
  book.counts[shape.number]++;
  if (repeated === undefined && runs.shape[i] !== 0) knowShape(state, runs.shape[i], shape.number);
}

function knowShape(state: AuditState, inChunk: number, inBook: number): void {
  const { length } = state.shapeNumbers;
  if (inChunk >= length) {
    const larger = new Int32Array(Math.max(inChunk + 1, length * 2)).fill(-1);
    larger.set(state.shapeNumbers);
    state.shapeNumbers = larger;
  }
  state.shapeNumbers[inChunk] = inBook;
}

function noteMismatches(
  block: BlockAudit,
  program: AddressProgram,
  { vaddr, insn }: AccessColumns,
  begin: number,
): void {
  for (let check = 0; check < program.length; check += CHECK_FIELDS) {
    if (countMismatches(program, check, check + CHECK_FIELDS, vaddr, begin) === 0) continue;
    addMismatches(block, insn[begin + program[check]], 1);
  }
}

function auditRepeated(
  part: AuditPart,
  block: BlockAudit,
  plan: IterationPlan,
  columns: AccessColumns,
  begin: number,
  end: number,
  executed: number,
  isLast: boolean,
): void {
  const insn = block.profiles.length - 1;
  const walks = countWalks(columns, begin, end);
  part.accesses.pageWalk += walks;
  if (end - begin === walks && executed <= insn) return;
  if (executed < insn) {
    requireFinding(block, insn).recorded += end - begin - walks;
    requireFinding(block, insn).extra += end - begin - walks;
    return;
  }
  const own = walks === 0 ? columns : withoutWalks(columns, begin, end);
  const from = walks === 0 ? begin : 0;
  const to = from + end - begin - walks;
  const match = matchIterations(
    plan,
    own,
    from,
    to,
    completionOf(own, from, to, executed > insn, isLast),
  );
  addFinding(requireFinding(block, insn), match.finding);
  part.addressesChecked += match.addressesChecked;
  addMismatches(block, insn, match.addressMismatches);
}

function completionOf(
  { flags }: AccessColumns,
  begin: number,
  end: number,
  isCompleted: boolean,
  isLast: boolean,
): Completion | 'suspended' {
  if (isCompleted) return 'completed';
  if (end > begin && (flags[end - 1] & AccessFlag.aborted) !== 0) return 'aborted';
  return isLast ? 'recording-ended' : 'suspended';
}

/** Copies, from index 0. */
function withoutWalks(columns: AccessColumns, begin: number, end: number): AccessColumns {
  const vaddr = columns.vaddr.slice(2 * begin, 2 * end);
  const size = columns.size.slice(begin, end);
  const flags = columns.flags.slice(begin, end);
  const insn = columns.insn.slice(begin, end);
  let kept = 0;
  for (let i = 0; i < flags.length; i++) {
    if ((flags[i] & AccessFlag.origin) !== 0) continue;
    vaddr[2 * kept] = vaddr[2 * i];
    vaddr[2 * kept + 1] = vaddr[2 * i + 1];
    size[kept] = size[i];
    flags[kept] = flags[i];
    insn[kept] = insn[i];
    kept++;
  }
  return { vaddr, size, flags, insn };
}

/** Accesses of an event's delivery, page walks among them. */
function countReconstructed(
  part: AuditPart,
  { flags }: AccessColumns,
  begin: number,
  end: number,
): void {
  const delivered = Origin.eventDelivery;
  for (let i = begin; i < end; i++) {
    if ((flags[i] & AccessFlag.origin) === delivered) part.accesses.eventDelivery++;
    else part.accesses.pageWalk++;
  }
}

function harvest(state: AuditState): AuditPart {
  state.deliveries.endChunk();
  addDeliveries(state.part.deliveries, state.deliveries.tally);
  state.blocks.forEach((block, id) => {
    if (block !== undefined) addBlock(state.part, id, block, state.book);
  });
  return state.part;
}
