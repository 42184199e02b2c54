// SPDX-License-Identifier: Apache-2.0
// Counts the accesses of a stretch by page: a row for each pair of virtual and physical page, found again by a
// direct-mapped table. Pairs that meet in one slot of it may get several rows. AssemblyScript.

const FLAG_STORE: u32 = 1;
const FLAG_ABORTED: u32 = 2;
const FLAG_PHYSICAL_ONLY: u32 = 32;
/** No page, and a physical address that is not known. */
const NONE: u64 = u64.MAX_VALUE;
/** Not even NONE: the row of slots that have none. */
const NO_ROW_PAGE: u64 = 1 << 60;

/** Accesses of a stretch at most, and so its rows. */
const STRETCH: u32 = 4096;
const SLOTS: u32 = 2048;

/** A row: u64 virtual page, u64 physical page, u32 loads, u32 stores. */
const ROW_BYTES_LOG2: u32 = 5;
const PHYSICAL_AT: usize = 8;
const COUNTS_AT: usize = 16;

const VADDR: usize = 1024;
// A little more than a multiple of 4 KiB apart, so that they do not fall into the same sets of the L1 cache.
const PADDR: usize = VADDR + 8 * STRETCH + 192;
const FLAGS: usize = PADDR + 8 * STRETCH + 192;
/** Of a page: its row, u16; 0 for none. */
const SLOT_ROWS: usize = FLAGS + STRETCH + 192;
/** Row 0 is nobody's. */
const ROWS: usize = SLOT_ROWS + 2 * SLOTS + 64;
const END: usize = ROWS + ((STRETCH + 1) << ROW_BYTES_LOG2);

let hasVirtual: bool = false;
let hasPhysical: bool = false;
let rowCount: u32 = 0;

/** Before anything else: which addresses there are. False: there is no memory. */
export function begin(virtual: bool, physical: bool): bool {
  hasVirtual = virtual;
  hasPhysical = physical;
  const missing = i32((END + 65535) >> 16) - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) return false;
  store<u64>(ROWS, NO_ROW_PAGE);
  forgetRows();
  return true;
}

export function vaddrAt(): u32 {
  return u32(VADDR);
}

export function paddrAt(): u32 {
  return u32(PADDR);
}

export function flagsAt(): u32 {
  return u32(FLAGS);
}

/** The first row that counts. */
export function rowsAt(): u32 {
  return u32(ROWS) + (1 << ROW_BYTES_LOG2);
}

export function rowTotal(): u32 {
  return rowCount;
}

/** Begins a stretch. */
export function forgetRows(): void {
  rowCount = 0;
  memory.fill(SLOT_ROWS, 0, 2 * SLOTS);
}

/** Counts the first accesses of the columns. A stretch has STRETCH at most. */
export function count(accesses: u32): void {
  for (let i: u32 = 0; i < accesses; i++) {
    const flags: u32 = load<u8>(FLAGS + i);
    let virtual = NONE;
    let physical = NONE;
    if (hasVirtual) virtual = load<u64>(VADDR + (i << 3)) >> 12;
    if (hasPhysical) {
      const paddr = load<u64>(PADDR + (i << 3));
      physical = paddr === NONE ? NONE : paddr >> 12;
    }
    if ((flags & (FLAG_ABORTED | FLAG_PHYSICAL_ONLY)) !== 0) {
      if ((flags & FLAG_ABORTED) !== 0) continue;
      virtual = NONE;
    }
    const page = u32(hasVirtual ? virtual : physical);
    const slot = SLOT_ROWS + (((page ^ (page >> 11)) & (SLOTS - 1)) << 1);
    let row = ROWS + (usize(load<u16>(slot)) << ROW_BYTES_LOG2);
    if (load<u64>(row) !== virtual || load<u64>(row, PHYSICAL_AT) !== physical) {
      row = ROWS + (usize(++rowCount) << ROW_BYTES_LOG2);
      store<u16>(slot, u16(rowCount));
      store<u64>(row, virtual);
      store<u64>(row, physical, PHYSICAL_AT);
      store<u64>(row, 0, COUNTS_AT);
    }
    const counts = row + ((flags & FLAG_STORE) << 2);
    store<u32>(counts, load<u32>(counts, COUNTS_AT) + 1, COUNTS_AT);
  }
}
