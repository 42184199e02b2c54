// SPDX-License-Identifier: Apache-2.0
// Which code of a trace is a kernel module's: the bytes of each block are compared with the file's, but for those that the
// kernel changes when it loads the module (Linux: kernel/module/main.c, arch/x86/kernel/alternative.c). An address
// alone does not tell: where a module lies now, the init code of one that was loaded before it may have run.

import { bigintFromU64, formatCount, ModeBit, TraceError, type U64 } from '../base/index.ts';
import type { CodeBlocks } from './code-blocks.ts';
import type { ElfFile } from './elf.ts';

/** A piece of a module's code. */
export interface ModuleText {
  /** Its address in the guest. */
  readonly begin: U64;
  readonly content: Uint8Array;
  /** For each byte, what loading does to it: ByteUse. */
  readonly uses: Uint8Array;
}

export interface ModuleCode {
  /** For each block of the code table, 1: of this module. */
  readonly isOfModule: Uint8Array;
  /** Blocks that are, and those that are not though they are at its addresses. */
  readonly matchedBlocks: number;
  readonly otherBlocks: number;
}

/** What loading does to a byte: anything, nothing, or another call, jump, return or nop begins there. */
const ByteUse = { changed: 0, kept: 1, exchanged: 2 } as const;

const OPERAND_BYTES = 4;
const [CALL, JUMP, CS_PREFIX] = [0xe8, 0xe9, 0x2e];
/** call and jump through memory, by the bytes before their operand: paravirtual calls, exchanged for short code. */
const INDIRECT: ReadonlySet<number> = new Set([0xff15, 0xff25]);
/** Calls, jumps, returns and nops, as they begin: what is put for calls of tracers, thunks and static functions. */
const EXCHANGES: ReadonlySet<number> = new Set([
  ...[CALL, JUMP, CS_PREFIX, 0x0f, 0xff, 0x41],
  ...[0xc3, 0xcc, 0x66, 0x90],
]);
/** Their entries lead to instructions that are exchanged for others of about this length. */
const PATCH_TABLES = ['.altinstructions', '__jump_table', '.smp_locks', '.ibt_endbr_seal'];
const PATCH_BYTES = 8;
/** Blocks with fewer bytes to compare are alike in all code: they do not count. */
const MIN_BYTES = 8;
/** Of the blocks that count, at a module's addresses: others ran init code of modules that came before. */
const MATCH_PART = 0.1;

/** For each section with code, by its index, what loading does to each of its bytes. */
export function byteUses(elf: ElfFile): ReadonlyMap<number, Uint8Array> {
  const usesOf = new Map(
    elf.sections.flatMap(({ isExecutable, content }, index) =>
      isExecutable ? [[index, new Uint8Array(content.length).fill(ByteUse.kept)] as const] : [],
    ),
  );
  for (const { section, offset, target } of elf.relocations) {
    const uses = usesOf.get(section);
    if (uses !== undefined) {
      markOperand(uses, elf.sections[section]?.content ?? uses, offset);
    } else if (target !== undefined && PATCH_TABLES.includes(elf.sections[section]?.name ?? '')) {
      const { offset: begin } = target;
      usesOf.get(target.section)?.fill(ByteUse.changed, begin, begin + PATCH_BYTES);
    }
  }
  return usesOf;
}

function markOperand(uses: Uint8Array, content: Uint8Array, offset: number): void {
  uses.fill(ByteUse.changed, offset, offset + OPERAND_BYTES);
  const [prefix = 0, opcode = 0] = [content[offset - 2], content[offset - 1]];
  if (opcode === CALL || opcode === JUMP) {
    uses.fill(ByteUse.exchanged, offset - (prefix === CS_PREFIX ? 2 : 1), offset);
  } else if (INDIRECT.has(prefix * 256 + opcode)) {
    uses.fill(ByteUse.changed, offset - 2, offset);
  }
}

/** Throws TraceError 'bad-argument' when what ran at its addresses is something else. */
export function findModuleCode(
  code: CodeBlocks,
  name: string,
  text: readonly ModuleText[],
): ModuleCode {
  const isOfModule = new Uint8Array(code.blockCount);
  const pieces = text.map((piece) => ({
    ...piece,
    address: bigintFromU64(piece.begin.lo, piece.begin.hi),
  }));
  const [counts, longCounts] = [
    { matched: 0, other: 0 },
    { matched: 0, other: 0 },
  ];
  for (let id = 0; id < code.blockCount; id++) {
    const vaddr = BigInt.asUintN(64, code.vaddr(id));
    for (const { address, content, uses } of pieces) {
      if (vaddr < address || vaddr >= address + BigInt(content.length)) continue;
      const mode = code.mode(id);
      const bytes = code.bytes(id);
      if ((mode !== undefined && (mode & ModeBit.cpl) !== 0) || bytes.length === 0) break;
      const compared = compareKept(content, uses, Number(vaddr - address), bytes);
      const outcome = compared === undefined ? 'other' : 'matched';
      if (compared !== undefined) isOfModule[id] = 1;
      counts[outcome]++;
      if ((compared ?? bytes.length) >= MIN_BYTES) longCounts[outcome]++;
      break;
    }
  }
  const total = longCounts.matched + longCounts.other;
  if (longCounts.matched < MATCH_PART * total) {
    throw new TraceError('bad-argument', `it does not match the kernel module ${name}`, {
      expected: `its code among the ${formatCount(total)} blocks that ran at its addresses`,
      found: formatCount(longCounts.matched),
      remedy: 'its address from /proc/modules of the boot that was recorded, and the very file',
    });
  }
  return { isOfModule, matchedBlocks: counts.matched, otherBlocks: counts.other };
}

/** How many bytes were compared; undefined when one differs or the piece ends before. */
function compareKept(
  content: Uint8Array,
  uses: Uint8Array,
  at: number,
  bytes: Uint8Array,
): number | undefined {
  if (at + bytes.length > content.length) return undefined;
  let compared = 0;
  for (const [i, byte] of bytes.entries()) {
    const use = uses[at + i];
    if (use === ByteUse.exchanged && !EXCHANGES.has(byte)) return undefined;
    if (use !== ByteUse.kept) continue;
    if (content[at + i] !== byte) return undefined;
    compared++;
  }
  return compared;
}
