// SPDX-License-Identifier: Apache-2.0
// What the audit keeps of one block of the code table. Most executions of a block make the same accesses, but
// for their addresses: such a shape is judged once, and then counted.

import { AccessFlag, type CodeTable, Origin } from '../format/index.ts';
import { cpuModeOfHflags } from '../isa/index.ts';
import { type AccessColumns, addressAt, KIND_FLAGS } from './access-columns.ts';
import { type AddressProgram, AddressTracker, countMismatches } from './address-program.ts';
import { addFinding, emptyFinding, type Finding } from './finding.ts';
import type { InstructionProfile, ProfileSource } from './instruction-profile.ts';
import { type Completion, matchInstruction, type RecordedAccess } from './match-instruction.ts';
import { type IterationPlan, iterationPlan } from './match-iterations.ts';
import type { ShapeBook } from './shape-book.ts';

/** A shape beyond so many of a block is judged each time: memory stays bounded by the code. */
const MAX_SHAPES = 64;

const CODE_FLAG_LAST_REP = 2;

/** What the accesses of some executions have in common, and what follows from it. */
export interface Shape {
  readonly executed: number;
  /** Of each access: see tagAt(). */
  readonly tags: Uint32Array;
  /** By instruction, as far as they ran. */
  readonly findings: readonly Finding[];
  /** Undefined when it is in the book. */
  program: AddressProgram | undefined;
  /** Accesses of page walks among them. */
  readonly pageWalks: number;
  /** In the book; -1: it is not kept. */
  number: number;
}

export interface BlockAudit {
  readonly vaddr: bigint;
  readonly profiles: readonly InstructionProfile[];
  /** Address behind each instruction. */
  readonly nextPcs: readonly bigint[];
  readonly codeBits: 16 | 32 | 64;
  /** Undefined: the last instruction does not repeat. */
  readonly repeated: IterationPlan | undefined;
  /** An instruction of it has several forms: which one an execution has, its addresses may decide. */
  readonly hasForms: boolean;
  readonly shapes: Shape[];
  /** Of executions that are in no shape, by instruction. */
  findings: Map<number, Finding> | undefined;
  /** By instruction. */
  addressMismatches: Map<number, number> | undefined;
  recent: Shape | undefined;
}

export function beginBlockAudit(code: CodeTable, id: number, source: ProfileSource): BlockAudit {
  const vaddr = code.vaddr(id);
  const bytes = code.bytes(id);
  const offsets = code.insnOffsets(id);
  const hflags = code.mode(id);
  const profiles: InstructionProfile[] = [];
  const nextPcs: bigint[] = [];
  for (let i = 0; i < offsets.length; i++) {
    const end = i + 1 < offsets.length ? offsets[i + 1] : bytes.length;
    profiles.push(source.profileOf(bytes.subarray(offsets[i], end), hflags));
    nextPcs.push(BigInt.asUintN(64, vaddr + BigInt(end)));
  }
  const last = profiles.at(-1);
  const repeats = last?.decoded?.isRepeated === true && (code.flags(id) & CODE_FLAG_LAST_REP) !== 0;
  return {
    vaddr,
    profiles,
    nextPcs,
    codeBits: hflags === undefined ? 64 : cpuModeOfHflags(hflags).codeBits,
    repeated: repeats ? iterationPlan(last, profiles.length - 1) : undefined,
    hasForms: profiles.some(({ otherForms }) => otherForms.length > 0),
    shapes: [],
    findings: undefined,
    addressMismatches: undefined,
    recent: undefined,
  };
}

/**
 * The shape of an execution: one that is known, or a new one, judged by this execution. Where instructions have
 * forms a known one must fit its addresses, too.
 */
export function shapeOf(
  book: ShapeBook,
  block: BlockAudit,
  columns: AccessColumns,
  begin: number,
  end: number,
  executed: number,
  mayEndRecording: boolean,
): Shape {
  const { recent } = block;
  const isKnown = (shape: Shape): boolean =>
    hasShape(shape, columns, begin, end, executed) &&
    (!block.hasForms || fits(book.programOf(shape.number), columns, begin));
  if (!mayEndRecording) {
    if (recent !== undefined && isKnown(recent)) return recent;
    for (const shape of block.shapes) {
      if (shape !== recent && isKnown(shape)) {
        block.recent = shape;
        return shape;
      }
    }
  }
  const shape = judge(block, columns, begin, end, executed, mayEndRecording);
  // One that does not fit its own addresses would be judged again: it is no use to others.
  const isKept = !block.hasForms || fits(shape.program ?? new Int32Array(), columns, begin);
  if (!mayEndRecording && isKept && block.shapes.length < MAX_SHAPES) {
    shape.number = book.add(shape.program ?? new Int32Array());
    shape.program = undefined;
    block.shapes.push(shape);
    block.recent = shape;
  } else {
    shape.findings.forEach((finding, insn) => {
      addFinding(requireFinding(block, insn), finding);
    });
  }
  return shape;
}

function hasShape(
  shape: Shape,
  columns: AccessColumns,
  begin: number,
  end: number,
  executed: number,
): boolean {
  const { tags } = shape;
  const { length } = tags;
  if (length !== end - begin || shape.executed !== executed) return false;
  for (let i = 0; i < length; i++) if (tags[i] !== tagAt(columns, begin + i)) return false;
  return true;
}

function fits(program: AddressProgram, { vaddr }: AccessColumns, begin: number): boolean {
  return countMismatches(program, 0, program.length, vaddr, begin) === 0;
}

/** All of an access but its address: instruction, size and kind. */
function tagAt({ insn, size, flags }: AccessColumns, index: number): number {
  return (insn[index] | (size[index] << 16) | ((flags[index] & KIND_FLAGS) << 24)) >>> 0;
}

export function requireFinding(block: BlockAudit, insn: number): Finding {
  block.findings ??= new Map();
  let finding = block.findings.get(insn);
  if (finding === undefined) {
    finding = emptyFinding();
    block.findings.set(insn, finding);
  }
  return finding;
}

export function addMismatches(block: BlockAudit, insn: number, count: number): void {
  if (count === 0) return;
  block.addressMismatches ??= new Map();
  block.addressMismatches.set(insn, (block.addressMismatches.get(insn) ?? 0) + count);
}

function judge(
  block: BlockAudit,
  columns: AccessColumns,
  begin: number,
  end: number,
  executed: number,
  mayEndRecording: boolean,
): Shape {
  const byInsn = groupByInsn(columns, begin, end);
  const findings: Finding[] = [];
  const tracker = new AddressTracker(block.codeBits);
  const { length } = block.profiles;
  // The rep instruction at the end is looked at iteration by iteration, elsewhere.
  const judged = block.repeated === undefined ? length : length - 1;
  for (let insn = 0; insn < judged && insn <= executed; insn++) {
    const recorded = byInsn.get(insn) ?? [];
    byInsn.delete(insn);
    if (insn === executed && recorded.length === 0) break;
    const profile = block.profiles[insn];
    const { finding, pieces } = matchInstruction(
      profile,
      recorded,
      completionOf(insn, executed, recorded, mayEndRecording),
    );
    findings.push(finding);
    tracker.addPieces(
      pieces.filter(({ index }) => !isPhysical(columns, begin + index)),
      block.nextPcs[insn],
    );
    if (profile.decoded !== undefined) tracker.addInstruction(profile.decoded);
  }
  // Instructions that did not begin: nothing of them may be there.
  for (const [insn, { length: extra }] of byInsn) {
    while (findings.length <= insn) findings.push(emptyFinding());
    findings[insn] = { ...emptyFinding(), recorded: extra, extra };
  }
  return {
    executed,
    tags: Uint32Array.from({ length: end - begin }, (_, i) => tagAt(columns, begin + i)),
    findings,
    program: tracker.finish(),
    pageWalks: countWalks(columns, begin, end),
    number: -1,
  };
}

function completionOf(
  insn: number,
  executed: number,
  recorded: readonly RecordedAccess[],
  mayEndRecording: boolean,
): Completion {
  if (insn < executed) return 'completed';
  const standsUnfinished = mayEndRecording && recorded.every(({ aborted }) => !aborted);
  return standsUnfinished ? 'recording-ended' : 'aborted';
}

function isPhysical({ flags }: AccessColumns, index: number): boolean {
  return (flags[index] & AccessFlag.physicalOnly) !== 0;
}

/** Accesses of page walks: they stand among those of instructions, and are not theirs. */
export function countWalks({ flags }: AccessColumns, begin: number, end: number): number {
  let walks = 0;
  for (let i = begin; i < end; i++) if ((flags[i] & AccessFlag.origin) !== 0) walks++;
  return walks;
}

function groupByInsn(
  columns: AccessColumns,
  begin: number,
  end: number,
): Map<number, RecordedAccess[]> {
  const groups = new Map<number, RecordedAccess[]>();
  for (let at = begin; at < end; at++) {
    const flags = columns.flags[at];
    if ((flags & AccessFlag.origin) !== Origin.instruction) continue;
    const insn = columns.insn[at];
    const group = groups.get(insn) ?? [];
    groups.set(insn, group);
    group.push({
      index: at - begin,
      store: (flags & AccessFlag.store) !== 0,
      bytes: columns.size[at],
      aborted: (flags & AccessFlag.aborted) !== 0,
      address: addressAt(columns, at),
    });
  }
  return groups;
}
