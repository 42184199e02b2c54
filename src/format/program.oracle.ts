// SPDX-License-Identifier: Apache-2.0
// Random programs for the reference encoder: a few blocks, and executions of them whose accesses walk,
// stride, jump, cross pages, touch devices, fault and so on.

import { type Prng, prngFromSeed } from '../base/index.ts';
import type {
  RefAccess,
  RefBlock,
  RefExecution,
  RefItem,
  RefTrace,
} from './reference-trace.oracle.ts';

export interface ProgramOptions {
  readonly seed: number;
  readonly blockCount: number;
  readonly executions: number;
  readonly streams: number;
  /** Chance that something other than a plain block execution or access comes next. */
  readonly oddity: number;
}

export function randomTrace(options: ProgramOptions): RefTrace {
  const random = prngFromSeed(options.seed);
  const blocks = Array.from({ length: options.blockCount }, (_, id) => randomBlock(random, id));
  const streams = Array.from({ length: options.streams }, (_, stream) =>
    randomItems(random, blocks, options, stream),
  );
  return { blocks, streams };
}

/** The same; then, in each stream, one rep string instruction that makes three block executions. */
export function endRepeating({ blocks, streams }: RefTrace): RefTrace {
  const id = blocks.length;
  const again: RefExecution = { type: 'block', id, accesses: [] };
  return {
    blocks: [...blocks, { vaddr: 0x50_0000n, mode: 0x8003, lastRep: true, insnLengths: [3] }],
    streams: streams.map((items) => [...items, again, again, again]),
  };
}

function pick<T>(random: Prng, items: readonly T[]): T {
  const item = items[random.nextInRange(0, items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

function randomBlock(random: Prng, id: number): RefBlock {
  if (random.nextBoolean(0.1)) return { vaddr: 0n, mode: 0x4000, lastRep: false, insnLengths: [] };
  const insnCount = random.nextBoolean(0.02) ? 512 : random.nextInRange(1, 9);
  const kernelHalf = random.nextBoolean(0.5);
  return {
    vaddr: (kernelHalf ? 0xffff_ffff_8100_0000n : 0x40_0000n) + BigInt(id * 0x40),
    mode: random.nextBoolean(0.1) ? undefined : pick(random, [0x10 | 3, 0, 0x8000 | 3, 0x8000]),
    lastRep: random.nextBoolean(0.2),
    insnLengths: Array.from({ length: insnCount }, () => random.nextInRange(1, 16)),
  };
}

interface Walker {
  address: bigint;
  stride: bigint;
}

function randomItems(
  random: Prng,
  blocks: readonly RefBlock[],
  options: ProgramOptions,
  stream: number,
): RefItem[] {
  const odd = (part: number): boolean => random.nextBoolean(options.oddity * part);
  const items: RefItem[] = [{ type: 'vcpu', vcpu: stream }];
  // The usual shape of each block, and a walker for each of its members.
  const usual = new Map<number, { shape: RefAccess[]; walkers: Walker[] }>();
  let id = 0;
  for (let i = 0; i < options.executions; i++) {
    if (odd(0.1)) items.push({ type: 'seal' });
    if (odd(0.1)) items.push({ type: 'vcpu', vcpu: random.nextInRange(0, 3) });
    if (odd(0.1)) items.push({ type: 'cr3', cr3: BigInt(random.nextU32()) << 12n });
    if (odd(0.1)) items.push({ type: 'unmap' });
    if (odd(0.1)) items.push({ type: 'gap', hostNs: BigInt(random.nextU32()) });
    if (odd(0.1)) items.push({ type: 'attributes', bits: random.nextInRange(0, 1024) });
    if (odd(0.1)) items.push({ type: 'region', first: 0xfeen, last: 0xfee0n, name: 'hpet' });
    if (odd(0.2)) {
      items.push({
        type: 'event',
        what: random.nextInRange(0, 0x1_0000),
        error: BigInt(random.nextU32()),
        ip: BigInt(random.nextU32()),
        cr2: BigInt(random.nextU32()),
      });
    }
    // A path through the blocks with a branch now and then; a block may run again (rep).
    id = random.nextBoolean(0.7)
      ? (id + 1) % blocks.length
      : random.nextBoolean(0.5)
        ? id
        : random.nextInRange(0, blocks.length);
    const block = pick(random, blocks.slice(id, id + 1));
    let known = usual.get(id);
    if (known === undefined || odd(0.5)) {
      known = randomShape(random, block);
      usual.set(id, known);
    }
    items.push(randomExecution(random, id, block, known, odd));
  }
  return items;
}

function randomShape(random: Prng, block: RefBlock): { shape: RefAccess[]; walkers: Walker[] } {
  // Many of one instruction (a rep string or an xsave), or a few of several.
  const repeats = random.nextBoolean(0.1) ? random.nextInRange(10, 100) : 1;
  const count = random.nextInRange(0, Math.min(6, block.insnLengths.length + 2));
  const shape: RefAccess[] = [];
  for (let i = 0; i < count; i++) {
    const access: RefAccess = {
      insn: random.nextInRange(0, Math.max(1, block.insnLengths.length)),
      store: random.nextBoolean(0.4),
      sizeLog2: random.nextInRange(0, 8),
      vaddr: 0n,
    };
    for (let n = 0; n < repeats; n++) shape.push(access);
  }
  const walkers = shape.map(() => ({
    address: randomAddress(random),
    stride: BigInt(pick(random, [0, 0, 4, 8, 64, 4096, -8])),
  }));
  return { shape, walkers };
}

function randomAddress(random: Prng): bigint {
  switch (random.nextInRange(0, 5)) {
    case 0:
      return BigInt(random.nextU32());
    case 1:
      return 0xffff_8880_0000_0000n + BigInt(random.nextU32());
    case 2:
      return 0x7fff_0000_0000n + BigInt(random.nextInRange(0, 0x1_0000));
    case 3:
      return 0x7fff_ffff_fff0n + BigInt(random.nextInRange(0, 16));
    default:
      return BigInt(random.nextInRange(0, 0x3000));
  }
}

function randomExecution(
  random: Prng,
  id: number,
  block: RefBlock,
  known: { shape: RefAccess[]; walkers: Walker[] },
  odd: (part: number) => boolean,
): RefExecution {
  let accesses = known.shape.map((access, i): RefAccess => {
    const walker = pick(random, known.walkers.slice(i, i + 1));
    walker.address = odd(0.5) ? randomAddress(random) : canonical(walker.address + walker.stride);
    return oddAccess(random, { ...access, vaddr: walker.address }, odd);
  });
  if (!odd(0.3)) return { type: 'block', id, accesses };
  accesses = accesses.slice(0, random.nextInRange(0, accesses.length + 1));
  const cut = {
    executed: random.nextInRange(0, block.insnLengths.length + 1),
    aborted: random.nextInRange(0, accesses.length + 1),
    cause: random.nextInRange(1, 6),
  };
  return { type: 'block', id, accesses, cut };
}

function canonical(address: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(48, address));
}

function oddAccess(random: Prng, access: RefAccess, odd: (part: number) => boolean): RefAccess {
  let result = access;
  if (odd(0.1)) result = { ...result, unmapBefore: true };
  if (odd(0.1)) result = { ...result, vaddr: 0x00ab_cdef_0000_0000n + BigInt(random.nextU32()) };
  if (odd(0.1)) result = { ...result, phys: true };
  if (odd(0.1)) result = { ...result, pageWalk: true };
  if (odd(0.1)) result = { ...result, port: { insn: 0, port: 0x501, what: 9, value: 0x21 } };
  if (odd(0.1)) {
    const crosses = (result.vaddr & 4095n) + BigInt(2 ** result.sizeLog2) > 4096n;
    const parts =
      crosses && result.phys !== true && result.pageWalk !== true ? [[0], [1], [0, 1]] : [[0]];
    const device = pick(random, parts).map((part) => ({
      part,
      paddr: 0xfee0_0000n + BigInt(random.nextInRange(0, 0x1000)),
    }));
    result = { ...result, device };
  }
  return result;
}
