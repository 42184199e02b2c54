// SPDX-License-Identifier: Apache-2.0
// Why a trace may differ from the manual: rules (QEMU does it in another way, and the trace says so) and holes
// (an access is not in the trace). Guests name them; nothing else excuses a difference.

import {
  QEMU_DIFFERENCES,
  QEMU_OMISSIONS,
  type QemuDifference,
  type QemuDifferenceName,
  UNKEPT_POINTERS,
} from '../isa/index.ts';

export interface Rule {
  /** Where it applies, as in version-range.ts. */
  readonly range: string;
  /**
   * How far the accesses may be from the manual's. Of one instruction: 'more', all of the manual's are among them;
   * 'order', the same bytes in another order; 'less', some of the manual's, for QEMU does not make the others at all. As a statement of its own: 'attempt', an aborted attempt more;
   * 'steps', the instructions that the statement says.
   */
  readonly allows: 'more' | 'less' | 'attempt' | 'order' | 'steps';
  readonly reason: string;
  /** Where in QEMU it can be read. */
  readonly source: string;
}

/** `besides`: what QEMUs of the range do at the same time. */
function difference(name: QemuDifferenceName, besides = ''): Pick<Rule, 'reason' | 'source'> {
  const { what, source } = QEMU_DIFFERENCES[name];
  return { reason: besides === '' ? what : `${what}; ${besides}`, source };
}

export interface Hole {
  readonly range: string;
  readonly reason: string;
}

const KNOWN_RULES = {
  'lock-load-before-fault': {
    range: 'single',
    allows: 'attempt',
    reason:
      'with one thread for all vCPUs LOCK is a load, then a store; the load has been made when the store faults',
    source: 'tcg/tcg-op-ldst.c, do_nonatomic_op_i32',
  },
  'neg-load-before-fault': {
    range: 'single',
    allows: 'attempt',
    reason: 'the load that comes before the loop of lock neg has been made when the store faults',
    source: 'target/i386/tcg: emit.c.inc, gen_NEG; in 7.2 translate.c',
  },
  'attempt-not-marked': {
    range: 'multi',
    allows: 'attempt',
    reason:
      'with a thread for each vCPU exceptions are not recorded, so that what an instruction did before one is not marked as aborted',
    source: 'docs/format.md, capability icount',
  },
  'redone-alone': {
    range: 'multi',
    allows: 'attempt',
    reason:
      'a LOCK that the host has no atomic instruction for is begun again while the other vCPUs stand still',
    source: 'accel/tcg/cputlb.c, atomic_mmu_lookup; cpu_exec_step_atomic',
  },
  'cmps-second-first': {
    range: '',
    allows: 'order',
    reason:
      'cmps loads the element at (E/R)DI first; no difference, for the manual does not say which load is the first, but the cases write that at (E/R)SI first',
    source: 'target/i386/tcg/translate.c, gen_cmps',
  },
  'pusha-lowest-first': {
    range: '',
    allows: 'order',
    reason:
      'pusha stores the registers from the lowest address up, DI first, where the manual has AX first',
    source: 'target/i386/tcg/translate.c, gen_pusha',
  },
  'redone-for-device': {
    range: '>=10',
    allows: 'attempt',
    reason:
      'an instruction that meets device memory in the middle of a block is begun again in a block of its own',
    source: 'accel/tcg/translate-all.c, cpu_io_recompile',
  },
  'redone-for-code': {
    range: '',
    allows: 'attempt',
    reason: 'an instruction that stores into its own block is begun again in a block of its own',
    source: 'accel/tcg: tb-maint.c, tb_invalidate_phys_page_range__locked',
  },
  'sti-shadow-over-jump': {
    range: '',
    allows: 'steps',
    reason:
      'when the instruction behind sti is a direct jump or call, interrupts are held off for one instruction more',
    source: 'target/i386/tcg/translate.c: HF_INHIBIT_IRQ is reset by gen_eob, not by gen_jmp_rel',
  },
  'root-accessed': {
    range: '',
    allows: 'more',
    reason:
      "QEMU sets an accessed bit in the root's entries of PAE, too, where the manual has a reserved bit",
    source: 'target/i386/tcg/sysemu/excp_helper.c, mmu_translate',
  },
  'gate-error-of-sixteens': {
    range: '<10',
    allows: 'steps',
    reason:
      'in long mode the error code of a gate that cannot be used has the vector times 16, not times 8',
    source: 'target/i386/tcg/seg_helper.c, do_interrupt64',
  },
  'x87-opcode-not-saved': {
    range: '<11',
    allows: 'less',
    reason:
      "QEMU does not keep x87's last opcode; it leaves that field as it is, and what is reserved beside the registers",
    source: 'target/i386/tcg/fpu_helper.c, do_xsave_fpu',
  },
  'mxcsr-only-with-sse': {
    range: '',
    allows: 'less',
    reason: 'QEMU takes MXCSR as a part of the SSE state alone, and not of the AVX state',
    source: 'target/i386/tcg/fpu_helper.c, do_xsave_access, do_xrstor',
  },
  'lldt-loads-12-bytes': {
    range: '',
    allows: 'less',
    reason:
      'of the 16 bytes of an LDT descriptor QEMU loads 12; in the others there is nothing but zeros',
    source: 'target/i386/tcg/seg_helper.c, helper_lldt',
  },
  'stores-before-fault': {
    range: '<10',
    allows: 'attempt',
    reason:
      'the fields of a state area are stored one after another, and a fault comes only in the second page',
    source: 'target/i386/tcg/fpu_helper.c; since QEMU 9.1 access_prepare looks at both pages first',
  },
  'parts-before-fault': {
    range: '',
    allows: 'attempt',
    reason:
      'a vector is loaded and stored in parts of 8 bytes, since QEMU 9.1 of 16, and a fault comes only in a later one',
    source: 'target/i386/tcg/translate.c, gen_ldy_env_A0, gen_sty_env_A0',
  },
  'mask-ignored-in-load': {
    range: '',
    allows: 'more',
    reason: 'vmaskmov loads the whole operand and then masks',
    source: 'target/i386/tcg/ops_sse.h, helper_vpmaskmovd_ymm',
  },
  'arpl-stores-always': {
    range: '',
    allows: 'more',
    reason: 'arpl stores its operand back when it has not changed it, too',
    source: 'target/i386/tcg: emit.c.inc, gen_ARPL; in 7.2 translate.c',
  },
  'bitmap-looked-at-again': {
    range: '<10',
    allows: 'more',
    reason:
      'the I/O permission bitmap is looked at for each element of a rep instruction, and once more when the count is 0',
    source: 'target/i386/tcg/translate.c, gen_check_io',
  },
  'step-after-last-element': {
    range: '>=10',
    allows: 'steps',
    reason:
      'with TF set, a rep string instruction traps after its last element and once more when it finds the count to be 0',
    source: 'target/i386/tcg/translate.c, do_gen_rep',
  },
} as const;

type SharedRuleName = QemuDifferenceName | 'x87-pointers-not-restored';

/** Those that the instruction audit and explain know, too. */
const SHARED_RULES: Readonly<Record<SharedRuleName, Rule>> = {
  'x87-pointers-not-restored': {
    range: '',
    allows: 'less',
    reason: UNKEPT_POINTERS.what,
    source: UNKEPT_POINTERS.source,
  },
  'lock-neg-loads-twice': {
    range: '',
    allows: 'more',
    ...difference('lock-neg-loads-twice'),
  },
  'ins-stores-zero-first': {
    range: '',
    allows: 'more',
    ...difference('ins-stores-zero-first'),
  },
  'insert-loads-whole': {
    range: '>=10 <11',
    allows: 'more',
    ...difference('insert-loads-whole'),
  },
  'scalar-fma-loads-16': {
    range: '',
    allows: 'more',
    ...difference('scalar-fma-loads-16'),
  },
  'task-switch-probes': {
    range: '<10',
    allows: 'more',
    ...difference('task-switch-probes', 'it loads 4 bytes for the T flag, too'),
  },
  'task-flag-in-four-bytes': {
    range: '>=10 <11',
    allows: 'more',
    ...difference('task-flag-in-four-bytes'),
  },
  'task-return-stores-flags-twice': {
    range: '>=10',
    allows: 'more',
    ...difference('task-return-stores-flags-twice', 'QEMU 10 loads 4 bytes for the T flag, too'),
  },
};

/** Differences that no case shows, for there is no access of the manual's to compare: explain and the audit know them. */
export const OUTSIDE_CASES: Readonly<Record<string, QemuDifference>> = {
  ...QEMU_OMISSIONS,
  'no-segment-limits': {
    what: 'an operand beyond the limit of its segment is accessed all the same, in 16- and 32-bit code; the manual has #GP, and #SS for SS',
    source: 'target/i386/tcg/translate.c, gen_lea_v_seg',
  },
  'page-before-canonical': {
    what: 'of an operand that reaches an address that is not canonical QEMU looks at each page by itself, so that a page fault of the first comes before #GP(0), and #GP(0) is what it has for SS, too; the manual has #GP(0), and #SS(0) for SS, before it looks at pages',
    source: 'target/i386/tcg/sysemu/excp_helper.c, get_physical_address; SDM volume 1, 3.3.7.1',
  },
};

const KNOWN_HOLES = {
  'first-fetch': {
    range: '<10',
    reason:
      'the accessed bits that the first fetch through new tables sets: QEMU 7.2 does not let a plugin read what CR3 is loaded with',
  },
  'device-dma': {
    range: '',
    reason:
      'what devices read and write by themselves (dma): no callback tells of it; the memory audit finds the writes',
  },
  'smm-state-save': {
    range: '',
    reason:
      'what entering SMM stores and rsm loads of the state save area: QEMU goes by physical addresses, and no callback tells of it; the memory audit finds the stores',
  },
  'nested-state': {
    range: '',
    reason:
      "what vmrun and leaving a nested guest store and load of the VMCB and the host's save area, beside the segment registers of vmrun: QEMU goes by physical addresses, and no callback tells of it; the memory audit finds the stores",
  },
  'permission-maps': {
    range: '',
    reason:
      "what in, out, ins, outs, rdmsr and wrmsr of a nested guest load of the host's I/O and MSR permission maps: QEMU goes by physical addresses, and no callback tells of it",
  },
  'nested-paging': {
    range: '',
    reason:
      'the accesses of event delivery in a nested guest with nested paging: where they go is not worked out',
  },
  'threads-hide-events': {
    range: 'multi',
    reason:
      "with a thread for each vCPU the order of QEMU's log and of accesses is not known: events are not recorded",
  },
} as const;

export type RuleName = keyof typeof KNOWN_RULES | SharedRuleName;
export type HoleName = keyof typeof KNOWN_HOLES;

export const RULES: Readonly<Record<RuleName, Rule>> = { ...KNOWN_RULES, ...SHARED_RULES };
export const HOLES: Readonly<Record<HoleName, Hole>> = KNOWN_HOLES;

export function isRuleName(text: string): text is RuleName {
  return Object.hasOwn(RULES, text);
}

export function isHoleName(text: string): text is HoleName {
  return Object.hasOwn(HOLES, text);
}
