// SPDX-License-Identifier: Apache-2.0
// The only ways in which what was recorded may differ from what the code alone prescribes. Each is bounded:
// what it does not cover is unexplained. docs/instruction-audit.md has the same table.

export type RuleName =
  | 'split'
  | 'state-area'
  | 'faulted-attempt'
  | 'recording-ended'
  | 'ins-probe'
  | 'locked-neg';

export type InferenceName = 'iterations' | 'condition' | 'mask';

export interface RuleText {
  readonly what: string;
  readonly bound: string;
  readonly source: string;
}

/** Accesses recorded beyond those expected. */
export const RULES: Readonly<Record<RuleName, RuleText>> = {
  split: {
    what: 'QEMU makes several smaller accesses of one operand',
    bound: 'they lie side by side and together are the operand, each byte once',
    source:
      'a host load or store is of 1, 2, 4, 8 or 16 bytes; QEMU 7.2 has none of 16; target/i386/tcg/fpu_helper.c',
  },
  'state-area': {
    what: 'QEMU saves and restores a state area field by field',
    bound:
      'each access is a part of one field of the layout, none twice; a component is there whole or not at all, x87 always, MXCSR with SSE; only the pointers to the last x87 instruction, of which QEMU keeps nothing, and MXCSR_MASK on restoring may be left out',
    source:
      'SDM volume 1, 10.5 and 13.4; do_xsave_* and do_xrstor_* of target/i386/tcg/fpu_helper.c',
  },
  'faulted-attempt': {
    what: 'the instruction did not complete, and what it had accessed by then is marked aborted',
    bound:
      'only accesses marked aborted, of the one instruction that did not complete, and no more than it makes',
    source: 'docs/format.md 3.5, cut',
  },
  'recording-ended': {
    what: 'the recording ended inside the instruction',
    bound:
      'only the last block execution of a stream, and no more accesses than the instruction makes',
    source: 'docs/format.md 3.5, cut cause 5',
  },
  'ins-probe': {
    what: 'QEMU stores a zero before it reads the port, so that a page fault comes first',
    bound: 'one store of the same size and address for each iteration of INS',
    source: 'gen_ins of target/i386/tcg/translate.c',
  },
  'locked-neg': {
    what: 'QEMU loads the operand of LOCK NEG once more before it loops over compare and exchange',
    bound: 'one load of the same size and address',
    source: 'gen_NEG of target/i386/tcg/emit.c.inc',
  },
};

/** Accesses that are expected because they were recorded: how many there are is not in the code. */
export const INFERENCES: Readonly<Record<InferenceName, RuleText>> = {
  iterations: {
    what: 'iterations of a rep prefix: the count is in a register',
    bound:
      'all accesses of each iteration are there, in order, with the right sizes, and step by the size in one direction',
    source: 'SDM volume 2, REP',
  },
  condition: {
    what: 'accesses that depend on a selector, a descriptor or a privilege level',
    bound: 'each at most once in an execution, with its size, in its place among the others',
    source: 'SDM volume 3, chapters 3 and 6 to 8',
  },
  mask: {
    what: 'elements that a mask selects',
    bound: 'each element at most once, inside the operand',
    source:
      'SDM volume 2, MASKMOV, VMASKMOV, VPGATHER; the loads of VMASKMOV are of the whole operand in QEMU',
  },
};
