// SPDX-License-Identifier: Apache-2.0
// The image of guests/explain.inc with an instruction and registers in it, and what the guest reports in the end.

import { readFileSync } from 'node:fs';
import { requireDefined } from '../base/index.ts';
import type { GuestFile } from '../guests/index.ts';
import type { CodeBits, MachineState } from './machine-state.ts';
import { VECTOR_BYTES } from './vector-state.ts';

/** Where things are in the guest, linear. */
export interface GuestPlaces {
  /** Of the instruction. */
  readonly instruction: bigint;
  /** A store here comes right before the instruction. */
  readonly mark: bigint;
  /** What the next instruction, and a return, lead to. */
  readonly tail: bigint;
}

export function placesOf(guest: GuestFile): GuestPlaces {
  const base = symbolOf(guest, 'linear');
  return {
    instruction: base + symbolOf(guest, 'patch'),
    mark: base + symbolOf(guest, 'mark'),
    tail: base + symbolOf(guest, 'tail'),
  };
}

/** The instruction pointer at the instruction: in real mode an offset in its segment. */
export function codeAddress(guest: GuestFile): bigint {
  return symbolOf(guest, 'patch');
}

/** The bytes for `-bios`. */
export function patchImage(
  guest: GuestFile,
  instruction: Uint8Array,
  state: MachineState,
): Uint8Array {
  const image = Uint8Array.from(readFileSync(guest.image));
  const view = new DataView(image.buffer);
  const offsetOf = (name: string): number =>
    Number(symbolOf(guest, name) - symbolOf(guest, 'base'));
  const patch = offsetOf('patch');
  image.set(instruction, patch);
  const jump = patch + instruction.length;
  view.setUint8(jump, 0xe9);
  const isShort = state.bits === 16;
  const distance = offsetOf('tail') - (jump + (isShort ? 3 : 5));
  if (isShort) view.setInt16(jump + 1, distance, true);
  else view.setInt32(jump + 1, distance, true);
  const wordBytes = state.bits / 8;
  const write = (offset: number, value: bigint, bytes = wordBytes): void => {
    for (let i = 0; i < bytes; i++) {
      view.setUint8(offset + i, Number((value >> BigInt(8 * i)) & 255n));
    }
  };
  for (const [number, { value }] of state.registers.entries()) {
    write(offsetOf('registers') + number * wordBytes, value);
  }
  for (const [number, { value }] of state.vectors.entries()) {
    write(offsetOf('vectors') + number * VECTOR_BYTES, value, VECTOR_BYTES);
  }
  write(offsetOf('flags'), state.flags.value);
  write(offsetOf('memory'), state.memory.value);
  return image;
}

function symbolOf(guest: GuestFile, name: string): bigint {
  return requireDefined(guest.symbols.get(name), `guest ${guest.name} has a symbol ${name}`);
}

/** What became of the instruction. */
export type Fate =
  | { readonly kind: 'completed' }
  /** It was an exception's cause and did not complete. */
  | { readonly kind: 'faulted'; readonly vector: number; readonly errorCode: number | undefined }
  /** It completed, and an interrupt or trap was its work. */
  | { readonly kind: 'interrupt'; readonly vector: number }
  /** Something else than the next instruction ran after it, from this linear address. */
  | { readonly kind: 'left'; readonly target: bigint; readonly vector: number }
  | { readonly kind: 'no-report'; readonly why: 'time' | 'end' };

const CODE_SELECTOR: Readonly<Record<CodeBits, bigint>> = { 16: 0x1000n, 32: 8n, 64: 8n };
const BREAKPOINT = 3;

/** Reads what the guest wrote to its debug port: guests/explain.inc. Undefined when it is not whole. */
export function parseReport(
  report: Uint8Array,
  bits: CodeBits,
  places: GuestPlaces,
  instructionBytes: number,
): Fate | undefined {
  const [kind] = report;
  if (kind === 'D'.charCodeAt(0)) return { kind: 'completed' };
  const wordBytes = bits / 8;
  if (kind !== 'E'.charCodeAt(0) || report.length < 1 + 8 * wordBytes) return undefined;
  const word = (index: number): bigint => {
    let value = 0n;
    for (let i = wordBytes - 1; i >= 0; i--) {
      value = (value << 8n) | BigInt(report[1 + index * wordBytes + i] ?? 0);
    }
    return value;
  };
  const vector = Number(word(0));
  // vector, [error code,] ip, cs: an ip is never the code selector.
  const hasErrorCode = word(2) !== CODE_SELECTOR[bits];
  const ip = word(hasErrorCode ? 2 : 1);
  const target = bits === 16 ? (word(hasErrorCode ? 3 : 2) << 4n) + ip : ip;
  if (target === places.instruction) {
    const errorCode = hasErrorCode ? Number(word(1)) : undefined;
    return { kind: 'faulted', vector, errorCode };
  }
  if (target === places.instruction + BigInt(instructionBytes))
    return { kind: 'interrupt', vector };
  // It went on as it should, to a trap that it had armed (popf).
  if (target === places.tail) return { kind: 'completed' };
  // What is no code holds breakpoints.
  return { kind: 'left', target: vector === BREAKPOINT ? target - 1n : target, vector };
}
