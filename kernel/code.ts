// SPDX-License-Identifier: Apache-2.0
// Makes the block table of the entries of a code section: docs/format.md section 2. The loader has checked them.

import {
  B_CPL,
  B_DELIVERY,
  B_EPOCH,
  B_INSN_COUNT,
  B_LAST_PC,
  B_OFFSETS,
  B_REP,
  B_VADDR,
  BLOCK_SHIFT,
} from './memory-map';

const ENTRY_BYTES: usize = 20;
const MODE_KNOWN: u32 = 1;
const LAST_REP: u32 = 2;
const DELIVERY: u32 = 4;
const CPL_UNKNOWN: u8 = 255;

/**
 * Puts so many blocks, whose entries are at `entries`, to `table`, and the offset of each of their instructions to
 * `offsets`. Returns where the offsets end.
 */
export function addBlocks(entries: u32, count: u32, table: u32, offsets: u32): u32 {
  let entry: usize = entries;
  let offset: usize = offsets;
  for (let i: u32 = 0; i < count; i++) {
    const block = usize(table) + (usize(i) << BLOCK_SHIFT);
    const vaddr = load<u64>(entry);
    const flags = load<u32>(entry, 12);
    const insnCount: usize = load<u16>(entry, 16);
    const lengths = entry + ENTRY_BYTES;
    store<u32>(block, u32(offset), B_OFFSETS);
    let insnAt: u32 = 0;
    for (let insn: usize = 0; insn < insnCount; insn++) {
      if (insn > 0) insnAt += load<u8>(lengths + insn - 1);
      store<u16>(offset, u16(insnAt));
      offset += 2;
    }
    store<u64>(block, vaddr, B_VADDR);
    store<u64>(block, vaddr + insnAt, B_LAST_PC);
    // "In no chunk yet": in memory that another trace has used anything may stand there.
    store<u32>(block, 0, B_EPOCH);
    store<u16>(block, u16(insnCount), B_INSN_COUNT);
    const cpl = (flags & MODE_KNOWN) !== 0 ? u8(load<u32>(entry, 8) & 3) : CPL_UNKNOWN;
    store<u8>(block, cpl, B_CPL);
    store<u8>(block, u8((flags & LAST_REP) !== 0), B_REP);
    store<u8>(block, u8((flags & DELIVERY) !== 0), B_DELIVERY);
    entry = lengths + insnCount + load<u16>(entry, 18);
  }
  return u32(offset);
}
