// SPDX-License-Identifier: Apache-2.0
// Whether the trace has what the instruction did. Pure.

import { assertNever } from '../base/index.ts';
import type { Access } from '../guests/index.ts';
import {
  QEMU_OMISSIONS,
  type QemuDifference,
  type QemuOmissionName,
  qemuOmission,
  UNKEPT_POINTERS,
} from '../isa/index.ts';
import { type Comparison, compareAccesses, describeUncut, type SeenAccess } from './compare.ts';
import type { ExpectedAccess } from './expected.ts';
import type { Fate } from './guest-image.ts';
import { GENERAL_PROTECTION, type ManualFault } from './manual-faults.ts';
import type { RecordedWork } from './recorded.ts';

/**
 * - complete: every architectural access was observed, and nothing else
 * - complete-reconstructed: the same, and what no callback reports was worked out by the recorder
 * - more: besides, accesses that QEMU makes and the architecture does not prescribe
 * - less: QEMU leaves out accesses that the manual prescribes, by a rule; all that it made are in the trace
 * - incomplete: something is not in the trace
 * - faulted: the instruction did not complete
 * - not-recorded: this QEMU cannot be recorded that way
 */
export type VerdictName =
  | 'complete'
  | 'complete-reconstructed'
  | 'more'
  | 'less'
  | 'incomplete'
  | 'faulted'
  | 'not-recorded';

export interface Verdict {
  readonly verdict: VerdictName;
  readonly reason: string;
  readonly remarks: readonly string[];
  /** The trace lacks something, or has what neither the manual nor a rule accounts for. */
  readonly isDifferent: boolean;
  /** Of the exception that the manual has where QEMU has none or another. */
  readonly manualVector?: number;
}

/** Accesses of QEMU's own, by instruction. */
interface ExtraRule {
  readonly name: string;
  readonly mnemonic: RegExp;
  readonly direction: 'load' | 'store';
  readonly why: string;
}

const EXTRA_RULES: readonly ExtraRule[] = [
  {
    name: 'store before the port is read',
    mnemonic: /^(?:rep )?ins[bwd]$/,
    direction: 'store',
    why: 'QEMU stores a zero first, so that a page fault comes before the device is read (gen_ins, target/i386/tcg/translate.c)',
  },
  {
    name: 'masked lanes are loaded',
    mnemonic: /^vp?maskmov(?:ps|pd|d|q)$/,
    direction: 'load',
    why: 'QEMU loads the whole vector and then applies the mask (target/i386/tcg/emit.c.inc)',
  },
  {
    name: 'the operand of lock neg is loaded twice',
    mnemonic: /^neg$/,
    direction: 'load',
    why: 'QEMU loads it once, then goes into a compare-and-exchange loop (gen_NEG, target/i386/tcg/emit.c.inc)',
  },
  {
    name: 'reserved bytes of the x87 registers are stored',
    mnemonic: /^f?xsave(?:64|opt|opt64)?$/,
    direction: 'store',
    why: 'QEMU 11 fills the 16 bytes of each register, of which the manual reserves 6 (seen on 11.1)',
  },
];

/** Trap T15 of docs/qemu-traps.md. */
const UNCUT_ELEMENTS =
  'it does not cut the address of an element to 32 bits (target/i386/ops_sse.h; 11.1 does for gathers)';

/** The manual: AX first, from the highest address down. */
const PUSHA_ORDER =
  'QEMU stores from the lowest address up, DI first, where the manual has AX first: the same bytes in another order (gen_pusha, target/i386/tcg/translate.c)';

/** gen_cmps() in target/i386/tcg/translate.c takes es:rdi first. */
const UNORDERED = 'the manual does not say which of the two loads comes first';

export interface Evidence {
  readonly mnemonic: string;
  readonly fate: Fate;
  readonly expected: readonly ExpectedAccess[];
  readonly recorded: RecordedWork;
  /** What it needs of CPUID and the guest's CPU does not have. */
  readonly lacking: readonly string[];
  /** For where its operands lie. */
  readonly manualFault: ManualFault | undefined;
  /** The operand of ltr is a null selector. */
  readonly isNullTask: boolean;
  /** Interrupts and exceptions are recorded: not with one thread for each vCPU. */
  readonly hasEvents: boolean;
}

export function judge(evidence: Evidence): Verdict {
  const { fate, manualFault } = evidence;
  const verdict = judgeFate(evidence);
  // A double fault comes of it with either: the stack that is not there, too.
  const isSame =
    fate.kind === 'faulted' && [manualFault?.vector, DOUBLE_FAULT].includes(fate.vector);
  if (manualFault === undefined || isSame) return verdict;
  const { vector, why } = manualFault;
  const told = `the manual has ${exceptionName(vector)}${fate.kind === 'faulted' ? ' instead' : ''}: ${why}`;
  const result = { ...verdict, manualVector: vector };
  return verdict.verdict.startsWith('complete')
    ? { ...result, verdict: 'more', reason: `${told}; the trace has what it did instead` }
    : withRemark(result, told);
}

function judgeFate(evidence: Evidence): Verdict {
  const { fate, recorded } = evidence;
  switch (fate.kind) {
    case 'faulted':
      return {
        verdict: 'faulted',
        reason: describeFault(fate, evidence),
        remarks: uncutFaults(fate, evidence),
        isDifferent: false,
      };
    case 'no-report':
      if (fate.why === 'end') {
        return incomplete('the machine ended at it: a reset, a triple fault or a shutdown', []);
      }
      return withRemark(judgeAccesses(evidence), describeStandstill(evidence));
    case 'left': {
      const verdict = judgeAccesses(evidence);
      return withRemark(verdict, `it went on at 0x${fate.target.toString(16)}, where no code is`);
    }
    case 'interrupt': {
      const verdict = judgeAccesses(evidence);
      if (recorded.event?.delivered === true) return verdict;
      const what = `the delivery of interrupt ${fate.vector} is not in the trace`;
      return incomplete(`${what}: ${whyNotDelivered(evidence)}`, verdict.remarks);
    }
    case 'completed':
      return judgeAccesses(evidence);
    default:
      return assertNever(fate);
  }
}

function judgeAccesses(evidence: Evidence): Verdict {
  const { recorded, expected, mnemonic } = evidence;
  const done = recorded.accesses.filter(({ aborted }) => !aborted);
  const seen = done
    .filter(({ origin }) => origin === 'instruction')
    .map(({ store, vaddr, size }) => ({
      direction: store ? ('store' as const) : ('load' as const),
      address: vaddr,
      bytes: size,
    }));
  const compared = compareAccesses(expected, seen);
  const { missing, elsewhere, extra } = compared;
  const remarks = [...compared.remarks, ...remarksOnOrder(mnemonic, expected.length)];
  const omission = omissionOf(evidence, seen);
  if (omission !== undefined) {
    const manualVector = omission === 'does-nothing' ? INVALID_OPCODE : GENERAL_PROTECTION;
    return { ...less(QEMU_OMISSIONS[omission], []), manualVector };
  }
  if (missing.length > 0 || elsewhere.length > 0) {
    return incomplete(describeMissing(compared), remarks);
  }
  const isPortIo = /^(?:rep )?(?:in|out)(?:s[bwd])?$/.test(mnemonic);
  if (isPortIo && recorded.ports.length === 0) {
    return incomplete('its port I/O is not in the trace', remarks);
  }
  if (extra.load > 0 || extra.store > 0) {
    const isDifferent = DIRECTIONS.some(
      (direction) => extra[direction] > 0 && extraRule(mnemonic, direction) === undefined,
    );
    return { verdict: 'more', reason: describeExtra(mnemonic, extra), remarks, isDifferent };
  }
  if (compared.isUnkept) return less(UNKEPT_POINTERS, remarks);
  const reconstructed = done.filter(isReconstructed);
  if (reconstructed.length > 0) {
    return {
      verdict: 'complete-reconstructed',
      reason: `every architectural access is in the trace; ${describeReconstructed(reconstructed)}`,
      remarks,
      isDifferent: false,
    };
  }
  const reason =
    seen.length === 0
      ? `it accesses no memory, and no access was recorded${isPortIo ? '; its port I/O is in the trace' : ''}`
      : 'every architectural access was observed, and nothing else';
  return { verdict: 'complete', reason, remarks, isDifferent: false };
}

function remarksOnOrder(mnemonic: string, accesses: number): string[] {
  if (/cmps[bwdq]$/.test(mnemonic) && accesses === 2) return [UNORDERED];
  return /^pusha[wd]?$/.test(mnemonic) ? [PUSHA_ORDER] : [];
}

/** Undefined: it is not, as a whole, one that QEMU leaves out. */
function omissionOf(
  { mnemonic, expected, isNullTask }: Evidence,
  seen: readonly SeenAccess[],
): QemuOmissionName | undefined {
  const accesses = expected.map(({ access }) => access);
  const omission = qemuOmission({ mnemonic, accesses });
  if (omission === undefined) return undefined;
  if (omission.name === 'null-task-register' && !isNullTask) return undefined;
  const made = expected.filter(({ access }) => omission.made.includes(access));
  const { missing, extra } = compareAccesses(made, seen);
  return missing.length + extra.load + extra.store > 0 ? undefined : omission.name;
}

function less({ what, source }: QemuDifference, remarks: readonly string[]): Verdict {
  const reason = `the trace has all that QEMU accessed, which is less than the manual prescribes: ${what} (${source})`;
  return { verdict: 'less', reason, remarks, isDifferent: false };
}

function incomplete(reason: string, remarks: readonly string[]): Verdict {
  return { verdict: 'incomplete', reason, remarks, isDifferent: true };
}

function withRemark(verdict: Verdict, remark: string): Verdict {
  return { ...verdict, remarks: [...verdict.remarks, remark] };
}

export function isReconstructed({ origin }: Access): boolean {
  return origin !== 'instruction';
}

function describeReconstructed(accesses: readonly Access[]): string {
  const walks = accesses.filter(({ origin }) => origin === 'pageWalk').length;
  const deliveries = accesses.length - walks;
  return [
    ...(deliveries > 0 ? [`${deliveries} of the delivery are reconstructed`] : []),
    ...(walks > 0 ? [`${walks} of the page walk ${walks === 1 ? 'is' : 'are'} reconstructed`] : []),
  ].join(', ');
}

/** More runs than QEMU needs to do an instruction again. */
const LOOPS_FROM = 100;

function describeStandstill({ mnemonic, recorded: { runs } }: Evidence): string {
  // QEMU 7.2 begins a block for each iteration of a string instruction.
  return runs < LOOPS_FROM || mnemonic.startsWith('rep')
    ? 'nothing ran behind it within the time limit'
    : `an endless loop: it led to itself ${runs} times, until recording was ended; the first time counts`;
}

const DIRECTIONS = ['load', 'store'] as const;

function extraRule(mnemonic: string, direction: ExtraRule['direction']): ExtraRule | undefined {
  return EXTRA_RULES.find((one) => one.direction === direction && one.mnemonic.test(mnemonic));
}

function describeMissing({ missing, elsewhere }: Comparison): string {
  return [
    ...(missing.length > 0 ? [`the trace lacks ${missing.join('; ')}`] : []),
    ...(elsewhere.length > 0
      ? [
          `QEMU itself makes ${elsewhere.join(', ')}, and so the trace has ${elsewhere.length === 1 ? 'it' : 'them'}: ${UNCUT_ELEMENTS}`,
        ]
      : []),
  ].join('; ');
}

/** Page faults of elements that QEMU looks for elsewhere than is prescribed. */
function uncutFaults(
  { vector }: Extract<Fate, { kind: 'faulted' }>,
  { expected, recorded: { event } }: Evidence,
): string[] {
  if (vector !== PAGE_FAULT || event?.vector !== PAGE_FAULT) return [];
  const isThere = (begin: bigint, bytes: number): boolean =>
    begin <= event.cr2 && event.cr2 < begin + BigInt(bytes);
  return expected.flatMap((one) => {
    const bytes = one.access.elements?.bytes ?? 0;
    return (one.selected ?? [])
      .filter(({ address, uncut }) => uncut !== address && isThere(uncut, bytes))
      .map(
        (element) =>
          `QEMU itself makes ${describeUncut(one, element)}, and faults there: ${UNCUT_ELEMENTS}`,
      );
  });
}

const PAGE_FAULT = 14;

function describeExtra(mnemonic: string, extra: Comparison['extra']): string {
  const found = DIRECTIONS.flatMap((direction) => {
    if (extra[direction] === 0) return [];
    const rule = extraRule(mnemonic, direction);
    const bytes = extra[direction];
    const size = `${bytes} ${bytes === 1 ? 'byte' : 'bytes'} beyond the manual ${bytes === 1 ? 'is' : 'are'} ${direction === 'load' ? 'loaded' : 'stored'}`;
    return [
      rule === undefined
        ? `${size}, and no rule explains it`
        : `${size}: ${rule.name}; ${rule.why}`,
    ];
  });
  return found.join('; ');
}

function describeFault(
  { vector, errorCode }: Extract<Fate, { kind: 'faulted' }>,
  evidence: Evidence,
): string {
  const error = errorCode === undefined ? '' : `, error code 0x${errorCode.toString(16)}`;
  const { accesses, event } = evidence.recorded;
  const delivery = accesses.filter(({ origin }) => origin === 'eventDelivery').length;
  const told =
    event?.delivered === true
      ? `its delivery is in the trace: ${delivery} accesses, reconstructed`
      : `its delivery is not in the trace: ${whyNotDelivered(evidence)}`;
  const aborted = accesses.filter((access) => access.aborted).length;
  const before =
    aborted === 0
      ? ''
      : `; before it ${aborted === 1 ? '1 access was' : `${aborted} accesses were`} made`;
  const why =
    vector === INVALID_OPCODE && evidence.lacking.length > 0
      ? `: the CPU of this QEMU has no ${evidence.lacking.join(', ')} (CPUID)`
      : '';
  return `${exceptionName(vector)}${error}${why}; ${told}${before}`;
}

const INVALID_OPCODE = 6;
const DOUBLE_FAULT = 8;

function whyNotDelivered({ hasEvents, recorded }: Evidence): string {
  if (!hasEvents) return 'with one thread for each vCPU events are not recorded';
  return recorded.event === undefined
    ? 'QEMU does not log it, as in real mode'
    : 'it could not be worked out';
}

const EXCEPTIONS: ReadonlyMap<number, string> = new Map([
  [0, '#DE, divide error'],
  [1, '#DB, debug'],
  [3, '#BP, breakpoint'],
  [4, '#OF, overflow'],
  [5, '#BR, bound range exceeded'],
  [6, '#UD, invalid opcode'],
  [7, '#NM, no x87'],
  [8, '#DF, double fault'],
  [10, '#TS, invalid TSS'],
  [11, '#NP, segment not present'],
  [12, '#SS, stack fault'],
  [13, '#GP, general protection'],
  [14, '#PF, page fault'],
  [16, '#MF, x87 error'],
  [17, '#AC, alignment check'],
  [19, '#XM, SIMD error'],
]);

function exceptionName(vector: number): string {
  return EXCEPTIONS.get(vector) ?? `vector ${vector}`;
}
