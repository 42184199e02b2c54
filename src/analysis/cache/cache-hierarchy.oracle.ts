// SPDX-License-Identifier: Apache-2.0
// The slow twin of the cache hierarchy: lists of lines, one instruction and one line at a time, written from
// what docs/caches-and-tlbs.md promises and not from the kernel.

import { requireDefined } from '../../base/index.ts';
import type { CacheParameters, LevelName } from './parameters.ts';

export interface ProgramAccess {
  readonly insn: number;
  readonly address: bigint;
  readonly size: number;
  readonly store: boolean;
  readonly device: boolean;
}

/** A block execution with its accesses, in order. */
export interface ProgramRun {
  readonly vcpu: number;
  readonly block: number;
  readonly executed: number;
  /** Its first instruction was fetched, and counted, by the execution before. */
  readonly continues?: boolean;
  readonly accesses: readonly ProgramAccess[];
}

export interface ProgramBlock {
  readonly vaddr: bigint;
  readonly insnBytes: readonly number[];
  /** CPU mode (docs/format.md 2); undefined: not known. */
  readonly mode?: number | undefined;
}

type Kind = 'load' | 'store' | 'fetch' | 'prefetch';

interface SlowSet {
  /** lru: newest use first; fifo: newest first; else by way, undefined for an empty one. */
  lines: (SlowLine | undefined)[];
  victims: number;
  tree: TreeNode | undefined;
}

interface SlowLine {
  readonly line: bigint;
  dirty: boolean;
}

/** A leaf is a way; a node knows which of its sides is to be given up next. */
interface TreeNode {
  readonly ways: readonly number[];
  readonly sides: readonly [TreeNode, TreeNode] | undefined;
  next: 0 | 1;
}

export interface SlowCounts {
  accesses: Record<Kind, number>;
  misses: Record<Kind, number>;
  writebacks: number;
  compulsory: number;
  capacity: number;
  conflict: number;
}

export interface SlowCache extends SlowCounts {
  readonly level: LevelName;
  readonly vcpu: number;
  readonly sets: SlowSet[];
  readonly ways: number;
  readonly siteMisses: Map<string, number>;
  /** Fully associative, newest use first, of the same size. */
  anywhere: bigint[];
  readonly seen: Set<bigint>;
}

export interface SlowHierarchy {
  readonly caches: readonly SlowCache[];
  readonly memoryWrites: number;
  readonly lineCrossings: number;
  readonly instructions: number;
  readonly device: number;
}

export function simulateSlowly(
  parameters: CacheParameters,
  blocks: readonly ProgramBlock[],
  runs: readonly ProgramRun[],
  vcpuCount: number,
): SlowHierarchy {
  const { lineBytes, l1i, l1d, l2, ll, replacePolicy, writeAllocate } = parameters;
  const all: SlowCache[] = [];
  const make = (level: LevelName, vcpu: number, size: number, ways: number): SlowCache => {
    const cache = slowCache(level, vcpu, size / lineBytes / ways, ways);
    all.push(cache);
    return cache;
  };
  const shared = ll === undefined ? undefined : make('LL', -1, ll.sizeBytes, ll.ways);
  const paths = Array.from({ length: vcpuCount }, (_, vcpu) => {
    const second = l2 === undefined ? undefined : make('L2', vcpu, l2.sizeBytes, l2.ways);
    const beyond = [second, shared].filter((cache) => cache !== undefined);
    const data = [make('L1D', vcpu, l1d.sizeBytes, l1d.ways), ...beyond];
    const code = l1i === undefined ? [] : [make('L1I', vcpu, l1i.sizeBytes, l1i.ways), ...beyond];
    return { data, code };
  });
  let memoryWrites = 0;
  let lineCrossings = 0;
  let instructions = 0;
  let device = 0;
  let refs = 0;

  const setOf = (cache: SlowCache, line: bigint): SlowSet =>
    requireDefined(cache.sets[Number(line % BigInt(cache.sets.length))], 'a set');

  const giveUp = (line: bigint, behind: readonly SlowCache[]): void => {
    for (const cache of behind) {
      const held = setOf(cache, line).lines.find((one) => one?.line === line);
      if (held === undefined) continue;
      held.dirty = true;
      return;
    }
    memoryWrites++;
  };

  const ask = (path: readonly SlowCache[], line: bigint, kind: Kind, site: string): boolean => {
    const fills = kind !== 'store' || writeAllocate;
    for (const [depth, cache] of path.entries()) {
      cache.accesses[kind]++;
      const set = setOf(cache, line);
      const way = set.lines.findIndex((one) => one?.line === line);
      if (parameters.classify) classify(cache, line, way >= 0, fills);
      if (way >= 0) {
        const held = requireDefined(set.lines[way], 'a line');
        if (kind === 'store' && depth === 0) held.dirty = true;
        if (kind === 'store' && !writeAllocate) held.dirty = true;
        if (replacePolicy === 'lru') set.lines.unshift(...set.lines.splice(way, 1));
        if (replacePolicy === 'plru') use(requireDefined(set.tree, 'made by the first fill'), way);
        return depth === 0;
      }
      cache.misses[kind]++;
      if (kind !== 'prefetch') {
        cache.siteMisses.set(site, (cache.siteMisses.get(site) ?? 0) + 1);
      }
      if (!fills) continue;
      const victim = fill(parameters, cache, line, kind === 'store' && depth === 0);
      if (victim?.dirty === true) {
        cache.writebacks++;
        giveUp(victim.line, path.slice(depth + 1));
      }
    }
    if (!fills) memoryWrites++;
    return false;
  };

  const linesOf = (address: bigint, size: number): bigint[] => {
    const lines: bigint[] = [];
    for (let i = 0n; i < size; i++) {
      const line = (address + i) / BigInt(lineBytes);
      if (lines.at(-1) !== line) lines.push(line);
    }
    return lines;
  };

  const access = (run: ProgramRun, one: ProgramAccess): void => {
    if (refs === parameters.warmupRefs && refs > 0) {
      for (const cache of all) {
        Object.assign(cache, noCounts());
        cache.siteMisses.clear();
      }
      memoryWrites = 0;
      lineCrossings = 0;
      instructions = 0;
      device = 0;
    }
    refs++;
    if (one.device) {
      device++;
      return;
    }
    const path = requireDefined(paths[run.vcpu], 'a vCPU').data;
    for (const [index, line] of linesOf(one.address, one.size).entries()) {
      if (index > 0) lineCrossings++;
      const site = `${run.block}:${one.insn}`;
      const hit = ask(path, line, one.store ? 'store' : 'load', site);
      if (!hit && parameters.dataPrefetcher === 'nextline') ask(path, line + 1n, 'prefetch', '');
    }
  };

  for (const run of runs) {
    const block = requireDefined(blocks[run.block], 'a block');
    let address = block.vaddr;
    let next = 0;
    // A delivery block has accesses and no instruction.
    for (let insn = 0; insn < Math.max(1, block.insnBytes.length); insn++) {
      const bytes = block.insnBytes[insn] ?? 0;
      if (insn < run.executed && !(insn === 0 && run.continues === true)) {
        if (l1i !== undefined) instructions++;
        for (const line of linesOf(address, bytes)) {
          if (l1i === undefined) break;
          ask(
            requireDefined(paths[run.vcpu], 'a vCPU').code,
            line,
            'fetch',
            `${run.block}:${insn}`,
          );
        }
      }
      address += BigInt(bytes);
      for (; run.accesses[next]?.insn === insn; next++) {
        access(run, requireDefined(run.accesses[next], 'an access'));
      }
    }
  }
  return { caches: all, memoryWrites, lineCrossings, instructions, device };
}

function noCounts(): SlowCounts {
  return {
    accesses: { load: 0, store: 0, fetch: 0, prefetch: 0 },
    misses: { load: 0, store: 0, fetch: 0, prefetch: 0 },
    writebacks: 0,
    compulsory: 0,
    capacity: 0,
    conflict: 0,
  };
}

function slowCache(level: LevelName, vcpu: number, setCount: number, ways: number): SlowCache {
  return {
    level,
    vcpu,
    ways,
    sets: Array.from({ length: setCount }, () => ({ lines: [], victims: 0, tree: undefined })),
    siteMisses: new Map(),
    anywhere: [],
    seen: new Set(),
    ...noCounts(),
  };
}

function classify(cache: SlowCache, line: bigint, isHit: boolean, fills: boolean): void {
  const place = cache.anywhere.indexOf(line);
  if (!isHit) {
    if (!cache.seen.has(line)) cache.compulsory++;
    else if (place < 0) cache.capacity++;
    else cache.conflict++;
  }
  cache.seen.add(line);
  if (place >= 0) cache.anywhere.splice(place, 1);
  else if (!fills) return;
  cache.anywhere.unshift(line);
  cache.anywhere = cache.anywhere.slice(0, cache.sets.length * cache.ways);
}

/** Puts the line in; what had to go. */
function fill(
  { replacePolicy, randomSeed }: CacheParameters,
  cache: SlowCache,
  line: bigint,
  dirty: boolean,
): SlowLine | undefined {
  const index = Number(line % BigInt(cache.sets.length));
  const set = requireDefined(cache.sets[index], 'a set');
  const put = { line, dirty };
  if (replacePolicy === 'lru' || replacePolicy === 'fifo') {
    set.lines.unshift(put);
    return set.lines.length > cache.ways ? set.lines.pop() : undefined;
  }
  const ways = Array.from({ length: cache.ways }, (_, way) => way);
  set.tree ??= treeOver(ways);
  let way = ways.find((one) => set.lines[one] === undefined);
  if (way === undefined) {
    way =
      replacePolicy === 'plru'
        ? chosen(set.tree)
        : (mixed(mixed(randomSeed ^ index) + set.victims++) >>> 0) % cache.ways;
  }
  const victim = set.lines[way];
  set.lines[way] = put;
  use(set.tree, way);
  return victim;
}

function treeOver(ways: readonly number[]): TreeNode {
  const half = ways.length / 2;
  const sides: TreeNode['sides'] =
    ways.length === 1 ? undefined : [treeOver(ways.slice(0, half)), treeOver(ways.slice(half))];
  return { ways, sides, next: 0 };
}

function chosen(tree: TreeNode): number {
  return tree.sides === undefined
    ? requireDefined(tree.ways[0], 'a leaf has a way')
    : chosen(tree.sides[tree.next]);
}

/** After a use each node points to the side that the way is not on. */
function use(tree: TreeNode, way: number): void {
  if (tree.sides === undefined) return;
  const side = tree.sides[0].ways.includes(way) ? 0 : 1;
  tree.next = side === 0 ? 1 : 0;
  use(tree.sides[side], way);
}

/** The finaliser of MurmurHash3. */
function mixed(value: number): number {
  let x = BigInt.asUintN(32, BigInt(value | 0));
  x ^= x >> 16n;
  x = BigInt.asUintN(32, x * 0x85eb_ca6bn);
  x ^= x >> 13n;
  x = BigInt.asUintN(32, x * 0xc2b2_ae35n);
  return Number(x ^ (x >> 16n));
}
