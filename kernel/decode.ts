// SPDX-License-Identifier: Apache-2.0
// The decoder of one chunk, in batches: docs/format.md section 3. AssemblyScript, since an address is
// one i64 here and two halves in JavaScript.
//
// The loader (src/format/kernel.ts) puts the block table, the instruction offsets and the streams into
// memory, calls begin() once and run() until it does not say MORE. Every id, slot number and length is
// checked when it enters the state (block miss, shape, access miss); the loop over the accesses of a
// block has no checks left but the count of accesses.

export { addBlocks } from './code';
export { columnAddress, forgetVcpus, streamTable, tablesEnd, vcpuStates } from './columns';

import { beginArena, epoch, epochOf, readShape, refreshBlock } from './blocks';
import {
  ACCESS_CODE_UNKNOWN,
  ACCESS_CODES_END,
  ACCESS_RUNS_BAD,
  ACCESSES_TOO_FEW,
  ACCESSES_TOO_MANY,
  ADDRESS_NOT_CANONICAL,
  BLOCK_CODE_UNKNOWN,
  BLOCK_CODES_END,
  BLOCK_IDS_END,
  BLOCK_RUNS_BAD,
  BLOCK_UNKNOWN,
  CUT_TOO_LONG,
  DELTAS_END,
  NOTE_WITHOUT_TARGET,
  RUN_LEFT_OVER,
  STREAM_LEFT_OVER,
} from './failure';
import {
  B_CPL,
  B_DELIVERY,
  B_INSN_COUNT,
  B_LAST_PC,
  B_NEXT1,
  B_REP,
  B_SHAPE,
  B_SHAPE_LENGTH,
  B_SHAPE_NUMBER,
  B_SLOTS,
  B_VADDR,
  BATCH,
  BLOCK,
  BLOCK_SHIFT,
  CPL,
  FLAGS,
  ICOUNT,
  INSN,
  NEXT3,
  NEXT3_SHIFT,
  PC,
  RUN_BLOCK,
  RUN_CONTINUES,
  RUN_EXECUTED,
  RUN_FIRST_ACCESS,
  RUN_ICOUNT,
  RUN_SHAPE,
  RUN_VCPU,
  S_D,
  S_FLAGS,
  S_LAST,
  S_PC_OFFSET,
  S_SEL,
  S_SIZE,
  S_TAG,
  SIZE,
  SLOT_SHIFT,
  STREAMS,
  VADDR,
  WALK,
} from './memory-map';
import {
  applyNotes,
  applyOverride,
  beginNotes,
  beginStretches,
  clearCut,
  crossingCount,
  cutAborted,
  cutExecuted,
  cutPending,
  endStretches,
  eventCount,
  eventIp,
  hasOverride,
  icount,
  NONE,
  noteAccess,
  noteBlock,
  noteCount,
  pendingRep,
  placeWide,
  saveVcpu,
  setIcount,
  setPendingRep,
  vcpu,
} from './notes';
import {
  bytesLeft,
  fail,
  failure,
  forgetFailure,
  readBytes,
  readRun,
  readU8,
  S_ACCESS_CODES,
  S_ACCESS_RUNS,
  S_BLOCK_CODES,
  S_BLOCK_IDS,
  S_BLOCK_RUNS,
  S_DELTA1,
  S_DELTA2,
  S_DELTA3,
  S_DELTA6,
  S_NOTES,
  unzigzag,
} from './streams';

// What run() returns; anything else is a failure.
const MORE: i32 = 0;
const DONE: i32 = 1;

// Columns: the bits of run()'s argument. vaddr, the decoder's own history, is made when begin() was told so.
const COLUMN_PC: u32 = 1;
const COLUMN_ICOUNT: u32 = 2;
const COLUMN_SIZE_FLAGS: u32 = 4;
const COLUMN_PADDR: u32 = 8;
const COLUMN_BLOCK: u32 = 16;
const COLUMN_INSN: u32 = 32;
const COLUMN_CPL: u32 = 64;
const COLUMN_VCPU: u32 = 128;
const COLUMN_CR3: u32 = 256;
const COLUMN_RUNS: u32 = 512;

let blockTable: usize = 0;
let blockLimit: u32 = 0;
let accessCount: u32 = 0;
let blockCount: u32 = 0;
/** Of the chunk: the streams of accesses are read, and vaddr is made. */
let wantAddresses: bool = false;

// Where the decoder stands, between two calls of run().
let blocksDone: u32 = 0;
let accessesDone: u32 = 0;
let blockRun: u32 = 0;
let accessRun: u32 = 0;
let p1: u32 = 0;
let p2: u32 = 0;
let p3: u32 = 0;
let newest: u64 = 0;
let newer: u64 = 0;
let older: u64 = 0;
// The block execution that is being decoded: its shape's length, how much of it is done.
let shapeLength: u32 = 0;
let shapeDone: u32 = 0;
let abortedFrom: u32 = 0;
let executed: u32 = 0;
let wasCut: bool = false;
let inBlock: bool = false;
// Results of run().
let accessesOut: u32 = 0;
let runsOut: u32 = 0;
/** Index, in the batch, that the first access of its first block execution has or would have. */
let runsBegin: u32 = 0;

/**
 * Begins a chunk. table: address of the block table, of which the first limit are known; arena: the
 * first byte behind the streams (8 readable bytes of padding included). Without addresses the streams of
 * accesses are not read.
 */
export function begin(
  table: u32,
  limit: u32,
  arena: u32,
  accesses: u32,
  blocks: u32,
  firstVcpu: u32,
  pageSlots: u32,
  addresses: bool,
): i32 {
  forgetFailure();
  wantAddresses = addresses;
  blockTable = table;
  blockLimit = limit;
  accessCount = accesses;
  blockCount = blocks;
  blocksDone = 0;
  accessesDone = 0;
  p1 = 0;
  p2 = 0;
  p3 = 0;
  newest = 0;
  newer = 0;
  older = 0;
  shapeLength = 0;
  shapeDone = 0;
  inBlock = false;
  memory.fill(NEXT3, 0xff, 32768 * 4);
  if (addresses) memory.fill(WALK, 0, 16384 * 8);
  beginArena(arena);
  if (limit > 0) refreshBlock(blockTable);
  blockRun = readRun(S_BLOCK_RUNS, BLOCK_RUNS_BAD);
  accessRun = addresses ? readRun(S_ACCESS_RUNS, ACCESS_RUNS_BAD) : 0;
  beginNotes(firstVcpu, pageSlots);
  return failure;
}

export function accessesInBatch(): u32 {
  return accessesOut;
}

export function runsInBatch(): u32 {
  return runsOut;
}

export function firstAccessOfRuns(): u32 {
  return runsBegin;
}

export function crossingsInBatch(): u32 {
  return crossingCount;
}

export function eventsSoFar(): u32 {
  return eventCount;
}

export function notesSoFar(): u32 {
  return noteCount;
}

/** Accesses and block executions decoded so far: where a failure is. */
export function accessesSoFar(): u32 {
  return accessesDone;
}

export function blocksSoFar(): u32 {
  return blocksDone;
}

/** An access that was not as predicted. vp is where its address goes. */
function readAccess(slot: usize, vp: usize, key: u32): u64 {
  const code = readU8(S_ACCESS_CODES, ACCESS_CODES_END);
  accessRun = readRun(S_ACCESS_RUNS, ACCESS_RUNS_BAD);
  const last = load<u64>(slot, S_LAST);
  const walk = WALK + ((usize((key * 0x9e3779b1) ^ (u32(last) * 0x85ebca6b)) >> 18) << 3);
  let address: u64 = 0;
  if (code < 4) {
    const sel = (code + 3) & 3;
    store<u8>(slot, u8(sel), S_SEL);
    const base = sel === 3 ? last : load<u64>(vp - 8 - (usize(sel) << 3));
    address = base + i64(load<i32>(slot + (usize(sel) << 2), S_D));
  } else if (code === 4) {
    address = load<u64>(walk);
  } else {
    const which = (code - 8) >> 3;
    const base = which === 0 ? last : load<u64>(vp - (usize(which & 3) << 3));
    let z: u64 = 0;
    switch (code >= 40 ? 0 : code & 7) {
      case 1:
        z = readU8(S_DELTA1, DELTAS_END);
        break;
      case 2:
        z = readBytes(S_DELTA2, 2, DELTAS_END);
        break;
      case 3:
        z = readBytes(S_DELTA3, 3, DELTAS_END);
        break;
      case 6:
        z = readBytes(S_DELTA6, 6, DELTAS_END);
        break;
      default:
        fail(ACCESS_CODE_UNKNOWN);
    }
    if (code < 8) fail(ACCESS_CODE_UNKNOWN);
    // Distances are modulo 2^48: from one half of the address space to the other they need 49 bits.
    address = u64((i64(base + unzigzag(z)) << 16) >> 16);
  }
  store<u64>(walk, address);
  const bases = i32x4(load<i32>(vp - 8), load<i32>(vp - 16), load<i32>(vp - 24), i32(last));
  v128.store(slot, i32x4.sub(i32x4.splat(i32(address)), bases), S_D);
  return address;
}

/**
 * A block execution that was not as predicted, after block `before`; newest is h0. Returns an id of the
 * code table; 0 after a failure.
 */
function readBlock(predicted: u32, before: u32, newestAddress: u64, accessesLeft: u32): u32 {
  const code = readU8(S_BLOCK_CODES, BLOCK_CODES_END);
  blockRun = readRun(S_BLOCK_RUNS, BLOCK_RUNS_BAD);
  let id = predicted;
  switch (code & 3) {
    case 0:
      break;
    case 1:
      id = blockLimit === 0 ? 0 : load<u32>(blockTable + (usize(before) << BLOCK_SHIFT), B_NEXT1);
      break;
    case 2:
      id = u32(readBytes(S_BLOCK_IDS, 4, BLOCK_IDS_END));
      break;
    default:
      fail(BLOCK_CODE_UNKNOWN);
  }
  if (code > 7) fail(BLOCK_CODE_UNKNOWN);
  if (id >= blockLimit) {
    fail(BLOCK_UNKNOWN);
    return 0;
  }
  if ((code & 4) !== 0) {
    const block = blockTable + (usize(id) << BLOCK_SHIFT);
    refreshBlock(block);
    readShape(block, newestAddress, accessesLeft);
  }
  return id;
}

/** Where the block is that followed these three the last time. */
function followerOf(before1: u32, before2: u32, before3: u32): usize {
  const k =
    ((before1 * 0x9e3779b1) ^ (before2 * 0x85ebca6b) ^ (before3 * 0xc2b2ae35)) >> NEXT3_SHIFT;
  return NEXT3 + (usize(k) << 2);
}

/** Decodes until a batch is full or the chunk is done. columns: what to make, COLUMN_* bits; paddr needs addresses. */
export function run(columns: u32): i32 {
  const wantPc = (columns & COLUMN_PC) !== 0;
  const wantIcount = (columns & COLUMN_ICOUNT) !== 0;
  const wantSizeFlags = (columns & (COLUMN_SIZE_FLAGS | COLUMN_PADDR)) !== 0;
  const wantRuns = (columns & COLUMN_RUNS) !== 0;
  const addressed = wantAddresses;
  const wantPerBlock = (columns & (COLUMN_BLOCK | COLUMN_INSN | COLUMN_CPL)) !== 0;
  beginStretches(
    (columns & COLUMN_PADDR) !== 0,
    (columns & COLUMN_VCPU) !== 0,
    (columns & COLUMN_CR3) !== 0,
  );
  store<u64>(VADDR - 8, newest);
  store<u64>(VADDR - 16, newer);
  store<u64>(VADDR - 24, older);

  // What every block execution touches is in locals; notes see it only when one is due.
  const table = blockTable;
  const limit = blockLimit;
  const accessEnd = accessCount;
  const blockEnd = blockCount;
  let before1 = p1;
  let before2 = p2;
  let before3 = p3;
  let blocks = blocksDone;
  let accesses = accessesDone;
  let blockHits = blockRun;
  let hits = accessRun;
  let icountNow = icount;
  let rep = pendingRep;
  let noteAt = noteBlock;
  let out: u32 = 0;
  let runs: u32 = 0;
  let runsAt: u32 = 0;
  let status = MORE;
  let bad: u64 = 0;
  // A note stands before the end of this block execution, or said something of it.
  let eventful = true;
  let follower = followerOf(before1, before2, before3);
  let predicted = load<u32>(follower);
  let predictedEpoch = epochOf(table, predicted, limit);

  while (true) {
    if (u64(blocks) >= noteAt) {
      setIcount(icountNow);
      setPendingRep(rep);
      applyNotes(blocks, accesses, out, inBlock);
      icountNow = icount;
      rep = pendingRep;
      noteAt = noteBlock;
      if (failure !== 0) break;
    }
    if (!inBlock) {
      if (blocks === blockEnd) {
        status = DONE;
        break;
      }
      if (runs === BATCH || out === BATCH) break;

      let id = predicted;
      if (blockHits > 0) {
        blockHits--;
        if (id >= limit) {
          fail(BLOCK_UNKNOWN);
          break;
        }
        if (predictedEpoch !== epoch) refreshBlock(table + (usize(id) << BLOCK_SHIFT));
      } else {
        const h0 = load<u64>(VADDR + (usize(out) << 3) - 8);
        id = readBlock(predicted, before1, h0, accessEnd - accesses);
        blockHits = blockRun;
        if (failure !== 0) break;
        if (id !== predicted) {
          store<u32>(follower, id);
          store<u32>(table + (usize(before1) << BLOCK_SHIFT), id, B_NEXT1);
        }
        refreshBlock(table + (usize(id) << BLOCK_SHIFT));
      }
      before3 = before2;
      before2 = before1;
      before1 = id;
      const begun = table + (usize(id) << BLOCK_SHIFT);
      // Of the block that follows, so that its memory has come when its turn has.
      follower = followerOf(before1, before2, before3);
      predicted = load<u32>(follower);
      predictedEpoch = epochOf(table, predicted, limit);
      blocks++;
      shapeLength = load<u32>(begun, B_SHAPE_LENGTH);
      if (shapeLength > accessEnd - accesses) {
        fail(ACCESSES_TOO_MANY);
        break;
      }
      shapeDone = 0;
      abortedFrom = shapeLength;
      executed = load<u16>(begun, B_INSN_COUNT);
      wasCut = cutPending;
      eventful = u64(blocks) >= noteAt || cutPending || hasOverride;
      if (cutPending) {
        if (cutExecuted > executed || cutAborted > shapeLength) {
          fail(CUT_TOO_LONG);
          break;
        }
        executed = cutExecuted;
        abortedFrom = shapeLength - cutAborted;
        clearCut();
      }
      const continues = rep === load<u64>(begun, B_VADDR);
      if (continues) icountNow--;
      if (wantRuns) {
        if (runs === 0) runsAt = out;
        store<u32>(RUN_BLOCK + (runs << 2), id);
        store<u16>(RUN_EXECUTED + (runs << 1), u16(executed));
        store<u16>(RUN_VCPU + (runs << 1), u16(vcpu));
        store<u64>(RUN_ICOUNT + (runs << 3), icountNow);
        store<u32>(RUN_FIRST_ACCESS + (runs << 2), out - runsAt);
        store<u8>(RUN_CONTINUES + runs, u8(continues));
        // Notes may cut it, or say of an access what the shape does not.
        const number = eventful ? 0 : load<u32>(begun, B_SHAPE_NUMBER);
        store<u32>(RUN_SHAPE + (runs << 2), number);
        runs++;
      }
      inBlock = true;
      if (u64(blocks) >= noteAt && shapeLength > 0) continue;
    }

    // A stretch of the block's accesses: up to its end, the batch's end, the next note, or one access
    // that a note has something to say about.
    const block = table + (usize(before1) << BLOCK_SHIFT);
    let stretch = shapeLength - shapeDone;
    if (stretch > BATCH - out) stretch = BATCH - out;
    if (eventful) {
      if (u64(blocks) === noteAt && u64(stretch) > noteAccess - u64(accesses)) {
        stretch = u32(noteAccess - u64(accesses));
      }
      if (hasOverride && stretch > 1) stretch = 1;
    }

    const slots: usize = load<u32>(block, B_SLOTS);
    const pcBase = load<u8>(block, B_DELIVERY) === 0 ? load<u64>(block, B_VADDR) : eventIp;
    const keyBase = before1 * 64;
    let member: usize = usize(load<u32>(block, B_SHAPE)) + (usize(shapeDone) << 1);
    const stretchBegin = out;
    const stretchEnd = out + stretch;
    let vp: usize = VADDR + (usize(out) << 3);
    while (out < stretchEnd) {
      const slotNumber: u32 = load<u16>(member);
      member += 2;
      const slot = slots + (usize(slotNumber) << SLOT_SHIFT);
      if (addressed) {
        let address: u64;
        if (hits > 0) {
          hits--;
          const sel: usize = load<u8>(slot, S_SEL);
          const from = select<usize>(slot, vp - 8 - (sel << 3), sel === 3);
          address = load<u64>(from) + i64(load<i32>(slot + (sel << 2), S_D));
        } else {
          address = readAccess(slot, vp, keyBase + slotNumber);
          hits = accessRun;
        }
        store<u64>(vp, address);
        store<u64>(slot, address, S_LAST);
        bad |= (address + 0x8000_0000_0000) >> 48;
      }
      if (wantPc) store<u64>(vp, pcBase + load<u16>(slot, S_PC_OFFSET), PC - VADDR);
      if (wantIcount) store<u64>(vp, icountNow + (load<u16>(slot, S_TAG) & 511), ICOUNT - VADDR);
      if (wantSizeFlags) {
        store<u8>(usize(out), load<u8>(slot, S_SIZE), SIZE);
        store<u8>(usize(out), load<u8>(slot, S_FLAGS), FLAGS);
      }
      vp += 8;
      out++;
    }
    if (failure !== 0) break;
    if (wantPerBlock) fillPerBlock(columns, block, slots, shapeDone, stretchBegin, out);
    if (eventful) {
      if (hasOverride && stretch === 1) applyOverride(stretchBegin);
      markAborted(stretchBegin, out, shapeDone + stretch);
    }
    accesses += stretch;
    shapeDone += stretch;
    if (shapeDone === shapeLength) {
      inBlock = false;
      icountNow += u64(executed);
      rep = !wasCut && load<u8>(block, B_REP) !== 0 ? load<u64>(block, B_LAST_PC) : NONE;
    } else if (out === BATCH) {
      break;
    }
  }

  p1 = before1;
  p2 = before2;
  p3 = before3;
  blocksDone = blocks;
  accessesDone = accesses;
  blockRun = blockHits;
  accessRun = hits;
  setIcount(icountNow);
  setPendingRep(rep);
  if (failure === 0 && bad !== 0) fail(ADDRESS_NOT_CANONICAL);
  if (failure === 0 && status === DONE) checkEnd();
  endStretches(out);
  newest = load<u64>(VADDR + (usize(out) << 3) - 8);
  newer = load<u64>(VADDR + (usize(out) << 3) - 16);
  older = load<u64>(VADDR + (usize(out) << 3) - 24);
  placeWide();
  accessesOut = out;
  runsOut = runs;
  runsBegin = runsAt;
  if (failure !== 0) return failure;
  if (status === DONE) saveVcpu();
  return status;
}

/** Marks what a cut aborted of the accesses begin to end of the batch; done: of the block's accesses. */
function markAborted(begin: u32, end: u32, done: u32): void {
  if (done <= abortedFrom) return;
  const marked = min(done - abortedFrom, end - begin);
  for (let i = end - marked; i < end; i++) {
    store<u8>(usize(i), u8(load<u8>(usize(i), FLAGS) | 2), FLAGS);
  }
}

function fillPerBlock(
  columns: u32,
  block: usize,
  slots: usize,
  firstMember: u32,
  begin: u32,
  end: u32,
): void {
  if ((columns & COLUMN_BLOCK) !== 0) {
    const id = u32((block - blockTable) >> BLOCK_SHIFT);
    for (let i = begin; i < end; i++) store<u32>(BLOCK + (i << 2), id);
  }
  if ((columns & COLUMN_CPL) !== 0) {
    // Most stretches are of a few accesses: a call of memory.fill takes longer.
    const cpl = load<u8>(block, B_CPL);
    for (let i = begin; i < end; i++) store<u8>(CPL + i, cpl);
  }
  if ((columns & COLUMN_INSN) !== 0) {
    let member: usize = usize(load<u32>(block, B_SHAPE)) + (usize(firstMember) << 1);
    for (let i = begin; i < end; i++) {
      const slot = slots + (usize(load<u16>(member)) << SLOT_SHIFT);
      store<u16>(INSN + (i << 1), u16(load<u16>(slot, S_TAG) & 511));
      member += 2;
    }
  }
}

/** Nothing may be left when the last block execution has been decoded. */
function checkEnd(): void {
  if (accessesDone !== accessCount) fail(ACCESSES_TOO_FEW);
  if (blockRun !== 0 || accessRun !== 0) fail(RUN_LEFT_OVER);
  if (hasOverride || cutPending) fail(NOTE_WITHOUT_TARGET);
  for (let stream = STREAMS; stream <= S_NOTES; stream += 8) {
    const isOfAccesses = stream >= S_ACCESS_RUNS && stream <= S_DELTA6;
    if ((wantAddresses || !isOfAccesses) && bytesLeft(stream) !== 0) fail(STREAM_LEFT_OVER);
  }
}
