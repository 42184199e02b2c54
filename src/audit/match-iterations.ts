// SPDX-License-Identifier: Apache-2.0
// A string instruction with a rep prefix: how many iterations there are the trace alone says; that each is
// whole and that they step through memory is checked. Runs over the columns: a memcpy has millions.

import { AccessFlag } from '../format/index.ts';
import { type AccessColumns, KIND_FLAGS } from './access-columns.ts';
import { addInferred, addRule, emptyFinding, type Finding } from './finding.ts';
import type { InstructionProfile } from './instruction-profile.ts';
import type { Completion } from './match-instruction.ts';
import type { RuleName } from './rules.ts';

interface IterationMember {
  readonly store: boolean;
  readonly bytes: number;
  readonly rule: RuleName | undefined;
}

export interface IterationPlan {
  /** Index of the instruction in its block. */
  readonly insn: number;
  /** Accesses of one iteration, in the order in which they are made. */
  readonly members: readonly IterationMember[];
  /** All at one address: the probe of INS and its store. */
  readonly isOneAddress: boolean;
  readonly addressBits: 16 | 32 | 64;
  /** Loads of the I/O permission bitmap that may come first. */
  readonly permissionLoads: number;
}

export interface IterationMatch {
  readonly finding: Finding;
  readonly addressesChecked: number;
  readonly addressMismatches: number;
}

export function iterationPlan(
  { loads, stores, decoded }: InstructionProfile,
  insn: number,
): IterationPlan {
  const members = [...loads, ...stores].filter(({ occurrence }) => occurrence === 'per-iteration');
  return {
    insn,
    members: members.map(({ direction, bytes, rule }) => ({
      store: direction === 'store',
      bytes,
      rule,
    })),
    isOneAddress: members.some(({ rule }) => rule === 'ins-stores-zero-first'),
    addressBits: members[0]?.address?.addressBits ?? 64,
    permissionLoads: (decoded?.accesses ?? []).filter(({ kind }) => kind === 'tss').length,
  };
}

/** Accesses begin to end of the columns, all of the one instruction. */
export function matchIterations(
  plan: IterationPlan,
  columns: AccessColumns,
  begin: number,
  end: number,
  completion: Completion | 'suspended',
): IterationMatch {
  const finding = emptyFinding();
  finding.executions = completion === 'completed' ? 1 : 0;
  finding.recorded = end - begin;
  const first = begin + permissionLoads(plan, columns, begin, end);
  if (completion === 'aborted' && (columns.flags[begin] & AccessFlag.aborted) !== 0) {
    addRule(finding, 'faulted-attempt', first - begin);
  } else {
    addInferred(finding, 'condition', first - begin);
    finding.expected += first - begin;
  }
  const fitting = fittingEnd(plan, columns, first, end, completion);
  finding.extra += end - fitting;
  countMembers(plan, columns, first, fitting, completion, finding);
  return { finding, ...checkSteps(plan, columns, first, fitting) };
}

function permissionLoads(
  plan: IterationPlan,
  { size, flags, vaddr }: AccessColumns,
  begin: number,
  end: number,
): number {
  const count = plan.permissionLoads;
  if (count === 0 || end - begin < count) return 0;
  for (let i = begin; i < begin + count; i++) {
    if (size[i] !== 2 || (flags[i] & AccessFlag.store) !== 0) return 0;
  }
  // A word string loads words itself, one behind the other. (Those of a bitmap's first ports may be so, too, when it
  // begins right behind the field that says where: then the third load is told as a wrong address.)
  const isWordString = plan.members.some(({ store, bytes }) => !store && bytes === 2);
  const distance = (vaddr[2 * begin + 2] - vaddr[2 * begin]) | 0;
  return isWordString && Math.abs(distance) === 2 ? 0 : count;
}

/** Behind the last access that is what its place in its iteration says. */
function fittingEnd(
  { members, insn: repeated }: IterationPlan,
  { size, flags, insn }: AccessColumns,
  begin: number,
  end: number,
  completion: Completion | 'suspended',
): number {
  const mayAbort = completion === 'aborted';
  let isAborted = false;
  let member = 0;
  for (let i = begin; i < end; i++) {
    const kind = flags[i] & KIND_FLAGS;
    const { store, bytes } = members[member];
    if ((kind & AccessFlag.aborted) !== 0) isAborted = true;
    const wanted = (store ? AccessFlag.store : 0) | (isAborted ? AccessFlag.aborted : 0);
    if (kind !== wanted || size[i] !== bytes || insn[i] !== repeated) return i;
    if (isAborted && !mayAbort) return i;
    member = member + 1 === members.length ? 0 : member + 1;
  }
  return end;
}

function countMembers(
  { members }: IterationPlan,
  { flags }: AccessColumns,
  begin: number,
  end: number,
  completion: Completion | 'suspended',
  finding: Finding,
): void {
  let aborted = 0;
  if (completion === 'aborted') {
    for (let i = end - 1; i >= begin && (flags[i] & AccessFlag.aborted) !== 0; i--) aborted++;
  }
  addRule(finding, 'faulted-attempt', aborted);
  const standing = end - begin - aborted;
  const iterations = Math.floor(standing / members.length);
  const rest = standing % members.length;
  for (const { rule } of members) {
    if (rule !== undefined) addRule(finding, rule, iterations);
    else {
      finding.expected += iterations;
      addInferred(finding, 'iterations', iterations);
    }
  }
  if (rest === 0) return;
  // An iteration that is not whole: what faulted goes on in the aborted ones, the limit stops anywhere.
  if (completion === 'recording-ended') addRule(finding, 'recording-ended', rest);
  else if (completion === 'aborted' && aborted > 0) addRule(finding, 'faulted-attempt', rest);
  else {
    finding.expected += members.length;
    finding.missing += members.length - rest;
    addInferred(finding, 'iterations', members.length);
  }
}

/** Each member of an iteration lies its size above, or below, the one of the iteration before. */
function checkSteps(
  { members, isOneAddress, addressBits }: IterationPlan,
  { vaddr }: AccessColumns,
  begin: number,
  end: number,
): Pick<IterationMatch, 'addressesChecked' | 'addressMismatches'> {
  const count = members.length;
  const bytes = members[0]?.bytes ?? 0;
  const mask = addressBits === 16 ? 0xffff : 0xffff_ffff;
  const usesHigh = addressBits === 64;
  const distance = (from: number, to: number): number => {
    const low = ((vaddr[2 * to] - vaddr[2 * from]) & mask) >>> 0;
    if (!usesHigh) return addressBits === 16 ? (low << 16) >> 16 : low | 0;
    const borrow = vaddr[2 * to] < vaddr[2 * from] ? 1 : 0;
    const high = (vaddr[2 * to + 1] - vaddr[2 * from + 1] - borrow) | 0;
    return high === 0 || high === -1 ? high * 2 ** 32 + low : Number.NaN;
  };
  let mismatches = 0;
  let checked = 0;
  if (isOneAddress) {
    for (let i = begin; i + 1 < end; i += count) {
      checked++;
      if (distance(i, i + 1) !== 0) mismatches++;
    }
  }
  const step = begin + count < end && distance(begin, begin + count) < 0 ? -bytes : bytes;
  const stepLow = step >>> 0;
  const stepHigh = step < 0 ? 0xffff_ffff : 0;
  for (let i = begin + count; i < end; i++) {
    const from = 2 * (i - count);
    const sum = vaddr[from] + stepLow;
    let isRight = ((sum ^ vaddr[2 * i]) & mask) === 0;
    if (usesHigh) {
      const high = vaddr[from + 1] + stepHigh + (sum > 0xffff_ffff ? 1 : 0);
      isRight &&= high >>> 0 === vaddr[2 * i + 1];
    }
    checked++;
    if (!isRight) mismatches++;
  }
  return { addressesChecked: checked, addressMismatches: mismatches };
}
