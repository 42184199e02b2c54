// SPDX-License-Identifier: Apache-2.0
// Where a program or library was loaded, and which code of a trace is its code: the bytes of each block are compared with
// the file's. So a name is not given to another program's code at the same address.

import { bigintFromU64, formatCount, ModeBit, TraceError } from '../base/index.ts';
import type { CodeBlocks } from './code-blocks.ts';
import type { ElfFile } from './elf.ts';
import { MATCH_PART } from './kernel-slide.ts';

export interface PlacedProgram {
  /** Where the file's first byte was, and the guest's addresses minus the file's: for each place it was loaded at. */
  readonly bases: readonly bigint[];
  readonly biases: readonly bigint[];
  /** For each block of the code table: index into biases plus 1, 0 when it is not of this file. */
  readonly placeOfBlock: Uint8Array;
  readonly matchedBlocks: number;
}

const PAGE_BYTES = 4096;
/** Blocks that must be found, at one place, for the file to be there. */
const MIN_BLOCKS = 8;
/** Shorter blocks are alike in all programs: they do not count for that. */
const MIN_BYTES = 12;
/** Comparisons of a block with a page of the file, at most: below a second. */
const COMPARISON_BUDGET = 2 ** 23;
const MAX_PLACES = 255;

/** Throws TraceError 'bad-argument' when none of its code ran. `base`: where the file's first byte is. */
export function placeProgram(
  code: CodeBlocks,
  elf: ElfFile,
  base: bigint | undefined,
): PlacedProgram {
  const segments = elf.segments
    .filter(({ isExecutable }) => isExecutable)
    .map(({ vaddr, content }) => ({ begin: bigintFromU64(vaddr.lo, vaddr.hi), content }));
  const userBlocks = findUserBlocks(code);
  const biases = findBiases(code, userBlocks, elf, segments, base);
  const placeOfBlock = new Uint8Array(code.blockCount);
  let matchedBlocks = 0;
  let longMatched = 0;
  let longThere = 0;
  for (const id of userBlocks) {
    const vaddr = code.vaddr(id);
    const bytes = code.bytes(id);
    const isLong = bytes.length >= MIN_BYTES;
    if (isLong && biases.some((bias) => isInFile(segments, vaddr - bias))) longThere++;
    const place = biases.findIndex((bias) => isOfFile(segments, vaddr - bias, bytes));
    if (place < 0) continue;
    placeOfBlock[id] = place + 1;
    matchedBlocks++;
    if (isLong) longMatched++;
  }
  // At the right place nearly all is the file's, however little ran.
  const isAllThere = longMatched > 0 && longMatched >= MATCH_PART * longThere;
  if (longMatched < MIN_BLOCKS && !(base !== undefined && isAllThere)) {
    throw new TraceError('bad-argument', 'it does not match: its code did not run', {
      expected: `${MIN_BLOCKS} blocks of it${base === undefined ? '' : ' at that address'}`,
      found: `${longMatched} among ${formatCount(userBlocks.length)} of user code`,
      remedy: 'the very file that the guest ran',
    });
  }
  const bases = biases.map((bias) => BigInt.asUintN(64, bias + firstPage(elf)));
  return { bases, biases, placeOfBlock, matchedBlocks };
}

interface CodeSegment {
  readonly begin: bigint;
  readonly content: Uint8Array;
}

function findUserBlocks(code: CodeBlocks): number[] {
  const ids: number[] = [];
  for (let id = 0; id < code.blockCount; id++) {
    const mode = code.mode(id);
    if (mode !== undefined && (mode & ModeBit.cpl) === 3 && code.bytes(id).length > 0) ids.push(id);
  }
  return ids;
}

function findBiases(
  code: CodeBlocks,
  userBlocks: readonly number[],
  elf: ElfFile,
  segments: readonly CodeSegment[],
  base: bigint | undefined,
): bigint[] {
  if (base !== undefined) return [base - firstPage(elf)];
  if (elf.type === 'executable') return [0n];
  return voteForBiases(code, userBlocks, segments);
}

/** Looks for long blocks in all pages of the file: code keeps its place within a page. */
function voteForBiases(
  code: CodeBlocks,
  userBlocks: readonly number[],
  segments: readonly CodeSegment[],
): bigint[] {
  const long = userBlocks.filter((id) => code.bytes(id).length >= MIN_BYTES);
  const pages = segments.reduce((sum, { content }) => sum + content.length / PAGE_BYTES, 1);
  const step = Math.max(1, Math.ceil((long.length * pages) / COMPARISON_BUDGET));
  const votes = new Map<bigint, number>();
  for (let i = 0; i < long.length; i += step) {
    const id = long[i] ?? 0;
    const vaddr = code.vaddr(id);
    const bytes = code.bytes(id);
    for (const { begin, content } of segments) {
      const first = Number(BigInt.asUintN(12, vaddr - begin));
      for (let at = first; at + bytes.length <= content.length; at += PAGE_BYTES) {
        if (!isAt(content, at, bytes)) continue;
        const bias = vaddr - begin - BigInt(at);
        votes.set(bias, (votes.get(bias) ?? 0) + 1);
      }
    }
  }
  return [...votes]
    .filter(([, count]) => count >= MIN_BLOCKS)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_PLACES)
    .map(([bias]) => bias);
}

function isOfFile(segments: readonly CodeSegment[], address: bigint, bytes: Uint8Array): boolean {
  return segments.some(({ begin, content }) => {
    const at = address - begin;
    return at >= 0n && at < BigInt(content.length) && isAt(content, Number(at), bytes);
  });
}

function isInFile(segments: readonly CodeSegment[], address: bigint): boolean {
  return segments.some(
    ({ begin, content }) => address >= begin && address - begin < BigInt(content.length),
  );
}

function isAt(content: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > content.length) return false;
  for (let i = 0; i < bytes.length; i++) if (content[at + i] !== bytes[i]) return false;
  return true;
}

/** The file's own address of its first page. */
function firstPage(elf: ElfFile): bigint {
  const { lo, hi } = elf.segments[0]?.vaddr ?? { lo: 0, hi: 0 };
  const address = bigintFromU64(lo, hi);
  return address - BigInt.asUintN(12, address);
}
