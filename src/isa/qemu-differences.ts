// SPDX-License-Identifier: Apache-2.0
// Where QEMU's instructions access more than the manual prescribes, or nothing of it, for all who compare the two: each
// fact has one name. How far a comparison lets it go is that comparison's own.

import type { ArchitecturalAccess, DecodedInstruction } from './instruction.ts';

export interface QemuDifference {
  readonly what: string;
  /** Where in QEMU it can be read. */
  readonly source: string;
}

export type QemuDifferenceName =
  | 'ins-stores-zero-first'
  | 'lock-neg-loads-twice'
  | 'scalar-fma-loads-16'
  | 'insert-loads-whole'
  | 'task-switch-probes'
  | 'task-flag-in-four-bytes'
  | 'task-return-stores-flags-twice';

export const QEMU_DIFFERENCES: Readonly<Record<QemuDifferenceName, QemuDifference>> = {
  'ins-stores-zero-first': {
    what: 'ins stores 0 to its destination before it reads the port, so that a page fault comes first',
    source: 'target/i386/tcg/translate.c, gen_ins',
  },
  'lock-neg-loads-twice': {
    what: 'lock neg loads the operand before the loop of compare and exchange that does the work',
    source: 'target/i386/tcg: emit.c.inc, gen_NEG; in 7.2 translate.c',
  },
  'scalar-fma-loads-16': {
    what: 'the scalar forms of fused multiply-add load 16 bytes, of which they use the first 4 or 8',
    source: 'target/i386/tcg/decode-new.c.inc, opcodes_0F38_00toEF: VFMADD231Sx and the like',
  },
  'insert-loads-whole': {
    what: 'vinsertf128 and vinserti128 load 32 bytes, of which they use the first 16',
    source: 'target/i386/tcg/decode-new.c.inc, opcodes_0F3A: VINSERTx128',
  },
  'task-switch-probes': {
    what: 'a task switch loads and stores the first and the last byte of the old TSS, so that no fault comes later',
    source: 'target/i386/tcg/seg_helper.c, switch_tss_ra',
  },
  'task-flag-in-four-bytes': {
    what: 'a task switch loads 4 bytes for the T flag, of which it uses none',
    source: 'target/i386/tcg/seg_helper.c, switch_tss_ra',
  },
  'task-return-stores-flags-twice': {
    what: "iret to another task stores the old task's flags apart, without NT, and again with all else",
    source: 'target/i386/tcg/seg_helper.c, switch_tss_ra',
  },
};

/** What FLDENV, FRSTOR, FXRSTOR and XRSTOR leave out of what they load. */
export const UNKEPT_POINTERS: QemuDifference = {
  what: "QEMU does not load x87's last opcode and pointers, nor what is reserved beside the fields that it loads",
  source: 'target/i386/tcg/fpu_helper.c, do_fldenv, do_xrstor_fpu',
};

export type QemuOmissionName = 'does-nothing' | 'null-task-register';

/** Instructions that complete in QEMU without accesses that the manual prescribes, where the manual has an exception. */
export const QEMU_OMISSIONS: Readonly<Record<QemuOmissionName, QemuDifference>> = {
  'does-nothing': {
    what: 'QEMU 10 runs xsavec, xsaves, xrstors, vmptrld, vmptrst, vmclear and vmxon as nothing; no CPU that it emulates has them, and the manual has #UD',
    source: 'target/i386/tcg/translate.c, gen_multi0F, 0x1c7',
  },
  'null-task-register': {
    what: 'ltr takes a null selector, and reads no descriptor; the manual has #GP(0)',
    source: 'target/i386/tcg/seg_helper.c, helper_ltr',
  },
};

const RUN_AS_NOTHING = /^(?:xsavec|xsaves|xrstors)(?:64)?$|^vm(?:ptrld|ptrst|clear|xon)$/;

export interface QemuOmission {
  readonly name: QemuOmissionName;
  /** Those of the prescribed that are made all the same. */
  readonly made: readonly ArchitecturalAccess[];
}

/** Undefined: QEMU leaves out none of its accesses as a whole. */
export function qemuOmission({
  mnemonic,
  accesses,
}: Pick<DecodedInstruction, 'mnemonic' | 'accesses'>): QemuOmission | undefined {
  if (RUN_AS_NOTHING.test(mnemonic)) return { name: 'does-nothing', made: [] };
  if (mnemonic !== 'ltr') return undefined;
  return {
    name: 'null-task-register',
    made: accesses.filter(({ kind }) => kind !== 'descriptor'),
  };
}
