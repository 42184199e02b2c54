// SPDX-License-Identifier: Apache-2.0
// One number for the same code at the same address, in whichever blocks it is: code that was translated several times is in
// several. A hash table in typed arrays, since there may be millions: some 40 bytes for each.

import { add64, ModeBit, u64FromBigint } from '../base/index.ts';
import type { CodeTable } from '../format/index.ts';

export interface InstructionTable {
  /** Numbers that were given: 0 to count - 1. */
  readonly count: number;
  /** The instruction's number; a new one when it was not seen. */
  numberOf(block: number, insn: number): number;
  /** Where an instruction was seen first. */
  placeOf(instruction: number): { readonly block: number; readonly insn: number };
}

const FIRST_SLOTS = 1024;

/** A width that no code has. */
const NO_CODE = 1;

export function createInstructionTable(code: CodeTable): InstructionTable {
  let count = 0;
  /** Number + 1; 0: free. Twice as many as there is room for instructions. */
  let slots = new Uint32Array(FIRST_SLOTS);
  let hashes = new Uint32Array(FIRST_SLOTS / 2);
  let blocks = new Uint32Array(FIRST_SLOTS / 2);
  let insns = new Uint16Array(FIRST_SLOTS / 2);
  const grow = (): void => {
    const size = 2 * slots.length;
    hashes = grown(new Uint32Array(size / 2), hashes);
    blocks = grown(new Uint32Array(size / 2), blocks);
    insns = grown(new Uint16Array(size / 2), insns);
    slots = new Uint32Array(size);
    for (let number = 0; number < count; number++) {
      slots[freeSlot(slots, hashes[number] ?? 0)] = number + 1;
    }
  };
  const read = codeReader(code);
  const readKnown = codeReader(code);
  return {
    get count() {
      return count;
    },
    numberOf(block, insn) {
      const asked = read(block, insn);
      const hash = hashOf(asked);
      let slot = hash & (slots.length - 1);
      for (let held = slots[slot] ?? 0; held !== 0; held = slots[slot] ?? 0) {
        const number = held - 1;
        if (hashes[number] === hash) {
          const known = readKnown(blocks[number] ?? 0, insns[number] ?? 0);
          if (isSame(asked, known)) return number;
        }
        slot = (slot + 1) & (slots.length - 1);
      }
      if (count === hashes.length) grow();
      slots[freeSlot(slots, hash)] = count + 1;
      hashes[count] = hash;
      blocks[count] = block;
      insns[count] = insn;
      return count++;
    },
    placeOf: (instruction) => ({ block: blocks[instruction] ?? 0, insn: insns[instruction] ?? 0 }),
  };
}

function freeSlot(slots: Uint32Array, hash: number): number {
  let slot = hash & (slots.length - 1);
  while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
  return slot;
}

interface Code {
  readonly lo: number;
  readonly hi: number;
  /** What says how wide it is. */
  readonly width: number;
  readonly bytes: Uint8Array;
}

/** Blocks are asked for instruction by instruction. */
function codeReader(code: CodeTable): (block: number, insn: number) => Code {
  let held = -1;
  let offsets: Uint16Array = new Uint16Array(0);
  let bytes: Uint8Array = new Uint8Array(0);
  let vaddr = { lo: 0, hi: 0 };
  let width = 0;
  return (block, insn) => {
    if (block !== held) {
      offsets = code.insnOffsets(block);
      bytes = code.bytes(block);
      vaddr = u64FromBigint(code.vaddr(block));
      width = widthOf(code, block);
      held = block;
    }
    const { lo, hi } = add64(vaddr.lo, vaddr.hi, offsets[insn] ?? 0, 0);
    return { lo, hi, width, bytes: bytes.subarray(offsets[insn], offsets[insn + 1]) };
  };
}

function widthOf(code: CodeTable, block: number): number {
  if (code.insnCount(block) === 0) return NO_CODE;
  const mode = code.mode(block) ?? ModeBit.cs64;
  return (mode & ModeBit.cs64) === 0 ? mode & ModeBit.cs32 : ModeBit.cs64;
}

function isSame(a: Code, b: Code): boolean {
  return (
    a.lo === b.lo &&
    a.hi === b.hi &&
    a.width === b.width &&
    a.bytes.length === b.bytes.length &&
    a.bytes.every((byte, i) => byte === b.bytes[i])
  );
}

/** Of FNV-1a's kind, over words, and then spread into the low bits. */
function hashOf({ lo, hi, width, bytes }: Code): number {
  let hash = 0x811c9dc5;
  for (const word of [lo, hi, width]) hash = Math.imul(hash ^ word, 0x01000193);
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function grown<T extends { set(from: T): void }>(larger: T, from: T): T {
  larger.set(from);
  return larger;
}
