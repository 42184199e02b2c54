// SPDX-License-Identifier: Apache-2.0
// What is in a trace, by looking at every access in a plain loop: what the viewer's answers are compared with.

import { readFileSync } from 'node:fs';
import { halves } from '../../src/base/index.ts';
import { AccessFlag, openTrace } from '../../src/format/index.ts';

/** Ordinals of the accesses that touch a range, by looking at every one; without those that were aborted. */
export async function ordinalsOf(
  file: string,
  column: 'vaddr' | 'paddr',
  ranges: readonly (readonly [low: bigint, bytes: bigint])[],
): Promise<number[][]> {
  const opened = await openTrace(file);
  const found = ranges.map((): number[] => []);
  const bounds = ranges.map(([low, bytes]) => ({
    hi: Number(low >> 32n),
    lo: Number(low & 0xffff_ffffn),
    bytes: Number(bytes),
  }));
  try {
    const columns = ['vaddr', 'paddr', 'size', 'flags', 'ordinal'] as const;
    for await (const batch of opened.accesses({ columns })) {
      const words = halves(batch[column]);
      for (let i = 0; i < batch.length; i++) {
        if (column === 'vaddr' && ((batch.flags[i] ?? 0) & AccessFlag.physicalOnly) !== 0) continue;
        for (const [at, { lo, hi, bytes }] of bounds.entries()) {
          const distance = ((words[2 * i + 1] ?? 0) - hi) * 2 ** 32 + ((words[2 * i] ?? 0) - lo);
          if (distance >= bytes || distance + (batch.size[i] ?? 0) <= 0) continue;
          found[at]?.push(batch.ordinal[i] ?? -1);
        }
      }
    }
  } finally {
    await opened.close();
  }
  return found;
}

/** Ordinals of the first accesses that instructions at these addresses made. */
export async function firstOf(
  file: string,
  ranges: readonly (readonly [low: bigint, bytes: bigint])[],
): Promise<number[]> {
  const opened = await openTrace(file);
  const { code } = opened;
  const firsts = ranges.map(() => -1);
  const inRange = Array.from({ length: code.blockCount }, (_, block) =>
    ranges.some(
      ([low, bytes]) =>
        code.vaddr(block) < low + bytes &&
        code.vaddr(block) + BigInt(code.bytes(block).length) > low,
    ),
  );
  try {
    for await (const batch of opened.accesses({ columns: ['pc', 'block', 'ordinal'] })) {
      for (let i = 0; i < batch.length; i++) {
        if (inRange[batch.block[i] ?? 0] !== true) continue;
        const pc = batch.pc[i] ?? 0n;
        for (const [at, [low, bytes]] of ranges.entries()) {
          if (firsts[at] === -1 && pc >= low && pc < low + bytes)
            firsts[at] = batch.ordinal[i] ?? -1;
        }
      }
      if (!firsts.includes(-1)) break;
    }
  } finally {
    await opened.close();
  }
  return firsts;
}

/** Where the demo's kernel has a symbol, and how far it is to the next one. */
export function symbolOf(symbolsFile: string, name: string): [low: bigint, bytes: bigint] {
  const lines = readFileSync(symbolsFile, 'latin1').split('\n');
  const addresses = lines.map((line) => BigInt(`0x${line.slice(0, 16) || '0'}`));
  const at = lines.findIndex((line) => line.endsWith(` ${name}`));
  const low = addresses[at] ?? 0n;
  const next = addresses.filter((address) => address > low).reduce((a, b) => (b < a ? b : a));
  return [low, next - low];
}

/** Loads and stores that go on in a second page. */
export async function crossingsOf(file: string): Promise<[loads: number, stores: number]> {
  const opened = await openTrace(file);
  let [loads, stores] = [0, 0];
  try {
    for await (const { length, vaddr, size, flags } of opened.accesses({
      columns: ['vaddr', 'size', 'flags'],
    })) {
      const words = halves(vaddr);
      for (let i = 0; i < length; i++) {
        const flag = flags[i] ?? 0;
        if (((words[2 * i] ?? 0) & 4095) + (size[i] ?? 0) <= 4096) continue;
        if ((flag & AccessFlag.physicalOnly) !== 0) continue;
        if ((flag & AccessFlag.store) === 0) loads++;
        else stores++;
      }
    }
  } finally {
    await opened.close();
  }
  return [loads, stores];
}
