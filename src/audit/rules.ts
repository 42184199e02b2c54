// SPDX-License-Identifier: Apache-2.0
// The only ways in which what was recorded may differ from what the code alone prescribes. Each is bounded:
// what it does not cover is unexplained. docs/instruction-audit.md has the same table.

import {
  QEMU_DIFFERENCES,
  QEMU_OMISSIONS,
  type QemuDifference,
  type QemuDifferenceName,
  type QemuOmissionName,
} from '../isa/index.ts';

export type RuleName =
  | 'split'
  | 'state-area'
  | 'faulted-attempt'
  | 'recording-ended'
  | QemuDifferenceName;

export type InferenceName = 'iterations' | 'condition' | 'mask';

/** What it is, how far it goes, and where that can be read. */
export interface RuleText extends QemuDifference {
  readonly bound: string;
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
  'ins-stores-zero-first': {
    ...QEMU_DIFFERENCES['ins-stores-zero-first'],
    bound: 'one store of the same size and address for each iteration of INS',
  },
  'lock-neg-loads-twice': {
    ...QEMU_DIFFERENCES['lock-neg-loads-twice'],
    bound: 'one load of the same size and address',
  },
  'scalar-fma-loads-16': {
    ...QEMU_DIFFERENCES['scalar-fma-loads-16'],
    bound:
      '16 bytes from the address of the operand, each once; they count here and not as expected',
  },
  'insert-loads-whole': {
    ...QEMU_DIFFERENCES['insert-loads-whole'],
    bound:
      '32 bytes from the address of the operand, each once; they count here and not as expected',
  },
  'task-switch-probes': {
    ...QEMU_DIFFERENCES['task-switch-probes'],
    bound:
      'one load and one store of a byte at offset 0 and at the last one, 103 or 43, of the TSS that the state goes to',
  },
  'task-flag-in-four-bytes': {
    ...QEMU_DIFFERENCES['task-flag-in-four-bytes'],
    bound:
      '4 bytes from offset 100 of the TSS that the state comes from; they count here and not as expected',
  },
  'task-return-stores-flags-twice': {
    ...QEMU_DIFFERENCES['task-return-stores-flags-twice'],
    bound:
      'one store of the flags, 4 bytes at offset 36 or 2 at offset 16, of the TSS that the state goes to, behind its other fields',
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
    bound:
      'each element at most once, inside the operand; of a gather anywhere, for the addresses are in registers',
    source:
      'SDM volume 2, MASKMOV, VMASKMOV, VPGATHER; the loads of VMASKMOV are of the whole operand in QEMU',
  },
};

/** Accesses that are not expected because QEMU makes none of them. Executions are counted. */
export const OMISSIONS: Readonly<Record<QemuOmissionName, RuleText>> = {
  'does-nothing': {
    ...QEMU_OMISSIONS['does-nothing'],
    bound: 'an execution of these that completed and has no access at all',
  },
  'null-task-register': {
    ...QEMU_OMISSIONS['null-task-register'],
    bound:
      'ltr that completed without any access to the descriptor; that the selector was null is not in a trace, so that the loss of all of them at once would not be noticed',
  },
};
