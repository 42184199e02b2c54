// SPDX-License-Identifier: Apache-2.0
// What is known of an instruction from its bytes and the CPU's mode. Plain data: nothing of the decoder.

export type Direction = 'load' | 'store';

/**
 * Where an access of an instruction comes from.
 * - operand: a memory operand
 * - stack: pushed or popped
 * - string: one iteration of a string instruction
 * - descriptor: GDT or LDT, read or marked; tss: a field of the task state segment or its I/O bitmap
 * - vmcb: a field of the state of a nested guest, or of its host's
 * - state-area: FXSAVE and XSAVE areas, field by field
 * - masked: elements that a mask selects
 */
export type AccessKind =
  | 'operand'
  | 'stack'
  | 'string'
  | 'descriptor'
  | 'tss'
  | 'vmcb'
  | 'state-area'
  | 'masked';

/**
 * How often an instruction that completes makes the access: once; once or not at all, as data in registers
 * or memory decides; once for each iteration of its rep prefix.
 */
export type Occurrence = 'always' | 'conditional' | 'per-iteration';

/** segment:base + index * scale + displacement, of the values before the instruction. */
export interface AddressExpression {
  /** 'ds', 'ss' ... */
  readonly segment: string;
  /** Full register ('rax' for eax too), 'rip' for the next instruction's address; undefined: none. */
  readonly base: string | undefined;
  readonly index: string | undefined;
  readonly scale: number;
  /** Signed. */
  readonly displacement: bigint;
  /** The effective address is taken modulo 2^addressBits. */
  readonly addressBits: 16 | 32 | 64;
}

export interface ArchitecturalAccess {
  readonly direction: Direction;
  /** Of one occurrence. For 'masked': of all elements together. */
  readonly bytes: number;
  readonly kind: AccessKind;
  readonly occurrence: Occurrence;
  /** When a conditional access is made; '' for others. */
  readonly condition: string;
  /** Undefined: it does not follow from the code alone (descriptor tables, bit strings, gathers). */
  readonly address: AddressExpression | undefined;
  readonly elements?: MaskedElements;
  /** For 'state-area': its fields. */
  readonly fields?: readonly StateField[];
}

/** For 'masked': what the access consists of. */
export interface MaskedElements {
  /** Of one. */
  readonly bytes: number;
  readonly count: number;
  /** 'ymm2', 'mm1': the highest bit of each of its elements selects one; undefined: a mask register of AVX-512. */
  readonly mask: string | undefined;
  /** For gathers, whose elements each have an index, signed; else they lie one behind the other. */
  readonly index?: {
    /** Of the index of one element. */
    readonly bytes: number;
    /** Its index is a vector register, 'ymm1'. */
    readonly from: AddressExpression;
  };
}

/** A field of a state area. */
export interface StateField {
  /** From the area's first byte. */
  readonly offset: number;
  readonly bytes: number;
  /** Fields of one component are saved or restored together. */
  readonly component: string;
  /** The component may be left out, as feature mask, control registers or optimisations decide. */
  readonly optional: boolean;
}

/** Register values that follow: to = from + offset. */
export interface RegisterMove {
  readonly to: string;
  readonly from: string;
  readonly offset: bigint;
  /** It holds modulo 2^bits. */
  readonly bits: 16 | 32 | 64;
}

export interface DecodedInstruction {
  /** Lower case, with the prefix of a repeated string instruction: 'mov', 'rep movsq'. '(bad)' when it is none. */
  readonly mnemonic: string;
  /** Bytes that the decoder took. */
  readonly length: number;
  readonly isString: boolean;
  /** It has a rep prefix that counts. */
  readonly isRepeated: boolean;
  /** It has a lock prefix. */
  readonly isLocked: boolean;
  readonly accesses: readonly ArchitecturalAccess[];
  /**
   * Whole sets of accesses, one of which an execution may have instead: gates, other privilege levels and tasks
   * that a far transfer finds. Addresses there may have a base that is no register: a TSS, another stack.
   */
  readonly otherForms: readonly (readonly ArchitecturalAccess[])[];
  /** Full names of the registers whose value is not known any more, segment registers among them. */
  readonly clobbers: readonly string[];
  /** Known values; they replace what clobbers says. All read the registers before the instruction. */
  readonly moves: readonly RegisterMove[];
}
