// SPDX-License-Identifier: Apache-2.0
// Feeds a stretch of a trace to the caches: data accesses, with the instruction fetches between them when
// there is an L1I. An access or instruction touches each line that it has a byte in. Each level is asked only for
// what the one before it did not have, and brings in each line that it missed; what it gives up while dirty is
// written to the next level that has the line, which is no access of that level, or to memory. Levels neither
// exclude nor include each other.

import { tellMiss } from './digest';
import { Config, FETCH, LOAD, PLRU, PREFETCH, STORE, Unit } from './layout';
import { ask, attachLevels, count } from './levels';
import { fillLine, seedRandom, setOf, touchLine } from './set-cache';

export { absorb, endChunk } from './absorb';
export { tellRest } from './digest';

const FLAG_STORE: u32 = 1;
const FLAG_ABORTED: u32 = 2;
const FLAG_DEVICE: u32 = 4;
const PAGE_MASK: u64 = 4095;
/** Behind every instruction of a block and every access of a stretch. */
const NEVER: u32 = 0x7fff_ffff;

let config: Config = changetype<Config>(0);

/** First address that is free. */
export function heapBase(): usize {
  return __heap_base;
}

/** Works with what lies in memory. */
export function attach(at: usize): void {
  config = changetype<Config>(at);
  attachLevels(config);
  seedRandom(config.randomSeed);
}

/**
 * Takes accessCount accesses and the block executions before each. The first runCount block executions begin
 * before them; firstAccess counts from accessBase.
 */
export function simulate(accessCount: u32, runCount: u32, accessBase: u32): void {
  const lineShift = config.lineShift;
  const lineMask = ((<u32>1) << lineShift) - 1;
  const shardMask = config.shardMask;
  const shardIndex = config.shardIndex;
  const excluded = config.excluded;
  const prefetches = config.prefetches != 0;
  const addressAt = config.address;
  const sizeAt = config.size;
  const flagsAt = config.flags;
  const vcpuAt = config.vcpu;
  const insnAt = config.insn;

  let run: u32 = 0;
  let runAt = firstAccessOf(run, runCount, accessBase);
  let fetchInsn = nextFetchInsn();
  let vcpu: u32 = 0;
  let unit = dataUnit(0);
  let mayHitFirst = unit.policy != PLRU && config.classifies == 0;
  let hitLoads: u32 = 0;
  let hitStores: u32 = 0;
  let crossing: usize = config.crossingIndex;

  for (let i: u32 = 0; i < accessCount; i++) {
    while (runAt <= i) {
      beginRun(run);
      run++;
      runAt = firstAccessOf(run, runCount, accessBase);
      fetchInsn = nextFetchInsn();
    }
    const insn = <u32>load<u16>(insnAt + ((<usize>i) << 1));
    while (fetchInsn <= insn) {
      fetchNext();
      fetchInsn = nextFetchInsn();
    }
    const flags = <u32>load<u8>(flagsAt + i);
    if ((flags & excluded) != 0) {
      exclude(flags);
      continue;
    }
    const accessVcpu = <u32>load<u16>(vcpuAt + ((<usize>i) << 1));
    if (accessVcpu != vcpu) {
      count(unit, LOAD, hitLoads);
      count(unit, STORE, hitStores);
      hitLoads = 0;
      hitStores = 0;
      vcpu = accessVcpu;
      unit = dataUnit(vcpu);
    }
    const address = load<u64>(addressAt + ((<usize>i) << 3));
    const isStore = flags & FLAG_STORE;
    const line = address >> lineShift;
    const lastInLine = (<u32>address & lineMask) + <u32>load<u8>(sizeAt + i) - 1;
    if (lastInLine <= lineMask) {
      if ((<u32>line & shardMask) != shardIndex) continue;
      const first = setOf(unit, line);
      const tag = load<u64>(first);
      if (mayHitFirst && tag >> 1 == line) {
        store<u64>(first, tag | <u64>isStore);
        hitStores += isStore;
        hitLoads += isStore ^ 1;
        continue;
      }
      accessData(unit, line, isStore, siteOf(i, insn));
      continue;
    }
    // Bytes in several lines: of one page, or of two.
    const page = address & ~PAGE_MASK;
    let nextPage = page + PAGE_MASK + 1;
    if (config.usesPhysical != 0 && (address & PAGE_MASK) + load<u8>(sizeAt + i) > PAGE_MASK + 1) {
      while (load<u32>(crossing) < i + accessBase) crossing += 4;
      nextPage = load<u64>(config.crossingPaddr + ((crossing - config.crossingIndex) << 1));
    }
    const lines = lastInLine >> lineShift;
    for (let next: u32 = 0; next <= lines; next++) {
      const at = (line + next) << lineShift;
      const touched = (at - page <= PAGE_MASK ? at : nextPage + (at & PAGE_MASK)) >> lineShift;
      if ((<u32>touched & shardMask) != shardIndex) continue;
      if (next != 0) config.moreLines += 1;
      accessData(unit, touched, isStore, siteOf(i, insn));
    }
  }
  count(unit, LOAD, hitLoads);
  count(unit, STORE, hitStores);
  for (; run < runCount; run++) beginRun(run);
}

/** Fetches what is left of the running block execution. */
export function finishFetches(): void {
  while (config.touch < config.touchEnd) fetchNext();
}

function dataUnit(vcpu: u32): Unit {
  return changetype<Unit>(load<usize>(config.vcpus + ((<usize>vcpu) << 3)));
}

function siteOf(i: u32, insn: u32): u32 {
  const block = load<u32>(config.block + ((<usize>i) << 2));
  return load<u32>(config.insnFirst + ((<usize>block) << 2)) + insn;
}

function firstAccessOf(run: u32, runCount: u32, accessBase: u32): u32 {
  return run < runCount
    ? load<u32>(config.runFirstAccess + ((<usize>run) << 2)) - accessBase
    : NEVER;
}

/** Index of the instruction whose fetch of a line comes next in the running block execution. */
function nextFetchInsn(): u32 {
  if (config.touch >= config.touchEnd) return NEVER;
  return firstInsnOf(config.touch);
}

/** Index of the first instruction that fetches the line: of a rep one that goes on, the one behind it. */
function firstInsnOf(touch: u32): u32 {
  const insn = <u32>load<u16>(config.touchInsn + ((<usize>touch) << 1));
  return insn == 0 ? config.continues : insn;
}

function exclude(flags: u32): void {
  if ((flags & FLAG_ABORTED) != 0) return;
  if ((flags & FLAG_DEVICE) != 0) config.device += 1;
  else config.noAddress += 1;
}

/** Fetches what is left of the block execution before, and turns to this one. */
function beginRun(run: u32): void {
  finishFetches();
  const block = load<u32>(config.runBlock + ((<usize>run) << 2));
  const executed = <u32>load<u16>(config.runExecuted + ((<usize>run) << 1));
  const at = config.firstTouch + ((<usize>block) << 2);
  const touch = load<u32>(at);
  let end = load<u32>(at, 4);
  while (end > touch && <u32>load<u16>(config.touchInsn + ((<usize>(end - 1)) << 1)) >= executed)
    end--;
  config.touch = touch;
  config.touchEnd = end;
  config.executed = executed;
  config.site = load<u32>(config.insnFirst + ((<usize>block) << 2));
  config.continues = <u32>load<u8>(config.runContinues + run);
  config.fetchVcpu = <u32>load<u16>(config.runVcpu + ((<usize>run) << 1));
}

/** All fetches of the next line of the running block execution. The first may miss; the others follow it and hit. */
function fetchNext(): void {
  const touch = config.touch++;
  const line = load<u64>(config.touchLine + ((<usize>touch) << 3));
  const unit = changetype<Unit>(load<usize>(config.vcpus + ((<usize>config.fetchVcpu) << 3), 4));
  const insn = firstInsnOf(touch);
  const touchInsn = <u32>load<u16>(config.touchInsn + ((<usize>touch) << 1));
  const endInsn = touchInsn + <u32>load<u16>(config.touchFetches + ((<usize>touch) << 1));
  const fetches = min(endInsn, config.executed) - insn;
  if (fetches == 0) return;
  if (unit.policy != PLRU && config.classifies == 0 && load<u64>(setOf(unit, line)) >> 1 == line) {
    count(unit, FETCH, fetches);
    return;
  }
  accessLine(unit, line, FETCH, config.site + insn);
  count(unit, FETCH, fetches - 1);
}

/** One access to one line, and the prefetch that it leads to. */
function accessData(unit: Unit, line: u64, kind: u32, site: u32): void {
  const isHit = accessLine(unit, line, kind, site);
  if (!isHit && config.prefetches != 0) accessLine(unit, line + 1, PREFETCH, 0);
}

/** Asks the first level, and those behind it for what it has not. True: it has the line. */
function accessLine(first: Unit, line: u64, kind: u32, site: u32): bool {
  // A line that is brought in for a store is dirty in the first cache only.
  const dirty: u64 = kind == STORE ? 1 : 0;
  if (config.digests == 0) return ask(first, line, kind, site, dirty);
  count(first, kind, 1);
  if (touchLine(first, line, dirty)) return true;
  fillLine(first, line, dirty);
  tellMiss(config, first, line, kind, site);
  return false;
}
