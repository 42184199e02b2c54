// SPDX-License-Identifier: Apache-2.0
// Where the kernel keeps what in its linear memory. AssemblyScript, not TypeScript.
// Fixed tables and output columns first; behind END come, in this order, what the loader puts there
// (block table, instruction offsets, streams of the chunk) and the arena of slots and shapes.

/** Accesses (and block executions) in one batch of output: the columns in use fit a 1 MiB L2. */
export const BATCH: u32 = 32768;

/** Pairs (pointer u32, end u32) of the eleven streams of a chunk, in the order of the format. */
export const STREAMS: usize = 0x8000;
/** 4,096, or as many as the chunk has, x (virtual page u64, physical page u64). Empty: virtual page all ones. */
export const PAGES: usize = 0x10000;
/** 1,024 x (icount u64, cr3 u64, pendingRep u64, reserved u64). */
export const VCPUS: usize = PAGES + 4096 * 16;
/** Predictor tables: a hash of 32 bits is shifted right to an index. */
export const NEXT3_COUNT: u32 = 32768;
export const NEXT3_SHIFT: u32 = 17;
export const WALK_COUNT: u32 = 16384;
export const WALK_SHIFT: u32 = 18;
export const NEXT3: usize = VCPUS + 1024 * 32;
export const WALK: usize = NEXT3 + 32768 * 4;

// Columns of 8-byte elements are a little more than a multiple of 4 KiB apart, so that the stores of
// one access do not all fall into one set of the L1 cache.
const WIDE_COLUMN: usize = 32768 * 8 + 192;
/** The three addresses before the batch lie just before this column: it is its own history. */
export const VADDR: usize = WALK + 16384 * 8 + 64;
export const PC: usize = VADDR + WIDE_COLUMN;
export const ICOUNT: usize = PC + WIDE_COLUMN;
export const PADDR: usize = ICOUNT + WIDE_COLUMN;
export const CR3: usize = PADDR + WIDE_COLUMN;
export const SIZE: usize = CR3 + WIDE_COLUMN;
export const FLAGS: usize = SIZE + 32768 + 64;
export const CPL: usize = FLAGS + 32768 + 64;
export const VCPU: usize = CPL + 32768 + 64;
export const INSN: usize = VCPU + 32768 * 2 + 64;
export const BLOCK: usize = INSN + 32768 * 2 + 64;
/** Accesses that cross a page: index in the batch, paddr of the part in the second page. */
export const CROSSING_INDEX: usize = BLOCK + 32768 * 4 + 64;
export const CROSSING_PADDR: usize = CROSSING_INDEX + 32768 * 4 + 64;
/** Addresses that do not fit 48 bits, put into the column when the batch is done. */
export const WIDE_INDEX: usize = CROSSING_PADDR + WIDE_COLUMN;
export const WIDE_VADDR: usize = WIDE_INDEX + 32768 * 4 + 64;
/** Block executions of the batch. */
export const RUN_BLOCK: usize = WIDE_VADDR + WIDE_COLUMN;
export const RUN_EXECUTED: usize = RUN_BLOCK + 32768 * 4 + 64;
export const RUN_VCPU: usize = RUN_EXECUTED + 32768 * 2 + 64;
export const RUN_ICOUNT: usize = RUN_VCPU + 32768 * 2 + 64;
/** Counted from the first access of the batch's first block execution. */
export const RUN_FIRST_ACCESS: usize = RUN_ICOUNT + WIDE_COLUMN;
/** Number of the shape it had, unique in the chunk; 0: it was left early, or a note told of an access. */
export const RUN_SHAPE: usize = RUN_FIRST_ACCESS + 32768 * 4 + 64;
/** 1: its first instruction is a rep string one that goes on from the execution before. */
export const RUN_CONTINUES: usize = RUN_SHAPE + 32768 * 4 + 64;
export const END: usize = RUN_CONTINUES + 32768 + 64;

// One block, 64 bytes. What changes from chunk to chunk is valid when EPOCH is the chunk's.
export const BLOCK_SHIFT: u32 = 6;
export const B_VADDR: usize = 0; // u64
export const B_LAST_PC: usize = 8; // u64, address of the last instruction
export const B_OFFSETS: usize = 16; // u32, pointer to the u16 offset of each instruction
export const B_INSN_COUNT: usize = 20; // u16
export const B_CPL: usize = 22; // u8, 255 when unknown
export const B_REP: usize = 23; // u8, 1 when the last instruction is a rep string instruction
export const B_EPOCH: usize = 24; // u32
export const B_NEXT1: usize = 28; // u32
export const B_SHAPE: usize = 32; // u32, pointer to u16 slot numbers
export const B_SHAPE_LENGTH: usize = 36; // u32
export const B_SHAPE_ROOM: usize = 40; // u32
export const B_SLOTS: usize = 44; // u32, pointer to slots
export const B_SLOT_COUNT: usize = 48; // u16, at most 8,192: one for each tag
export const B_SLOT_ROOM: usize = 50; // u16
export const B_SHAPE_NUMBER: usize = 52; // u32, of its present shape, unique in the chunk
export const B_TAG_INDEX: usize = 56; // u32, pointer to u16 slot number + 1, hashed by tag; 0 when few slots
export const B_DELIVERY: usize = 60; // u8, 1 when it stands for the delivery of an event

// One slot, 32 bytes. The distances are kept in the order h0, h1, h2, last, and SEL counts in that
// order, so that the history moves on by one lane shift.
export const SLOT_SHIFT: u32 = 5;
export const S_LAST: usize = 0; // u64
export const S_D: usize = 8; // 4 x i32
export const S_SEL: usize = 24; // u8
export const S_FLAGS: usize = 25; // u8, bit 0 store, bits 6-7 origin
export const S_SIZE: usize = 26; // u8, bytes
export const S_TAG: usize = 28; // u16
export const S_PC_OFFSET: usize = 30; // u16
