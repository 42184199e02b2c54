// SPDX-License-Identifier: Apache-2.0
// The only ways in which what was recorded may differ from what the code alone prescribes. Each is bounded:
// what it does not cover is unexplained. docs/instruction-audit.md has the same table.

export type RuleName =
  | 'split'
  | 'state-area'
  | 'faulted-attempt'
  | 'recording-ended'
  | 'ins-probe'
  | 'locked-neg'
  | 'scalar-fma-loads-16'
  | 'insert-loads-whole'
  | 'task-switch-probes'
  | 'task-flag-in-four-bytes'
  | 'task-return-stores-flags-twice';

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
      'each access is a part of one field of the layout, none twice; a component is there whole or not at all, x87 always, MXCSR with SSE; only the pointers to the last x87 instruction and its opcode, what is reserved beside the x87 registers, and MXCSR_MASK on restoring may be left out',
    source:
      'SDM volume 1, 8.1.10, 10.5 and 13.4; do_fldenv, do_xsave_* and do_xrstor_* of target/i386/tcg/fpu_helper.c',
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
  'scalar-fma-loads-16': {
    what: 'QEMU loads 16 bytes for the scalar forms of fused multiply-add, of which they use the first 4 or 8',
    bound:
      '16 bytes from the address of the operand, each once; they count here and not as expected',
    source: 'opcodes_0F38_00toEF of target/i386/tcg/decode-new.c.inc',
  },
  'insert-loads-whole': {
    what: 'QEMU 10 loads 32 bytes for VINSERTF128 and VINSERTI128, of which they use the first 16',
    bound:
      '32 bytes from the address of the operand, each once; they count here and not as expected',
    source: 'opcodes_0F3A of target/i386/tcg/decode-new.c.inc',
  },
  'task-switch-probes': {
    what: 'QEMU before 10 loads and stores the first and the last byte of the old TSS, so that no fault comes later',
    bound:
      'one load and one store of a byte at offsets 0 and 103 of the TSS that the state goes to',
    source: 'switch_tss_ra of target/i386/tcg/seg_helper.c',
  },
  'task-flag-in-four-bytes': {
    what: 'QEMU before 11 loads 4 bytes for the T flag of the new TSS',
    bound:
      '4 bytes from offset 100 of the TSS that the state comes from; they count here and not as expected',
    source: 'switch_tss_ra of target/i386/tcg/seg_helper.c',
  },
  'task-return-stores-flags-twice': {
    what: "QEMU stores the old task's flags, without NT, once more when IRET leads to another task",
    bound:
      'one store of 4 bytes at offset 36 of the TSS that the state goes to, behind its other fields',
    source: 'switch_tss_ra of target/i386/tcg/seg_helper.c',
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
    what: 'accesses that depend on a selector, a descriptor, a privilege level or a task',
    bound:
      'each at most once in an execution, with its size, in its place among the others; a gate, an outer or inner stack and a task are there whole or not at all',
    source: 'SDM volume 3, chapters 3 and 6 to 8',
  },
  mask: {
    what: 'elements that a mask selects',
    bound: 'each element at most once, inside the operand',
    source:
      'SDM volume 2, MASKMOV, VMASKMOV, VPGATHER; the loads of VMASKMOV are of the whole operand in QEMU',
  },
};
