// SPDX-License-Identifier: Apache-2.0
// What lies in memory, written by src/analysis/cache/cache-layout.ts, which has the same offsets. All that
// changes is in memory, so that a copy of the memory is a copy of the simulation.

/** Who asks: also the place of its accesses among the counts of a cache. Its misses are COUNT_MISSES further. */
export const LOAD: u32 = 0;
export const STORE: u32 = 1;
export const FETCH: u32 = 2;
export const PREFETCH: u32 = 3;
export const COUNT_MISSES: u32 = 4;
export const COUNT_WRITEBACKS: u32 = 8;

export const LRU: u32 = 0;
export const FIFO: u32 = 1;
export const RANDOM: u32 = 2;
export const PLRU: u32 = 3;

/** A cache. */
@unmanaged
export class Unit {
  /** u64 for each way of each set: line number, shifted left by one, and whether it is dirty; EMPTY. */
  tags: usize;
  setMask: u32;
  ways: u32;
  policy: u32;
  /** u32 for each set. random: victims so far; plru: the tree, a bit for each node, 1 when its right side is older. */
  setState: usize;
  /** f64 for each instruction: its misses here. */
  siteMisses: usize;
  /** The cache that is asked next, 0 for memory. */
  next: usize;
  /** For reportClass. */
  number: u32;
  /** Of a first level: its place in Config.vcpus. */
  place: u32;
  /** Of a first level: u64 for each way of each set, lines that a chunk found dirty: see absorb.ts. */
  inherited: usize;
  // Nine f64 follow: the counts.
}

export const COUNTS_AT: usize = 40;

/** What the first level did not surely have: a line that a chunk's digest passes on. */
@unmanaged
export class Miss {
  line: u64;
  /** As in tags. EMPTY: the set had room, so that the line may have been there before the chunk. */
  victim: u64;
  site: u32;
  /** Who asked, and above two bits the place of the cache in Config.vcpus. */
  source: u32;
}

export const MISS_BYTES: usize = 24;

/** No line number is so high. */
export const EMPTY: u64 = u64.MAX_VALUE;

@unmanaged
export class Config {
  lineShift: u32;
  shardMask: u32;
  shardIndex: u32;
  /** Flags of accesses that no cache sees. */
  excluded: u32;
  writeAllocate: u32;
  prefetches: u32;
  /** reportClass is told of every access of every cache. */
  classifies: u32;
  randomSeed: u32;
  usesPhysical: u32;
  /** Two pointers for each vCPU: its L1D, its L1I (0: no fetches). */
  vcpus: usize;
  /** u32 for each block: number of its first instruction. */
  insnFirst: usize;
  /** The fetch table: u32 for each block; u64, u16, u16 for each touch. */
  firstTouch: usize;
  touchLine: usize;
  touchInsn: usize;
  touchFetches: usize;
  /** Columns of a stretch. */
  address: usize;
  size: usize;
  flags: usize;
  vcpu: usize;
  block: usize;
  insn: usize;
  crossingIndex: usize;
  crossingPaddr: usize;
  runBlock: usize;
  runExecuted: usize;
  runVcpu: usize;
  runFirstAccess: usize;
  runContinues: usize;
  /** 1: only first levels are simulated, from nothing, and their misses are told. */
  digests: u32;
  /** The misses, and how many there is room for. */
  misses: usize;
  missLimit: u32;
  /** The running block execution: lines that it has still to fetch, and what it is. */
  touch: u32;
  touchEnd: u32;
  site: u32;
  executed: u32;
  fetchVcpu: u32;
  /** 1: its first instruction is a rep string one that was fetched by the execution before. */
  continues: u32;
  /** Lines written to memory. */
  memoryWrites: f64;
  /** Lines that data accesses touched beyond their first. */
  moreLines: f64;
  /** Accesses that no cache saw: of devices, and without an address. */
  device: f64;
  noAddress: f64;
}
