// SPDX-License-Identifier: Apache-2.0
// Test support: what formats of instructions must hold, from what the reference encoder says it put in.

import type {
  RefTrace,
  SeenAccess,
  SeenBlock,
  SeenTrace,
} from '../format/reference-trace.oracle.ts';
import type { Part } from './part.ts';

/** What runs, in order: instructions by pc and size, and the accesses they made. */
export type Step =
  | { readonly kind: 'fetch'; readonly pc: bigint; readonly size: number }
  | { readonly kind: 'access'; readonly access: SeenAccess };

export function stepsOfTrace(
  ref: RefTrace,
  seen: SeenTrace,
  isWanted: (block: SeenBlock) => boolean,
): Step[] {
  const steps: Step[] = [];
  seen.blocks.forEach((block, at) => {
    if (!isWanted(block)) return;
    const next = seen.blocks[at + 1];
    const end = next?.stream === block.stream ? next.firstAccess : Number.POSITIVE_INFINITY;
    const own = seen.accesses.filter(
      ({ stream, ordinal }) =>
        stream === block.stream && ordinal >= block.firstAccess && ordinal < end,
    );
    const { vaddr = 0n, insnLengths = [] } = ref.blocks[block.id] ?? {};
    let begun = 0;
    const begin = (count: number): void => {
      for (; begun < count; begun++) {
        const offset = insnLengths.slice(0, begun).reduce((sum, length) => sum + length, 0);
        steps.push({ kind: 'fetch', pc: vaddr + BigInt(offset), size: insnLengths[begun] ?? 0 });
      }
    };
    for (const access of own) {
      if (access.aborted) continue;
      if (access.origin === 2) begin(access.insn);
      if (access.origin !== 0) continue;
      begin(access.insn + 1);
      steps.push({ kind: 'access', access });
    }
    begin(block.executed);
  });
  return steps;
}

const MODE_CPL = 3;
const CPL_UNKNOWN = 255;

/** What a selection needs to know of the trace. */
export function shapeOfRef({ blocks }: RefTrace): Part['shape'] {
  const insnBase = new Uint32Array(blocks.length + 1);
  blocks.forEach(({ insnLengths }, block) => {
    insnBase[block + 1] = (insnBase[block] ?? 0) + Math.max(1, insnLengths.length);
  });
  return { insnBase, blockCpl: Uint8Array.from(blocks, cplOfBlock) };
}

export function cplOfBlock({ mode }: RefTrace['blocks'][number]): number {
  return mode === undefined ? CPL_UNKNOWN : mode & MODE_CPL;
}
