// SPDX-License-Identifier: Apache-2.0
// Where the kernel was put, worked out from the trace itself, and whether the symbols are those of this kernel.
// The code in a trace holds thousands of direct calls, and each leads to a function: the symbols, moved by
// the right number of 2 MiB steps (Linux: Documentation/arch/x86, CONFIG_PHYSICAL_ALIGN), meet nearly all of them.
// Measured on Debian's 6.1: 99.7 % where symbols and kernel belong together, 8 % with those of the next patch
// release, 4 % in any other place. What is missed are labels without a symbol.

import { ModeBit, u64FromBigint } from '../base/index.ts';
import type { CodeBlocks } from './code-blocks.ts';
import type { AddressMap } from './linux-regions.ts';
import type { RawSymbol } from './symbol-table.ts';

/** Where the image begins by default (Linux: arch/x86/Kconfig, CONFIG_PHYSICAL_START: 16 MiB). */
const USUAL_IMAGE_LO = 0x8100_0000;

/** Distinct targets of the kernel's direct calls: the low halves of their addresses, ascending. */
export interface CallTargets {
  /** High half of them all: all ones for a 64-bit kernel, 0 for a 32-bit one. */
  readonly hi: number;
  readonly lo: Uint32Array;
  /** Those in the area of kernel modules of a 64-bit kernel. */
  readonly modulesLo: Uint32Array;
}

export interface SlideVote {
  /** How far the kernel is from where its symbols say. */
  readonly slideBytes: number;
  /** Call targets that are functions then, of so many. */
  readonly matched: number;
  readonly total: number;
  readonly isMatch: boolean;
}

const STEP_BYTES = 2 * 2 ** 20;
const STEP_LIMIT = 512;
const CALL_BYTES = 5;
const CALL_OPCODE = 0xe8;
/** With fewer calls than that nothing is said. */
export const MIN_TARGETS = 16;
/** Of call targets that must be functions. */
export const MATCH_PART = 0.9;
/** Calls that every place is tried with; the best one is then counted in full. */
const SAMPLE_LENGTH = 512;

interface ImageRange {
  readonly hi: number;
  readonly beginLo: number;
  readonly endLo: number;
}

/** Where a kernel's image may be (Linux: Documentation/arch/x86/x86_64/mm.rst; 32 bits: 3 GiB of user space). */
const IMAGE_64: ImageRange = { hi: 0xffff_ffff, beginLo: 0x8000_0000, endLo: 0xc000_0000 };
const MODULES_64: ImageRange = { hi: 0xffff_ffff, beginLo: 0xc000_0000, endLo: 0xff00_0000 };
const IMAGE_32: ImageRange = { hi: 0, beginLo: 0xc000_0000, endLo: 0xf800_0000 };

export function findCallTargets(code: CodeBlocks): CallTargets {
  const long = new Set<number>();
  const modules = new Set<number>();
  const legacy = new Set<number>();
  for (let id = 0; id < code.blockCount; id++) {
    const mode = code.mode(id);
    if (mode === undefined || (mode & ModeBit.cpl) !== 0) continue;
    const target = callTarget(code, id);
    if (target === undefined) continue;
    const { lo, hi: long64 } = u64FromBigint(BigInt.asUintN(64, target));
    const hi = (mode & ModeBit.cs64) === 0 ? 0 : long64;
    if (isInside(IMAGE_64, lo, hi)) long.add(lo);
    else if (isInside(MODULES_64, lo, hi)) modules.add(lo);
    else if ((mode & ModeBit.cs32) !== 0 && isInside(IMAGE_32, lo, hi)) legacy.add(lo);
  }
  const [hi, chosen] = long.size >= legacy.size ? [IMAGE_64.hi, long] : [IMAGE_32.hi, legacy];
  return { hi, lo: ascending(chosen), modulesLo: ascending(modules) };
}

function ascending(values: ReadonlySet<number>): Uint32Array {
  return Uint32Array.from(values).sort();
}

/** Where the call at the block's end leads, when it ends in a direct one. */
function callTarget(code: CodeBlocks, id: number): bigint | undefined {
  const bytes = code.bytes(id);
  const at = code.insnOffsets(id).at(-1) ?? 0;
  if (bytes.length - at !== CALL_BYTES || bytes[at] !== CALL_OPCODE) return undefined;
  const distance = new DataView(bytes.buffer, bytes.byteOffset + at + 1, 4).getInt32(0, true);
  return code.vaddr(id) + BigInt(bytes.length) + BigInt(distance);
}

function isInside(range: ImageRange, lo: number, hi: number): boolean {
  return hi === range.hi && lo >= range.beginLo && lo < range.endLo;
}

/**
 * A kernel's code where Linux has its image, at CPL 0 or unknown, is taken for Linux'. Its own map of the address space
 * holds where it runs where it was linked to run. Its image begins at 16 MiB by default; a kernel that randomises
 * addresses moves it up by steps of 2 MiB, and code in the first of them is of one that was not moved: of 500 that are,
 * about one is there by chance. One that was linked lower may have code there too, moved or not: but for that same
 * chance it has some below. Symbols do not say it: kallsyms of a boot that was moved fit without a slide. 'linux' only
 * where code shows it.
 */
export function addressMapOf(code: CodeBlocks): AddressMap {
  let isLinux = false;
  let isUsual = false;
  let isLow = false;
  for (let id = 0; id < code.blockCount; id++) {
    const { lo, hi } = u64FromBigint(BigInt.asUintN(64, code.vaddr(id)));
    if (!isInside(IMAGE_64, lo, hi)) continue;
    const hflags = code.mode(id);
    const isKernel = hflags === undefined || (hflags & ModeBit.cpl) === 0;
    if (!isKernel || (hflags !== undefined && (hflags & ModeBit.cs64) === 0)) continue;
    isLinux = true;
    if (hflags === undefined) continue;
    if (lo < USUAL_IMAGE_LO) isLow = true;
    else if (lo < USUAL_IMAGE_LO + STEP_BYTES) isUsual = true;
  }
  if (!isLinux) return 'unknown';
  return isUsual && !isLow ? 'linux' : 'linux-moved';
}

/** Whether a symbol is at an address where a kernel's image may be; offsets into per-CPU areas are not. */
export function isInImage({ addressLo, addressHi }: RawSymbol): boolean {
  return isInside(IMAGE_64, addressLo, addressHi) || isInside(IMAGE_32, addressLo, addressHi);
}

/** Low halves of the kernel's functions, of the width of the kernel in the trace. */
export function imageFunctions(
  symbols: readonly RawSymbol[],
  { hi }: CallTargets,
): ReadonlySet<number> {
  const functions = symbols.filter(({ isCode, addressHi }) => isCode && addressHi === hi);
  return new Set(functions.map(({ addressLo }) => addressLo));
}

/** Undefined when there is too little kernel code in the trace to tell. */
export function voteFor(
  targets: CallTargets,
  functions: ReadonlySet<number>,
  slideBytes: number,
): SlideVote | undefined {
  const total = targets.lo.length;
  if (total < MIN_TARGETS) return undefined;
  const matched = countMatches(targets.lo, functions, slideBytes);
  return { slideBytes, matched, total, isMatch: matched >= MATCH_PART * total };
}

/** The best of all places where the kernel can be; undefined when there is too little kernel code to tell. */
export function findKernelSlide(
  targets: CallTargets,
  functions: ReadonlySet<number>,
): SlideVote | undefined {
  const sampleStep = Math.max(1, Math.floor(targets.lo.length / SAMPLE_LENGTH));
  const sample = targets.lo.filter((_, index) => index % sampleStep === 0);
  let best = { slideBytes: 0, score: countMatches(sample, functions, 0) };
  for (let step = -STEP_LIMIT; step <= STEP_LIMIT; step++) {
    const slideBytes = step * STEP_BYTES;
    const score = countMatches(sample, functions, slideBytes);
    if (score > best.score) best = { slideBytes, score };
  }
  return voteFor(targets, functions, best.slideBytes);
}

function countMatches(
  targets: Uint32Array,
  functions: ReadonlySet<number>,
  slideBytes: number,
): number {
  let matched = 0;
  for (const target of targets) if (functions.has(target - slideBytes)) matched++;
  return matched;
}
