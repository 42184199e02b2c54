// SPDX-License-Identifier: Apache-2.0
// What a chunk knows about each block: its slots and its shape, kept in an arena behind the streams.

import { NO_MEMORY, SHAPES_END, TAG_BAD } from './failure';
import {
  B_DELIVERY,
  B_EPOCH,
  B_INSN_COUNT,
  B_NEXT1,
  B_OFFSETS,
  B_SHAPE,
  B_SHAPE_LENGTH,
  B_SHAPE_NUMBER,
  B_SHAPE_ROOM,
  B_SLOT_COUNT,
  B_SLOT_ROOM,
  B_SLOTS,
  B_TAG_INDEX,
  BLOCK_SHIFT,
  S_D,
  S_FLAGS,
  S_LAST,
  S_PC_OFFSET,
  S_SEL,
  S_SIZE,
  S_TAG,
  SLOT_SHIFT,
} from './memory-map';
import { bytesLeft, fail, failure, readBytes, readVarint, S_SHAPES } from './streams';

/** With more slots than this a block gets an index from tag to slot: the search stays short. */
const SEARCHED_SLOTS: u32 = 64;
const TAGS: u32 = 8192;
/** Origin 1, in the bits of the flags column. */
const FLAG_EVENT_DELIVERY: u32 = 1 << 6;

let arenaNext: usize = 0;
/** Of the chunk; never 0. */
export let epoch: u32 = 0;
let shapeCount: u32 = 0;

export function beginArena(begin: usize): void {
  arenaNext = (begin + 63) & ~usize(63);
  epoch++;
  shapeCount = 0;
}

/** Room in the arena, 8-byte aligned; 0 after a failure. */
function allocate(sizeBytes: u64): usize {
  const end = u64(arenaNext) + ((sizeBytes + 7) & ~u64(7));
  const have = u64(memory.size()) << 16;
  if (end > have) {
    const wanted = end - have + (end >> 3);
    const pages = i32((wanted + 0xffff) >> 16);
    if (end > 0xf000_0000 || memory.grow(pages) < 0) {
      fail(NO_MEMORY);
      return 0;
    }
  }
  const at = arenaNext;
  arenaNext = usize(end);
  return at;
}

/** Of a block that may be none of the table. */
export function epochOf(table: usize, id: u32, limit: u32): u32 {
  return id < limit ? load<u32>(table + (usize(id) << BLOCK_SHIFT), B_EPOCH) : 0;
}

/** Forgets what an earlier chunk left in a block. */
export function refreshBlock(block: usize): void {
  if (load<u32>(block, B_EPOCH) === epoch) return;
  store<u32>(block, epoch, B_EPOCH);
  store<u32>(block, 0xffff_ffff, B_NEXT1);
  memory.fill(block + B_SHAPE, 0, B_TAG_INDEX + 4 - B_SHAPE);
  store<u32>(block, ++shapeCount, B_SHAPE_NUMBER);
}

/** Reads a new shape of a block; newest is h0. A shape has at most accessesLeft members. */
export function readShape(block: usize, newest: u64, accessesLeft: u32): void {
  const length = readVarint(S_SHAPES, SHAPES_END);
  if (length > accessesLeft || length * 2 > bytesLeft(S_SHAPES)) {
    fail(SHAPES_END);
    return;
  }
  let shape: usize = load<u32>(block, B_SHAPE);
  if (length > load<u32>(block, B_SHAPE_ROOM)) {
    const room = length < 4 ? 4 : length + (length >> 1);
    shape = allocate(room * 2);
    if (shape === 0) return;
    store<u32>(block, u32(shape), B_SHAPE);
    store<u32>(block, u32(room), B_SHAPE_ROOM);
  }
  store<u32>(block, u32(length), B_SHAPE_LENGTH);
  store<u32>(block, ++shapeCount, B_SHAPE_NUMBER);
  for (let i: usize = 0; i < usize(length); i++) {
    const tag = u32(readBytes(S_SHAPES, 2, SHAPES_END));
    store<u16>(shape + (i << 1), u16(requireSlot(block, tag, newest, u32(length))));
    if (failure !== 0) return;
  }
}

/** shapeLength: of the shape that names it. */
function requireSlot(block: usize, tag: u32, newest: u64, shapeLength: u32): u32 {
  const slots: usize = load<u32>(block, B_SLOTS);
  const count: u32 = load<u16>(block, B_SLOT_COUNT);
  const index: usize = load<u32>(block, B_TAG_INDEX);
  if (index !== 0) {
    const found: u32 = load<u16>(entryOf(block, index, tag));
    if (found !== 0) return found - 1;
  } else {
    for (let i: u32 = 0; i < count; i++) {
      if (load<u16>(slots + (i << SLOT_SHIFT), S_TAG) === tag) return i;
    }
  }
  return addSlot(block, tag, newest, shapeLength);
}

function addSlot(block: usize, tag: u32, newest: u64, shapeLength: u32): u32 {
  const insn = tag & 511;
  const delivery = load<u8>(block, B_DELIVERY);
  // The delivery of an event has no instruction: its accesses are those of number 0.
  const insnCount: u32 = u32(load<u16>(block, B_INSN_COUNT)) + delivery;
  if (tag >= TAGS || insn >= insnCount) {
    fail(TAG_BAD);
    return 0;
  }
  const count: u32 = load<u16>(block, B_SLOT_COUNT);
  let slots: usize = load<u32>(block, B_SLOTS);
  if (count === u32(load<u16>(block, B_SLOT_ROOM))) {
    // Few instructions make more than two accesses of different kinds; those of a rep one are all of one slot.
    const room: u32 = count === 0 ? max(4, min(shapeLength, insnCount << 1)) : count * 2;
    const moved = allocate(u64(room) << SLOT_SHIFT);
    if (moved === 0) return 0;
    memory.copy(moved, slots, usize(count) << SLOT_SHIFT);
    slots = moved;
    store<u32>(block, u32(slots), B_SLOTS);
    store<u16>(block, u16(room), B_SLOT_ROOM);
    // It is made anew, for as many.
    store<u32>(block, 0, B_TAG_INDEX);
  }
  const slot = slots + (usize(count) << SLOT_SHIFT);
  store<u64>(slot, newest, S_LAST);
  store<u64>(slot, 0, S_D);
  store<u64>(slot, 0, S_D + 8);
  store<u8>(slot, 0, S_SEL); // h0
  store<u8>(slot, u8(((tag >> 9) & 1) | (delivery * FLAG_EVENT_DELIVERY)), S_FLAGS);
  store<u8>(slot, u8(u32(1) << ((tag >> 10) & 7)), S_SIZE);
  store<u16>(slot, u16(tag), S_TAG);
  const offset = usize(load<u32>(block, B_OFFSETS)) + (insn << 1);
  store<u16>(slot, delivery !== 0 ? 0 : load<u16>(offset), S_PC_OFFSET);
  store<u16>(block, u16(count + 1), B_SLOT_COUNT);
  indexSlot(block, tag, count);
  return count;
}

function indexSlot(block: usize, tag: u32, slotNumber: u32): void {
  const index: usize = load<u32>(block, B_TAG_INDEX);
  if (index !== 0) {
    store<u16>(entryOf(block, index, tag), u16(slotNumber + 1));
    return;
  }
  if (slotNumber < SEARCHED_SLOTS) return;
  const indexBytes: usize = 2 << indexLog2(block);
  const made = allocate(indexBytes);
  if (made === 0) return;
  memory.fill(made, 0, indexBytes);
  store<u32>(block, u32(made), B_TAG_INDEX);
  const slots: usize = load<u32>(block, B_SLOTS);
  for (let i: u32 = 0; i <= slotNumber; i++) {
    const known: u32 = load<u16>(slots + (i << SLOT_SHIFT), S_TAG);
    store<u16>(entryOf(block, made, known), u16(i + 1));
  }
}

/** Log2 of the index's entries: two for each slot that there is room for, or more. */
function indexLog2(block: usize): u32 {
  return 33 - clz(u32(load<u16>(block, B_SLOT_ROOM)) - 1);
}

/** Where the index has the tag's slot number + 1, or would have it: 0 is there then. */
function entryOf(block: usize, index: usize, tag: u32): usize {
  const slots: usize = load<u32>(block, B_SLOTS);
  const log2 = indexLog2(block);
  let at: u32 = (tag * 0x9e3779b1) >> (32 - log2);
  while (true) {
    const entry = index + (usize(at) << 1);
    const slotNumber: u32 = load<u16>(entry);
    if (slotNumber === 0) return entry;
    if (load<u16>(slots + ((slotNumber - 1) << SLOT_SHIFT), S_TAG) === tag) return entry;
    at = (at + 1) & ((1 << log2) - 1);
  }
}
