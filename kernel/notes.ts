// SPDX-License-Identifier: Apache-2.0
// Notes: what is not an access or a block execution. State of the running vCPU, page table, and the
// columns that follow from them, which are filled for a whole stretch when the state changes.

import {
  NOTE_MISPLACED,
  NOTE_UNKNOWN,
  NOTE_WITHOUT_TARGET,
  NOTES_BAD,
  PAGE_NOT_MAPPED,
  VCPU_TOO_HIGH,
} from './failure';
import {
  BATCH,
  CR3,
  CROSSING_INDEX,
  CROSSING_PADDR,
  FLAGS,
  PADDR,
  PAGES,
  PC,
  SIZE,
  VADDR,
  VCPU,
  VCPUS,
  WIDE_INDEX,
  WIDE_VADDR,
} from './memory-map';
import { bytesLeft, fail, readBytes, readU8, readVarint, S_NOTES, unzigzag } from './streams';

export const NONE: u64 = 0xffff_ffff_ffff_ffff;
const PAGE_LIMIT: u64 = 1 << 52;

const FLAG_DEVICE: u32 = 4;
const FLAG_PADDR_UNKNOWN: u32 = 8;
const FLAG_CROSSES_PAGE: u32 = 16;
const FLAG_PHYSICAL_ONLY: u32 = 32;
/** Of an event: a snapshot was loaded. */
const EVENT_RESTORED: u64 = 1 << 14;
/** Origin, in the bits of the flags column; that of a page walk is 2. */
const FLAG_ORIGIN: u32 = 3 << 6;
const FLAG_PAGE_WALK: u32 = 2 << 6;

/** Position of the next note: block executions begun and accesses made before it. */
export let noteBlock: u64 = NONE;
export let noteAccess: u64 = NONE;
export let eventCount: u32 = 0;
export let noteCount: u32 = 0;
/** Where the last event of the chunk was taken. */
export let eventIp: u64 = NONE;

export let cutPending: bool = false;
export let cutExecuted: u32 = 0;
export let cutAborted: u32 = 0;

/** Set when a note says something of the next access. */
export let hasOverride: bool = false;
let isWide: bool = false;
let isPhysical: bool = false;
let isPageWalk: bool = false;
let device0: bool = false;
let device1: bool = false;
let wideVaddr: u64 = 0;
let devicePaddr0: u64 = 0;
let devicePaddr1: u64 = 0;

/** Slots of the table of pages, less one. */
let pageMask: usize = 0;
let lastVpage: u64 = 0;
let lastPpage: u64 = 0;

export let vcpu: u32 = 0;
export let icount: u64 = 0;
export let pendingRep: u64 = NONE;
let cr3: u64 = 0;
let wantPaddr: bool = false;
let wantVcpu: bool = false;
let wantCr3: bool = false;
let paddrDone: u32 = 0;
let vcpuDone: u32 = 0;
let cr3Done: u32 = 0;
export let crossingCount: u32 = 0;
let wideCount: u32 = 0;

export function setIcount(value: u64): void {
  icount = value;
}

export function setPendingRep(value: u64): void {
  pendingRep = value;
}

export function clearCut(): void {
  cutPending = false;
}

/** pageSlots: of the chunk's table of pages, a power of two, at most 4,096. */
export function beginNotes(firstVcpu: u32, pageSlots: u32): void {
  pageMask = usize(pageSlots) - 1;
  memory.fill(PAGES, 0xff, (pageMask + 1) << 4);
  lastVpage = 0;
  lastPpage = 0;
  eventCount = 0;
  eventIp = NONE;
  noteCount = 0;
  cutPending = false;
  clearOverride();
  noteBlock = 0;
  noteAccess = 0;
  loadVcpu(firstVcpu);
  readPosition();
}

export function beginStretches(paddrWanted: bool, vcpuWanted: bool, cr3Wanted: bool): void {
  wantPaddr = paddrWanted;
  wantVcpu = vcpuWanted;
  wantCr3 = cr3Wanted;
  paddrDone = 0;
  vcpuDone = 0;
  cr3Done = 0;
  crossingCount = 0;
  wideCount = 0;
}

/** Fills what follows from the state for the accesses of the batch up to index end. */
export function endStretches(end: u32): void {
  if (wantPaddr) flushPaddr(end);
  if (wantVcpu) flushVcpu(end);
  if (wantCr3) flushCr3(end);
}

/** Puts wide addresses into the column. Only when the column is no longer needed as history. */
export function placeWide(): void {
  for (let i: u32 = 0; i < wideCount; i++) {
    const at: usize = load<u32>(WIDE_INDEX + (i << 2));
    store<u64>(VADDR + (at << 3), load<u64>(WIDE_VADDR + (i << 3)));
  }
}

export function saveVcpu(): void {
  const state = VCPUS + (usize(vcpu) << 5);
  store<u64>(state, icount);
  store<u64>(state, cr3, 8);
  store<u64>(state, pendingRep, 16);
}

export function loadVcpu(index: u32): void {
  vcpu = index;
  const state = VCPUS + (usize(index) << 5);
  icount = load<u64>(state);
  cr3 = load<u64>(state, 8);
  pendingRep = load<u64>(state, 16);
}

/** Applies every note that stands exactly here; batchIndex is where the next access goes. */
export function applyNotes(blocks: u32, accesses: u32, batchIndex: u32, insideBlock: bool): void {
  while (noteBlock === u64(blocks) && noteAccess === u64(accesses)) {
    noteCount++;
    applyNote(batchIndex, insideBlock);
    readPosition();
  }
  if (noteBlock < u64(blocks) || (noteBlock === u64(blocks) && noteAccess < u64(accesses))) {
    fail(NOTE_MISPLACED);
  }
}

let noteKind: u32 = 0;

function readPosition(): void {
  if (bytesLeft(S_NOTES) === 0) {
    noteBlock = NONE;
    noteAccess = NONE;
    return;
  }
  noteKind = readU8(S_NOTES, NOTES_BAD);
  const blocks = readVarint(S_NOTES, NOTES_BAD);
  const accesses = readVarint(S_NOTES, NOTES_BAD);
  // A chunk has at most 2^25 of each: with the steps below 2^32 the sums cannot wrap in a file that
  // anyone could store.
  if (blocks > 0xffff_ffff || accesses > 0xffff_ffff) fail(NOTE_MISPLACED);
  noteBlock += blocks & 0xffff_ffff;
  noteAccess += accesses & 0xffff_ffff;
}

function applyNote(batchIndex: u32, insideBlock: bool): void {
  switch (noteKind) {
    case 1:
    case 2:
      readMapping(batchIndex);
      break;
    case 3:
      if (wantPaddr) flushPaddr(batchIndex);
      memory.fill(PAGES, 0xff, (pageMask + 1) << 4);
      break;
    case 4: {
      const next = readVarint(S_NOTES, NOTES_BAD);
      if (next >= 1024) {
        fail(VCPU_TOO_HIGH);
        break;
      }
      if (insideBlock) fail(NOTE_MISPLACED);
      if (wantVcpu) flushVcpu(batchIndex);
      if (wantCr3) flushCr3(batchIndex);
      saveVcpu();
      loadVcpu(u32(next));
      break;
    }
    case 5:
      if (wantCr3) flushCr3(batchIndex);
      cr3 = readBytes(S_NOTES, 8, NOTES_BAD);
      break;
    case 6: {
      const part = readVarint(S_NOTES, NOTES_BAD);
      const paddr = readBytes(S_NOTES, 8, NOTES_BAD);
      hasOverride = true;
      if (part > 1) fail(NOTES_BAD);
      if (part === 1) {
        device1 = true;
        devicePaddr1 = paddr;
      } else {
        device0 = true;
        devicePaddr0 = paddr;
      }
      break;
    }
    case 7:
      wideVaddr = readBytes(S_NOTES, 8, NOTES_BAD);
      isWide = true;
      hasOverride = true;
      break;
    case 8:
      isPhysical = true;
      hasOverride = true;
      break;
    case 9:
      if ((readVarint(S_NOTES, NOTES_BAD) & EVENT_RESTORED) !== 0) forgetPendingReps();
      readVarint(S_NOTES, NOTES_BAD);
      eventIp = readBytes(S_NOTES, 8, NOTES_BAD);
      readBytes(S_NOTES, 8, NOTES_BAD);
      pendingRep = NONE;
      eventCount++;
      break;
    case 10:
      readCut();
      break;
    case 11:
      readBytes(S_NOTES, 8, NOTES_BAD);
      if (insideBlock) fail(NOTE_MISPLACED);
      forgetPendingReps();
      break;
    case 12:
      isPhysical = true;
      isPageWalk = true;
      hasOverride = true;
      break;
    case 13:
      if (readVarint(S_NOTES, NOTES_BAD) > 1023) fail(NOTES_BAD);
      break;
    case 14:
      skipPort();
      break;
    case 15:
      skipRegion();
      break;
    default:
      fail(NOTE_UNKNOWN);
  }
}

function skipPort(): void {
  const insn = readVarint(S_NOTES, NOTES_BAD);
  const port = readVarint(S_NOTES, NOTES_BAD);
  const what = readU8(S_NOTES, NOTES_BAD);
  const value = readVarint(S_NOTES, NOTES_BAD);
  const sizeLog2 = (what >> 1) & 3;
  if (insn > 511 || port > 0xffff || what > 63 || sizeLog2 > 2 || value > 0xffff_ffff) {
    fail(NOTES_BAD);
  }
}

function skipRegion(): void {
  const first = readBytes(S_NOTES, 8, NOTES_BAD);
  const last = readBytes(S_NOTES, 8, NOTES_BAD);
  const length = readVarint(S_NOTES, NOTES_BAD);
  if (first > last || length > 255) {
    fail(NOTES_BAD);
    return;
  }
  for (let i: u64 = 0; i < length; i++) readU8(S_NOTES, NOTES_BAD);
}

/** Behind a gap, or when a snapshot was loaded, no suspended rep instruction is known to go on, on any vCPU. */
function forgetPendingReps(): void {
  for (let i: usize = 0; i < 1024; i++) store<u64>(VCPUS + (i << 5), NONE, 16);
  pendingRep = NONE;
}

function readMapping(batchIndex: u32): void {
  if (wantPaddr) flushPaddr(batchIndex);
  lastVpage += unzigzag(readVarint(S_NOTES, NOTES_BAD));
  let ppage = NONE;
  if (noteKind === 1) {
    lastPpage += unzigzag(readVarint(S_NOTES, NOTES_BAD));
    ppage = lastPpage;
    if (ppage >= PAGE_LIMIT) fail(NOTES_BAD);
  }
  if (lastVpage >= PAGE_LIMIT) fail(NOTES_BAD);
  const entry = PAGES + ((usize(lastVpage) & pageMask) << 4);
  store<u64>(entry, lastVpage);
  store<u64>(entry, ppage, 8);
}

function readCut(): void {
  if (cutPending) fail(NOTE_WITHOUT_TARGET);
  const executed = readVarint(S_NOTES, NOTES_BAD);
  const aborted = readVarint(S_NOTES, NOTES_BAD);
  const cause = readU8(S_NOTES, NOTES_BAD);
  if (executed > 512 || aborted > 1 << 25 || cause < 1 || cause > 5) fail(NOTES_BAD);
  cutPending = true;
  cutExecuted = u32(executed);
  cutAborted = u32(aborted);
}

function clearOverride(): void {
  hasOverride = false;
  isWide = false;
  isPhysical = false;
  isPageWalk = false;
  device0 = false;
  device1 = false;
}

function flushVcpu(end: u32): void {
  for (let i = vcpuDone; i < end; i++) store<u16>(VCPU + (i << 1), u16(vcpu));
  vcpuDone = end;
}

function flushCr3(end: u32): void {
  for (let i = cr3Done; i < end; i++) store<u64>(CR3 + (i << 3), cr3);
  cr3Done = end;
}

function flushPaddr(end: u32): void {
  for (let i = paddrDone; i < end; i++) {
    const vaddr = load<u64>(VADDR + (i << 3));
    const inPage = vaddr & 4095;
    const page = vaddr >> 12;
    const entry = PAGES + ((usize(page) & pageMask) << 4);
    if (load<u64>(entry) !== page) {
      fail(PAGE_NOT_MAPPED);
      break;
    }
    const ppage = load<u64>(entry, 8);
    store<u64>(PADDR + (i << 3), ppage === NONE ? NONE : (ppage << 12) | inPage);
    if (ppage === NONE) addFlags(i, FLAG_PADDR_UNKNOWN);
    if (inPage + load<u8>(SIZE + i) > 4096) addCrossing(i, pageStart(page + 1));
  }
  paddrDone = end;
}

/** Physical address of the first byte of a page, all ones when it is not known. */
function pageStart(page: u64): u64 {
  const wrapped = page & (PAGE_LIMIT - 1);
  const entry = PAGES + ((usize(wrapped) & pageMask) << 4);
  if (load<u64>(entry) !== wrapped) {
    fail(PAGE_NOT_MAPPED);
    return NONE;
  }
  const ppage = load<u64>(entry, 8);
  return ppage === NONE ? NONE : ppage << 12;
}

function addCrossing(index: u32, paddr: u64): void {
  store<u32>(CROSSING_INDEX + (crossingCount << 2), index);
  store<u64>(CROSSING_PADDR + (crossingCount << 3), paddr);
  crossingCount++;
  addFlags(index, paddr === NONE ? FLAG_CROSSES_PAGE | FLAG_PADDR_UNKNOWN : FLAG_CROSSES_PAGE);
}

function addFlags(index: u32, flags: u32): void {
  store<u8>(FLAGS + index, u8(load<u8>(FLAGS + index) | flags));
}

/** Gives the access just decoded what the notes before it said. */
export function applyOverride(index: u32): void {
  let vaddr = load<u64>(VADDR + (index << 3));
  if (isWide) {
    vaddr = wideVaddr;
    store<u32>(WIDE_INDEX + (wideCount << 2), index);
    store<u64>(WIDE_VADDR + (wideCount << 3), vaddr);
    wideCount++;
  }
  if (device0 || device1) addFlags(index, FLAG_DEVICE);
  if (isPhysical) addFlags(index, FLAG_PHYSICAL_ONLY);
  if (isPageWalk) {
    const flags = load<u8>(FLAGS + index);
    if ((flags & FLAG_ORIGIN) !== 0) store<u64>(PC + (index << 3), NONE);
    store<u8>(FLAGS + index, u8((flags & ~FLAG_ORIGIN) | FLAG_PAGE_WALK));
  }
  if (wantPaddr) {
    flushPaddr(index);
    placePaddr(index, vaddr);
    paddrDone = index + 1;
  }
  clearOverride();
}

function placePaddr(index: u32, vaddr: u64): void {
  const inPage = vaddr & 4095;
  let paddr = NONE;
  if (device0) paddr = devicePaddr0;
  else if (isPhysical) paddr = vaddr;
  else {
    const start = pageStart(vaddr >> 12);
    if (start === NONE) addFlags(index, FLAG_PADDR_UNKNOWN);
    else paddr = start | inPage;
  }
  store<u64>(PADDR + (index << 3), paddr);
  const crosses = inPage + load<u8>(SIZE + index) > 4096;
  if (device1 && !crosses) fail(NOTE_MISPLACED);
  if (crosses && !isPhysical) {
    addCrossing(index, device1 ? devicePaddr1 : pageStart((vaddr >> 12) + 1));
  }
}
