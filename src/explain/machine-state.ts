// SPDX-License-Identifier: Apache-2.0
// What the registers hold when the instruction begins: an address of its own for each, so that any operand is memory
// that is there; what the instruction would make nonsense of is set otherwise. Pure.

import { ExitCode, requireDefined, UserError } from '../base/index.ts';
import { type DecodedInstruction, registerName } from '../isa/index.ts';
import { isNumber, numberOf } from './setting-number.ts';
import {
  type PresetVector,
  parseVector,
  presetVectors,
  type VectorSetting,
  vectorRanges,
} from './vector-state.ts';

export type CodeBits = 16 | 32 | 64;

const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;
const NAMES_64 = [...NAMES, 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;

/** What can be set besides registers. */
const OTHERS: readonly string[] = ['flags', 'memory'];

export interface PresetRegister {
  /** Full name: 'rax' in 16- and 32-bit code too. */
  readonly name: string;
  readonly value: bigint;
  /** Why it is not the usual value; '' when it is. */
  readonly why: string;
}

export interface MachineState {
  readonly bits: CodeBits;
  /** In the order of their numbers. */
  readonly registers: readonly PresetRegister[];
  readonly vectors: readonly PresetVector[];
  readonly flags: PresetRegister;
  /** Of the words that data and stack hold, as wide as the code. */
  readonly memory: PresetRegister;
}

/** Linear bases of the segments: guests/explain.inc. */
export const SEGMENT_BASES: Readonly<Record<CodeBits, ReadonlyMap<string, bigint>>> = {
  16: new Map([
    ['cs', 0x10000n],
    ['ds', 0x20000n],
    ['es', 0x30000n],
    ['ss', 0x40000n],
    ['fs', 0x50000n],
    ['gs', 0x60000n],
  ]),
  32: new Map([
    ['fs', 0x500000n],
    ['gs', 0x580000n],
  ]),
  64: new Map([
    ['fs', 0x500000n],
    ['gs', 0x580000n],
  ]),
};

/** `settings` are the user's "rax=0x10". Throws UserError 'usage' for what cannot be set. */
export function presetState(
  bits: CodeBits,
  instruction: DecodedInstruction,
  settings: readonly string[],
): MachineState {
  const chosen = new Map<string, bigint>();
  const chosenVectors: VectorSetting[] = [];
  for (const setting of settings) {
    const vector = parseVector(setting, bits);
    if (vector === undefined) {
      const { name, value } = parseSetting(setting, bits);
      chosen.set(name, value);
    } else {
      chosenVectors.push(vector);
    }
  }
  const make = (name: string, usual: bigint): PresetRegister => {
    const set = chosen.get(name);
    if (set !== undefined) return { name, value: set, why: '--set' };
    const needed = neededValue(name, instruction);
    return needed === undefined ? { name, value: usual, why: '' } : { name, ...needed };
  };
  return {
    bits,
    registers: registerNames(bits).map((name, number) => make(name, usualValue(bits, number))),
    vectors: presetVectors(bits, instruction, chosenVectors),
    flags: make('flags', 2n),
    memory: make('memory', 0n),
  };
}

export function valueOf(state: MachineState, name: string): bigint {
  const found = state.registers.find((register) => register.name === name);
  return requireDefined(found, `register ${name} is preset`).value;
}

/** Whether the operand of "ltr ax" or "ltr [rdi]" is a null selector: its privilege level does not matter (SDM 3.4.2). */
export function isNullTask(state: MachineState, disassembly: string): boolean {
  const [, operand] = /^ltr (.+)$/.exec(disassembly) ?? [];
  if (operand === undefined) return false;
  const name = fullName(operand.replace(/^(r\d+)[wd]$/, '$1'));
  const value = name === undefined ? state.memory.value : valueOf(state, name);
  return (value & 0xfffcn) === 0n;
}

function registerNames(bits: CodeBits): readonly string[] {
  return bits === 64 ? NAMES_64 : NAMES;
}

function usualValue(bits: CodeBits, number: number): bigint {
  const isStack = number === 4;
  if (bits === 16) return isStack ? 0x8000n : 0x1000n + BigInt(number) * 0x100n;
  return isStack ? 0x3f0000n : 0x400000n + BigInt(number) * 0x10000n;
}

function neededValue(
  name: string,
  { mnemonic, isRepeated }: DecodedInstruction,
): { value: bigint; why: string } | undefined {
  const stem = mnemonic.split(' ').at(-1) ?? '';
  if (name === 'rcx' && isRepeated) return { value: 3n, why: 'repeat count' };
  if (name === 'rdx' && /^(?:in|out)s?[bwd]?$/.test(stem)) return { value: 0x80n, why: 'port' };
  if (name === 'rcx' && stem === 'monitor') return { value: 0n, why: 'no extensions' };
  const isStateArea = /^x(?:save|rstor)/.test(stem);
  if (name === 'rax' && isStateArea) return { value: 7n, why: 'x87, SSE and AVX state' };
  if (name === 'rdx' && isStateArea) return { value: 0n, why: 'x87, SSE and AVX state' };
  return undefined;
}

function parseSetting(setting: string, bits: CodeBits): { name: string; value: bigint } {
  const [, word = '', text = ''] = /^(\w+)=(.*)$/.exec(setting.replaceAll('_', '')) ?? [];
  const name = fullName(word.toLowerCase());
  if (name === undefined || ![...OTHERS, ...registerNames(bits)].includes(name)) {
    const registers = NAMES.map((one) => registerName(one, bits));
    const names = [
      ...registers,
      ...(bits === 64 ? ['r8 to r15'] : []),
      ...vectorRanges(bits),
      ...OTHERS,
    ];
    throw new UserError(
      ExitCode.usage,
      `--set ${setting}: that is not REGISTER=NUMBER with a register of ${bits}-bit code`,
      `for example --set ${registerName('rdi', bits)}=0x1000; there are ${names.join(', ')}`,
    );
  }
  if (!isNumber(text)) {
    throw new UserError(
      ExitCode.usage,
      `--set ${setting}: that is not a number`,
      `for example --set ${word}=0x1000, or --set ${word}=-1`,
    );
  }
  const width = widthOf(word.toLowerCase(), bits);
  const value = numberOf(text, width);
  if (value === undefined) {
    throw new UserError(
      ExitCode.usage,
      `--set ${setting}: the number has more than ${width} bits`,
      width < bits
        ? 'a smaller number, or the whole register'
        : 'a smaller number, or another --mode',
    );
  }
  return { name, value };
}

/** In bits: "edi" and "di" are parts of rdi, and zeros above. */
function widthOf(word: string, bits: CodeBits): number {
  if (OTHERS.includes(fullName(word) ?? '') || word.startsWith('r')) return bits;
  return word.startsWith('e') ? Math.min(bits, 32) : 16;
}

/** "eax" and "ax" are rax; undefined for what is not preset here. */
export function fullName(word: string): string | undefined {
  if (/^[re]?flags$/.test(word)) return 'flags';
  if (word === 'memory' || NAMES_64.some((name) => name === word)) return word;
  const name = `r${word.replace(/^e/, '')}`;
  return NAMES.some((known) => known === name) ? name : undefined;
}
