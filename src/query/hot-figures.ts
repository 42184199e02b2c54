// SPDX-License-Identifier: Apache-2.0
// The hottest functions, instructions, lines and pages with their names: of `hot` and of the demo.

import {
  createInstructionTable,
  createTopList,
  type HotResult,
  type HotUnits,
  type TraceShape,
} from '../analysis/index.ts';
import { formatHex64 } from '../base/index.ts';
import type { CodeNames } from './code-names.ts';

interface AccessCount {
  readonly loads: number;
  readonly stores: number;
}

export interface HotFunction extends AccessCount {
  readonly name: string;
}

export interface HotInstruction extends AccessCount {
  readonly address: string;
  readonly function: string;
  /** Disassembly. */
  readonly text: string;
}

export interface HotPlace extends AccessCount {
  /** Virtual address of its first byte. */
  readonly address: string;
  /** Symbol of its first byte, or the region of the address space. */
  readonly name: string;
}

export interface HotPlaces {
  readonly unitBytes: number;
  /** Different ones that were accessed. */
  readonly count: number;
  readonly top: readonly HotPlace[];
}

export interface HotFigures {
  readonly loads: number;
  readonly stores: number;
  /** Most accesses first, as many as were asked for; `count`: all that made any. */
  readonly functions: { readonly count: number; readonly top: readonly HotFunction[] };
  readonly instructions: { readonly count: number; readonly top: readonly HotInstruction[] };
  readonly lines: HotPlaces;
  readonly pages: HotPlaces;
}

/**
 * Adds up the counts of one instruction, which is in many blocks, where the table saw it first; in place, in byInsn: there
 * are counts for each instruction of the trace.
 */
export function hotFigures(
  { loads, stores, lines, pages, byInsn }: HotResult,
  shape: TraceShape,
  names: CodeNames,
  top: number,
): HotFigures {
  const functions = new Map<string, HotFunction>();
  // Code that was translated several times is in several blocks.
  const instructions = createInstructionTable(shape.code);
  /** Where byInsn has the loads of an instruction of the table; its stores are behind them. */
  const countsAt = (instruction: number): number => {
    const { block, insn } = instructions.placeOf(instruction);
    return 2 * ((shape.insnBase[block] ?? 0) + insn);
  };
  for (let block = 0; block < shape.blockCount; block++) {
    const begin = shape.insnBase[block] ?? 0;
    const end = shape.insnBase[block + 1] ?? 0;
    for (let at = begin; at < end; at++) {
      const count = { loads: byInsn[2 * at] ?? 0, stores: byInsn[2 * at + 1] ?? 0 };
      if (count.loads + count.stores === 0) continue;
      const insn = at - begin;
      const name = names.nameOf(block, insn);
      functions.set(name, { name, ...add(count, functions.get(name)) });
      const into = countsAt(instructions.numberOf(block, insn));
      if (into === 2 * at) continue;
      byInsn[into] = (byInsn[into] ?? 0) + count.loads;
      byInsn[into + 1] = (byInsn[into + 1] ?? 0) + count.stores;
    }
  }
  return {
    loads,
    stores,
    functions: { count: functions.size, top: mostFirst([...functions.values()], top) },
    instructions: {
      count: instructions.count,
      top: mostOfAll(byInsn, countsAt, instructions.count, top).map((instruction) => {
        const { block, insn } = instructions.placeOf(instruction);
        const { lo, hi } = names.addressOf(block, insn);
        return {
          address: formatHex64(lo, hi),
          function: names.nameOf(block, insn),
          text: names.textOf(block, insn),
          loads: byInsn[countsAt(instruction)] ?? 0,
          stores: byInsn[countsAt(instruction) + 1] ?? 0,
        };
      }),
    },
    lines: placesOf(lines, names),
    pages: placesOf(pages, names),
  };
}

/** Numbers of those with the most accesses. */
function mostOfAll(
  counts: Float64Array,
  countsAt: (one: number) => number,
  count: number,
  top: number,
): readonly number[] {
  const accessesOf = (one: number): number => {
    const at = countsAt(one);
    return (counts[at] ?? 0) + (counts[at + 1] ?? 0);
  };
  const most = createTopList<number>(top, accessesOf, (a, b) => a - b);
  for (let one = 0; one < count; one++) if (accessesOf(one) >= most.least()) most.offer(one);
  return most.take();
}

function add(a: AccessCount, b: AccessCount | undefined): AccessCount {
  return { loads: a.loads + (b?.loads ?? 0), stores: a.stores + (b?.stores ?? 0) };
}

function mostFirst<T extends AccessCount>(rows: readonly T[], top: number): T[] {
  return rows.toSorted((a, b) => b.loads + b.stores - (a.loads + a.stores)).slice(0, top);
}

function placesOf({ unitBytes, unitCount, units }: HotUnits, names: CodeNames): HotPlaces {
  return {
    unitBytes,
    count: unitCount,
    top: units.map(({ addressLo, addressHi, loads, stores }) => ({
      address: formatHex64(addressLo, addressHi),
      name: names.namePlace(addressLo, addressHi),
      loads,
      stores,
    })),
  };
}
