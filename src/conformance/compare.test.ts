// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { lineWriterFor } from './compare.ts';
import { type ExpectedAccess, type Happening, instructionKey } from './expected.ts';

const yes = { status: 'yes', why: '' } as const;
const no = { status: 'no', why: 'this QEMU cannot' } as const;
const all = { icount: yes, cpl: yes, paddr: yes, 'address-space': yes } as const;

function linesOf(
  accesses: readonly Partial<ExpectedAccess>[],
  capabilities: Parameters<typeof lineWriterFor>[1] = all,
  unordered: ReadonlySet<string> = new Set(),
): string[] {
  const guest = { symbols: new Map([['here', 0x100n]]), lines: [] };
  const happenings = accesses.map((access): Happening => {
    const vaddr = access.vaddr ?? 0n;
    const defaults: ExpectedAccess = {
      ...{ icount: 0, pc: 0x100n, vaddr, paddr: vaddr, secondPaddr: undefined, size: 8 },
      ...{ store: false, aborted: false, device: false, origin: 'instruction', cpl: 0, cr3: 0n },
    };
    const whole: ExpectedAccess = { ...defaults, ...access };
    return { kind: 'access', access: whole, line: undefined, hole: undefined };
  });
  return lineWriterFor(guest, capabilities).lines(happenings, unordered, 1);
}

describe('lines of accesses', () => {
  it('are the same for one of 16 bytes and two of 8', () => {
    const one = linesOf([{ vaddr: 0x400000n, size: 16 }]);
    expect(linesOf([{ vaddr: 0x400000n }, { vaddr: 0x400008n }])).toEqual(one);
    expect(one).toEqual(['+0 here r16:0x400000@0x400000 cpl0 cr3=0x0', '1 instructions']);
  });

  it.each([
    ['another order', [{ vaddr: 0x400008n }, { vaddr: 0x400000n }]],
    ['one of them twice', [{ vaddr: 0x400000n }, { vaddr: 0x400008n }, { vaddr: 0x400008n }]],
    ['one of them missing', [{ vaddr: 0x400000n }]],
    ['another direction', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, store: true }]],
    ['another frame', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, paddr: 0x500008n }]],
    ['another instruction', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, icount: 1 }]],
    ['another pc', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, pc: 0x104n }]],
    ['an aborted one', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, aborted: true }]],
    ['one of a device', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, device: true }]],
    ['another privilege', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, cpl: 3 }]],
    ['another address space', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, cr3: 1n }]],
    ['another origin', [{ vaddr: 0x400000n }, { vaddr: 0x400008n, origin: 'pageWalk' as const }]],
  ])('differ for %s', (_what, accesses) => {
    expect(linesOf(accesses)).not.toEqual(linesOf([{ vaddr: 0x400000n, size: 16 }]));
  });

  it('have both frames of an access over a page boundary', () => {
    const access = { vaddr: 0x400ffcn, paddr: 0x600ffcn, secondPaddr: 0x700000n };
    expect(linesOf([access]).slice(0, 2)).toEqual([
      '+0 here r4:0x400ffc@0x600ffc cpl0 cr3=0x0',
      '+0 here r4:0x401000@0x700000 cpl0 cr3=0x0',
    ]);
  });

  it('are sorted where the instruction has no order, and keep what is there twice', () => {
    const unordered = new Set([instructionKey(0, 0x100n)]);
    const accesses = [{ vaddr: 0x400008n }, { vaddr: 0x400000n }, { vaddr: 0x400008n }];
    expect(linesOf(accesses, all, unordered).slice(0, 2)).toEqual([
      '+0 here r16:0x400000@0x400000 cpl0 cr3=0x0',
      '+0 here r8:0x400008@0x400008 cpl0 cr3=0x0',
    ]);
  });

  it('do not show in which pieces overlapping accesses without order came', () => {
    const unordered = new Set([instructionKey(0, 0x100n)]);
    const pieces = [
      { vaddr: 0x400000n, size: 4 },
      { vaddr: 0x400004n, size: 4 },
    ];
    const half = { vaddr: 0x400004n, size: 4 };
    const one = linesOf([{ vaddr: 0x400000n }, half], all, unordered);
    expect(linesOf([...pieces, half], all, unordered)).toEqual(one);
    expect(linesOf(pieces, all, unordered)).not.toEqual(one);
  });

  it('leave out columns that a QEMU does not give', () => {
    const few = {
      icount: no,
      cpl: no,
      paddr: { status: 'partial', why: '' },
      'address-space': no,
    } as const;
    expect(linesOf([{ vaddr: 0xf0000n, size: 2 }, { vaddr: 0x400000n }], few)).toEqual([
      'here r2:0xf0000@?',
      'here r8:0x400000@0x400000',
    ]);
  });
});
