// SPDX-License-Identifier: Apache-2.0
// The audit as a consumer of block executions: each is compared with what its instructions should access.

import type { Consumer, TraceFacts } from '../engine/index.ts';
import { AccessFlag, type ChunkInfo, type ExecutionBatch, Origin } from '../format/index.ts';
import { type AccessColumns, accessColumns } from './access-columns.ts';
import { CHECK_FIELDS, countMismatches } from './address-program.ts';
import {
  type AuditPart,
  type AuditResult,
  addBlock,
  emptyPart,
  finishAudit,
  mergeParts,
} from './audit-result.ts';
import {
  type BlockAudit,
  beginBlockAudit,
  countWalks,
  requireFinding,
  shapeOf,
} from './block-audit.ts';
import { addCount, addFinding } from './finding.ts';
import { type ProfileSource, profileSource } from './instruction-profile.ts';
import type { Completion } from './match-instruction.ts';
import { type IterationPlan, matchIterations } from './match-iterations.ts';

export interface AuditState {
  readonly trace: TraceFacts;
  readonly source: ProfileSource;
  /** By block id. */
  readonly blocks: (BlockAudit | undefined)[];
  /** The last block execution of each stream: one past its position. */
  readonly streamEnds: ReadonlyMap<number, number>;
  readonly part: AuditPart;
  /** Chunk that icounts below belong to. */
  chunkIndex: number;
  /** By vCPU: low half of the icount that its next block execution has unless it continues a rep instruction. */
  readonly nextIcount: Map<number, number>;
}

export const instructionAudit: Consumer<AuditState, AuditPart, AuditResult> = {
  init: (trace) => ({
    trace,
    source: profileSource(),
    blocks: [],
    streamEnds: streamEnds(trace.chunks),
    part: emptyPart(),
    chunkIndex: -1,
    nextIcount: new Map(),
  }),
  consume,
  harvest,
  merge: mergeParts,
  finish: finishAudit,
};

function streamEnds(chunks: readonly ChunkInfo[]): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  for (const { stream, firstBlock, blockCount } of chunks) {
    ends.set(stream, Math.max(ends.get(stream) ?? 0, firstBlock + blockCount));
  }
  return ends;
}

function consume(state: AuditState, batch: ExecutionBatch): void {
  if (batch.chunkIndex !== state.chunkIndex) beginChunk(state, batch.chunkIndex);
  const { code } = state.trace;
  const { id, executed, accessBegin, accessBase, length } = batch;
  const icounts = new Uint32Array(batch.icount.buffer, batch.icount.byteOffset, 2 * length);
  const columns = accessColumns(batch);
  const streamEnd = state.streamEnds.get(batch.stream) ?? 0;
  for (let i = 0; i < length; i++) {
    const begin = accessBegin[i] - accessBase;
    const end = i + 1 < length ? accessBegin[i + 1] - accessBase : batch.accessCount;
    let block = state.blocks[id[i]];
    if (block === undefined) {
      block = beginBlockAudit(code, id[i], state.source);
      state.blocks[id[i]] = block;
    }
    state.part.accesses.all += end - begin;
    if (block.profiles.length === 0) {
      countReconstructed(state.part, columns, begin, end);
      continue;
    }
    const continues = (state.nextIcount.get(batch.vcpu[i]) ?? 0) !== icounts[2 * i];
    if (continues) requireFinding(block, 0).executions--;
    state.nextIcount.set(batch.vcpu[i], (icounts[2 * i] + executed[i]) >>> 0);
    const isLast = batch.firstBlock + i + 1 === streamEnd;
    auditExecution(state.part, block, columns, begin, end, executed[i], isLast);
  }
}

function beginChunk(state: AuditState, chunkIndex: number): void {
  state.chunkIndex = chunkIndex;
  state.nextIcount.clear();
  for (const { vcpu, icount } of state.trace.chunks[chunkIndex].vcpuStates) {
    state.nextIcount.set(vcpu, Number(icount & 0xffff_ffffn));
  }
}

function auditExecution(
  part: AuditPart,
  block: BlockAudit,
  columns: AccessColumns,
  begin: number,
  end: number,
  executed: number,
  isLast: boolean,
): void {
  const { repeated } = block;
  let prefixEnd = end;
  if (repeated !== undefined) {
    const last = block.profiles.length - 1;
    prefixEnd = begin;
    while (prefixEnd < end && columns.insn[prefixEnd] !== last) prefixEnd++;
    auditRepeated(part, block, repeated, columns, prefixEnd, end, executed, isLast);
  }
  const shape = shapeOf(block, columns, begin, prefixEnd, executed, isLast);
  shape.count++;
  part.accesses.pageWalk += shape.pageWalks;
  const { program } = shape;
  if (program.length === 0) return;
  part.addressesChecked += program.length / CHECK_FIELDS;
  countMismatches(program, columns.vaddr, begin, (index) => {
    addCount(block.addressMismatches, columns.insn[begin + index], 1);
  });
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
  addCount(block.addressMismatches, insn, match.addressMismatches);
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
  const kept: number[] = [];
  for (let i = begin; i < end; i++) {
    if ((columns.flags[i] & AccessFlag.origin) === 0) kept.push(i);
  }
  return {
    vaddr: Uint32Array.from(kept.flatMap((i) => [columns.vaddr[2 * i], columns.vaddr[2 * i + 1]])),
    size: Uint8Array.from(kept, (i) => columns.size[i]),
    flags: Uint8Array.from(kept, (i) => columns.flags[i]),
    insn: Uint16Array.from(kept, (i) => columns.insn[i]),
  };
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
  state.blocks.forEach((block, id) => {
    if (block !== undefined) addBlock(state.part, id, block);
  });
  return state.part;
}
