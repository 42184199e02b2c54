// SPDX-License-Identifier: Apache-2.0
// Why a trace may differ from the manual: rules (QEMU does it in another way, and the trace says so) and holes
// (an access is not in the trace). Guests name them; nothing else excuses a difference.

export interface Rule {
  /** QEMU versions to which it applies; '' is all of them. */
  readonly range: string;
  /**
   * How far the accesses may be from the manual's. 'more': all of the manual's are among them. 'attempt': an
   * aborted attempt more. 'order': the same bytes in another order. 'steps': other instructions, or another number
   * of them, as the statements say.
   */
  readonly allows: 'more' | 'attempt' | 'order' | 'steps';
  readonly reason: string;
  /** Where in QEMU it can be read. */
  readonly source: string;
}

export interface Hole {
  readonly range: string;
  readonly reason: string;
}

const KNOWN_RULES = {
  'lock-neg-loads-twice': {
    range: '',
    allows: 'more',
    reason: 'lock neg loads the operand before the loop of compare and exchange that does the work',
    source: 'target/i386/tcg/emit.c.inc, gen_NEG; translate.c in 7.2',
  },
  'redone-for-device': {
    range: '>=10',
    allows: 'attempt',
    reason:
      'an instruction that finds device memory in the middle of a block is begun again in a block of its own',
    source: 'accel/tcg/translate-all.c, cpu_io_recompile',
  },
} as const;

const KNOWN_HOLES = {
  'real-mode-exception': {
    range: '',
    reason: 'QEMU does not log exceptions in real mode, and no callback tells of them',
  },
} as const;

export type RuleName = keyof typeof KNOWN_RULES;
export type HoleName = keyof typeof KNOWN_HOLES;

export const RULES: Readonly<Record<RuleName, Rule>> = KNOWN_RULES;
export const HOLES: Readonly<Record<HoleName, Hole>> = KNOWN_HOLES;

export function isRuleName(text: string): text is RuleName {
  return Object.hasOwn(RULES, text);
}

export function isHoleName(text: string): text is HoleName {
  return Object.hasOwn(HOLES, text);
}
