// SPDX-License-Identifier: Apache-2.0
// Where an instruction leads to, and what it reads and writes besides memory: what trace-driven simulators ask.

import { FlowControl, type Instruction, Mnemonic, OpAccess } from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';
import { fullRegisterName, mnemonicName, usesOf, withInstruction } from './iced.ts';

/**
 * How the next instruction is found: the next in memory; another place, which the code tells (direct) or
 * registers and memory tell (indirect, sysret too); one of two (conditional); or by the ways into the kernel
 * (system) and back from an interrupt.
 */
export type ControlFlow =
  | 'next'
  | 'direct-jump'
  | 'indirect-jump'
  | 'conditional-jump'
  | 'direct-call'
  | 'indirect-call'
  | 'return'
  | 'interrupt-return'
  | 'system';

export interface DataFlow {
  readonly flow: ControlFlow;
  /** Full names ('rax' for al too); flags are 'rflags', the instruction pointer is not listed. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** 'movsb' for a string instruction with a rep prefix. */
  readonly repeats: string | undefined;
}

/** Of the first instruction of bytes. What is no instruction leads to the next and uses nothing. */
export function dataFlowOf(bytes: Uint8Array, mode: CpuMode): DataFlow {
  return withInstruction(bytes, mode, 0n, (instruction) => {
    if (instruction.isInvalid) return { flow: 'next', reads: [], writes: [], repeats: undefined };
    const reads = new Set<string>();
    const writes = new Set<string>();
    for (const { register, access } of usesOf(instruction).registers) {
      const name = fullRegisterName(register);
      if (name === undefined || access === OpAccess.NoMemAccess) continue;
      if (access !== OpAccess.Write && access !== OpAccess.CondWrite) reads.add(name);
      if (access !== OpAccess.Read && access !== OpAccess.CondRead) writes.add(name);
    }
    if (instruction.rflagsRead !== 0) reads.add('rflags');
    if (instruction.rflagsModified !== 0) writes.add('rflags');
    const isRepeated = instruction.hasRepPrefix || instruction.hasRepnePrefix;
    return {
      flow: flowOf(instruction),
      reads: [...reads],
      writes: [...writes],
      repeats:
        instruction.isStringInstruction && isRepeated ? mnemonicName(instruction) : undefined,
    };
  });
}

function flowOf(instruction: Instruction): ControlFlow {
  switch (instruction.flowControl) {
    case FlowControl.UnconditionalBranch:
      return 'direct-jump';
    case FlowControl.IndirectBranch:
      return 'indirect-jump';
    case FlowControl.ConditionalBranch:
      return 'conditional-jump';
    case FlowControl.Return:
      if (SYSTEM_RETURNS.has(instruction.mnemonic)) return 'indirect-jump';
      return INTERRUPT_RETURNS.has(instruction.mnemonic) ? 'interrupt-return' : 'return';
    case FlowControl.Call:
      return SYSTEM_CALLS.has(instruction.mnemonic) ? 'system' : 'direct-call';
    case FlowControl.IndirectCall:
      return 'indirect-call';
    case FlowControl.Interrupt:
      return 'system';
    case FlowControl.Next:
    case FlowControl.XbeginXabortXend:
    case FlowControl.Exception:
    default:
      return 'next';
  }
}

/** Their target is in a register. */
const SYSTEM_RETURNS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Sysret,
  Mnemonic.Sysretq,
  Mnemonic.Sysexit,
  Mnemonic.Sysexitq,
]);

const INTERRUPT_RETURNS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Iret,
  Mnemonic.Iretd,
  Mnemonic.Iretq,
  Mnemonic.Rsm,
  Mnemonic.Uiret,
]);

const SYSTEM_CALLS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Syscall,
  Mnemonic.Sysenter,
  Mnemonic.Vmcall,
  Mnemonic.Vmmcall,
  Mnemonic.Vmlaunch,
  Mnemonic.Vmresume,
  Mnemonic.Vmrun,
  Mnemonic.Vmgexit,
]);
