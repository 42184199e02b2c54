// SPDX-License-Identifier: Apache-2.0
// What an explanation comes to. Numbers that may have 64 bits are text, "0x" and hexadecimal digits.

import type { CodeBits } from './machine-state.ts';
import type { MemoryPath } from './memory-paths.ts';
import type { VerdictName } from './verdict.ts';

/** A repeat count may have 64 bits. */
export const LISTED_OCCURRENCES = 12;

export interface ExplainResult {
  readonly instruction: {
    /** Hexadecimal digits. */
    readonly bytes: string;
    readonly disassembly: string;
    readonly mnemonic: string;
    readonly mode: CodeBits;
    /** Linear. */
    readonly address: string;
  };
  readonly qemu: {
    readonly path: string;
    readonly version: string;
    /** 'multi': translated for vCPUs that run at the same time. */
    readonly thread: 'single' | 'multi';
  };
  /** What the registers held before, under their names in code of this mode. */
  readonly preset: readonly {
    readonly name: string;
    readonly value: string;
    /** '' for the usual value. */
    readonly why: string;
    /** Its value decides what the instruction accesses, or was chosen for it. */
    readonly matters: boolean;
    /** Of vector registers that the instruction selects or finds elements of memory by; else null. */
    readonly elementBytes: number | null;
  }[];
  /** What QEMU translated the instruction to, without the recorder. */
  readonly ops: readonly OperationResult[];
  /** What it was translated to again, when QEMU did it in a block of its own after all. */
  readonly retranslations: readonly (readonly OperationResult[])[];
  /** What the manual prescribes, in order; what has several occurrences is repeated together. */
  readonly architectural: readonly {
    readonly direction: 'load' | 'store';
    readonly bytes: number;
    readonly kind: string;
    readonly occurrence: string;
    readonly condition: string;
    /** "ss:rsp-0x8"; '' when the code alone does not tell. */
    readonly expression: string;
    readonly address: string | null;
    /** Of the first occurrences, LISTED_OCCURRENCES at most; none when the code alone does not tell. */
    readonly addresses: readonly string[];
    /** Most occurrences with these registers. */
    readonly count: number;
    /** Bytes from one occurrence to the next, modulo the size of the address. */
    readonly step: number;
    /** Where a mask selects elements, which are so many bytes each; else null. */
    readonly elements: {
      readonly mask: string;
      readonly bytes: number;
      readonly count: number;
      readonly selected: readonly { readonly element: number; readonly address: string }[];
    } | null;
  }[];
  /** What the trace has, in order. */
  readonly accesses: readonly RecordedResult[];
  readonly ports: readonly {
    readonly direction: 'in' | 'out';
    readonly port: string | null;
    readonly bytes: number;
    readonly value: string | null;
  }[];
  /** Why the recorded block was left early, if it was. */
  readonly cuts: readonly string[];
  readonly outcome: {
    readonly kind: 'completed' | 'faulted' | 'interrupt' | 'left' | 'no-report';
    readonly vector: number | null;
    /** Of the exception that the manual has where QEMU has none or another; else null. */
    readonly manualVector: number | null;
    readonly errorCode: string | null;
    /** Where it went on, when that is not the next instruction. */
    readonly target: string | null;
  };
  readonly verdict: VerdictName;
  readonly reason: string;
  readonly remarks: readonly string[];
  /** The trace lacks what the manual prescribes, or has what no rule explains: the exit code is 1. */
  readonly isDifferent: boolean;
}

export interface OperationResult {
  /** As QEMU prints it. */
  readonly text: string;
  /** Null: it reaches no guest memory. */
  readonly memory: MemoryPath | null;
}

export interface RecordedResult {
  readonly direction: 'load' | 'store';
  readonly bytes: number;
  readonly address: string;
  readonly paddr: string | null;
  readonly origin: 'instruction' | 'event-delivery' | 'page-walk';
  readonly evidence: 'observed' | 'reconstructed';
  /** Its instruction did not complete. */
  readonly aborted: boolean;
  readonly device: boolean;
}
