// SPDX-License-Identifier: Apache-2.0
// A program small enough to know by heart: what its export must hold is written beside the tests.

import type { RefAccess, RefBlock, RefItem, RefTrace } from '../format/reference-trace.oracle.ts';

/** hflags of 64-bit code: PE, LMA, CS64; at CPL 3. */
const USER = 0xc083;
const KERNEL = 0xc080;

function block(vaddr: bigint, mode: number, ...code: readonly (readonly number[])[]): RefBlock {
  return {
    vaddr,
    mode,
    lastRep: code.at(-1)?.[0] === 0xf3,
    insnLengths: code.map(({ length }) => length),
    code: Uint8Array.from(code.flat()),
  };
}

const BLOCKS: readonly RefBlock[] = [
  // push rbp; mov rax, [rbx]; je 0x401009
  block(0x40_1000n, USER, [0x55], [0x48, 0x8b, 0x03], [0x74, 0x03]),
  // mov rax, [rbx]; je 0x401009: from the second instruction on
  block(0x40_1001n, USER, [0x48, 0x8b, 0x03], [0x74, 0x03]),
  // add [rdi], eax; ret
  block(0x40_1006n, USER, [0x01, 0x07], [0xc3]),
  // rep movsb
  block(0x40_1009n, USER, [0xf3, 0xa4]),
  // jmp rax
  block(0x40_100bn, USER, [0xff, 0xe0]),
  // call 0x403000
  block(0x40_2000n, USER, [0xe8, 0xfb, 0x0f, 0x00, 0x00]),
  // fxsave [rax]; ret
  block(0x40_3000n, USER, [0x0f, 0xae, 0x00], [0xc3]),
  // iretq
  block(0xffff_ffff_8100_0000n, KERNEL, [0x48, 0xcf]),
  { vaddr: 0n, mode: KERNEL, lastRep: false, insnLengths: [] },
  // jmp rax, in other code at the place of the call
  block(0x40_2000n, USER, [0xff, 0xe0]),
  // cld; rep stosb
  block(0x40_4000n, USER, [0xfc], [0xf3, 0xaa]),
  // rep stosb: the same one, from where it was left
  block(0x40_4001n, USER, [0xf3, 0xaa]),
];

const load = (insn: number, sizeLog2: number, vaddr: bigint): RefAccess => ({
  insn,
  store: false,
  sizeLog2,
  vaddr,
});
const store = (insn: number, sizeLog2: number, vaddr: bigint): RefAccess => ({
  ...load(insn, sizeLog2, vaddr),
  store: true,
});
const run = (id: number, ...accesses: readonly RefAccess[]): RefItem => ({
  type: 'block',
  id,
  accesses,
});
/** An event, the frame it pushes, and the handler, which returns at once. */
const event = (what: number, ip: bigint): readonly RefItem[] => [
  { type: 'event', what: what | (1 << 13), error: 0n, ip, cr2: 0n },
  run(8, load(0, 3, 0xffff_fe00_0000_0000n), store(0, 3, 0xffff_fe00_0000_2ff8n)),
  run(7, ...[0, 8, 16, 24, 32].map((at) => load(0, 3, 0xffff_fe00_0000_2fd0n + BigInt(at)))),
];

export const PROGRAM: RefTrace = {
  blocks: BLOCKS,
  streams: [
    [
      { type: 'vcpu', vcpu: 0 },
      // The load faults; the page comes; it runs again.
      {
        ...{ type: 'block', id: 0, accesses: [store(0, 3, 0x7ff8n), load(1, 3, 0x5000n)] },
        cut: { executed: 1, aborted: 1, cause: 1 },
      },
      ...event(14, 0x40_1001n),
      run(1, load(0, 3, 0x5000n)),
      // Not taken.
      run(2, load(0, 2, 0x6000n), store(0, 2, 0x6000n), load(1, 3, 0x7ff8n)),
      run(0, store(0, 3, 0x7ff8n), load(1, 3, 0x5000n)),
      // Taken, and an interrupt before anything else.
      ...event(32 | (1 << 8), 0x40_1009n),
      run(
        3,
        ...[0n, 1n, 2n].flatMap((at) => [load(0, 0, 0x8000n + at), store(0, 0, 0x9000n + at)]),
      ),
      run(4),
      run(5, store(0, 3, 0x7ff0n)),
      run(6, ...[0n, 8n, 16n, 24n, 32n].map((at) => store(0, 3, 0xa000n + at)), {
        ...load(1, 3, 0x7ff0n),
      }),
      run(9, { ...store(0, 2, 0xfee0_0000n), device: [{ part: 0, paddr: 0xfee0_0000n }] }),
      run(9, { ...store(0, 2, 0n) }),
      run(10, store(1, 0, 0xb000n), store(1, 0, 0xb001n)),
      run(11, store(0, 0, 0xb002n)),
    ],
  ],
};
