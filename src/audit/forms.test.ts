// SPDX-License-Identifier: Apache-2.0
// Far transfers have the accesses of one form, whole; and what QEMU loads too wide lies where the operand does.
// Each access of each execution is spoilt in turn.

import { describe, expect, it, test } from 'vitest';
import type { AuditResult } from './audit-result.ts';
import { auditOpenTrace } from './audit-trace.ts';
import { block, MODE_32_USER, openItems, run } from './small-trace.oracle.ts';

const MODE_64 = 0xc0b0;
const MODE_32 = 0xb0;

async function audit(
  insn: string,
  accesses: readonly string[],
  mode: number,
): Promise<AuditResult> {
  return auditOpenTrace(await openItems([block([insn], { mode })], [run(0, accesses)]));
}

const isWrong = ({ unexplained, addressMismatches }: AuditResult): boolean =>
  unexplained + addressMismatches > 0;

function access(kind: string, address: number): string {
  return `0 ${kind} ${address.toString(16)}`;
}

const descriptor = (address: number): string[] => [
  access('L4', address),
  access('L4', address + 4),
];
const words = (kind: string, address: number, count: number, step: number): string[] =>
  Array.from({ length: count }, (_, i) => access(kind, address + step * i));

const CODE = descriptor(0x7008);
const STACK = descriptor(0x7010);
const OLD = 0x3000;
const NEW = 0x4000;
const saved = [...words('S4', OLD + 0x20, 10, 4), ...words('S2', OLD + 0x48, 6, 4)];
const read = [
  ...words('L4', NEW + 0x1c, 11, 4),
  ...words('L2', NEW + 0x48, 7, 4),
  access('L2', NEW + 0x64),
];
const saved16 = words('S2', OLD + 0x0e, 14, 2);
const read16 = words('L2', NEW + 0x0e, 15, 2);
const busy = (address: number): string[] => [access('L4', address), access('S4', address)];
const segments = [...CODE, ...STACK, ...STACK];
const probes = (offset: number): string[] => [
  access('L1', OLD),
  access('L1', OLD + offset),
  access('S1', OLD),
  access('S1', OLD + offset),
];

interface Example {
  readonly name: string;
  readonly insn: string;
  readonly mode: number;
  readonly accesses: readonly string[];
  readonly rules?: object;
  /** Of these one or more may be there or not. */
  readonly optional?: readonly string[];
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'retf 8 to an outer level',
    insn: 'ca0800',
    mode: MODE_32,
    accesses: [...words('L4', 0x1000, 2, 4), ...CODE, ...words('L4', 0x1010, 2, 4), ...STACK],
    rules: { split: 2 },
  },
  {
    name: 'iretd to an outer level',
    insn: 'cf',
    mode: MODE_32,
    accesses: [...words('L4', 0x1000, 3, 4), ...CODE, ...words('L4', 0x100c, 2, 4), ...STACK],
    rules: { split: 2 },
  },
  {
    name: 'iretd to virtual-8086 mode',
    insn: 'cf',
    mode: MODE_32,
    accesses: words('L4', 0x1000, 9, 4),
    rules: {},
  },
  {
    name: 'a call gate to an inner level, with two parameters',
    insn: '9a000000000800',
    mode: MODE_32_USER,
    accesses: [
      ...descriptor(0x7020),
      ...CODE,
      access('L4', 0x3004),
      access('L2', 0x3008),
      ...STACK,
      ...words('S4', 0x1ffc, 2, -4),
      access('L4', 0x5004),
      access('S4', 0x1ff4),
      access('L4', 0x5000),
      ...words('S4', 0x1ff0, 3, -4),
    ],
    rules: { split: 3 },
  },
  {
    name: 'a call gate of 64-bit code',
    insn: 'ff18',
    mode: MODE_64,
    accesses: [
      access('L4', 0x6000),
      access('L2', 0x6004),
      ...descriptor(0x7020),
      ...descriptor(0x7028),
      ...CODE,
      ...words('S8', 0x1ff8, 2, -8),
    ],
    rules: { split: 4 },
  },
  {
    name: 'a jump to another task',
    insn: 'ea000000003000',
    mode: MODE_32,
    accesses: [
      ...descriptor(0x7030),
      ...saved,
      ...read,
      ...busy(0x703c),
      ...busy(0x7034),
      ...segments,
    ],
    rules: { split: 4 },
    optional: segments,
  },
  {
    name: 'a call to another task, through a gate',
    insn: '9a000000003000',
    mode: MODE_32,
    accesses: [
      ...descriptor(0x7040),
      ...descriptor(0x7030),
      ...saved,
      ...read,
      access('S2', NEW),
      ...busy(0x7034),
      ...segments,
    ],
    rules: { split: 5 },
    optional: segments,
  },
  {
    name: 'iretd to another task',
    insn: 'cf',
    mode: MODE_32,
    accesses: [
      access('L2', OLD),
      ...descriptor(0x7030),
      ...saved,
      ...read,
      ...busy(0x703c),
      access('S4', OLD + 0x24),
      ...segments,
    ],
    rules: { split: 4, 'task-return-stores-flags-twice': 1 },
    optional: [...segments, access('S4', OLD + 0x24)],
  },
  {
    name: 'a jump from a task of 16-bit format to another',
    insn: 'ea000000003000',
    mode: MODE_32,
    accesses: [
      ...descriptor(0x7030),
      ...read16,
      ...probes(0x2b),
      ...busy(0x703c),
      ...saved16,
      ...busy(0x7034),
      ...segments,
    ],
    rules: { split: 4, 'task-switch-probes': 4 },
    optional: [...segments, ...probes(0x2b)],
  },
  {
    name: 'a call from a task of 32-bit format to one of 16-bit format',
    insn: '9a000000003000',
    mode: MODE_32,
    accesses: [
      ...descriptor(0x7030),
      ...read16,
      ...saved,
      access('S2', NEW),
      ...busy(0x7034),
      ...segments,
    ],
    rules: { split: 4 },
    optional: segments,
  },
  {
    name: 'iret from a task of 16-bit format to one of 32-bit format',
    insn: 'cf',
    mode: MODE_32,
    accesses: [
      access('L2', OLD),
      ...descriptor(0x7030),
      ...read,
      ...busy(0x703c),
      ...saved16,
      access('S2', OLD + 0x10),
      ...segments,
    ],
    rules: { split: 4, 'task-return-stores-flags-twice': 1 },
    optional: [...segments, access('S2', OLD + 0x10)],
  },
  {
    name: 'a call gate of 16-bit format to an inner level, by a TSS of 16-bit format',
    insn: '9a000000000800',
    mode: MODE_32_USER,
    accesses: [
      ...descriptor(0x7020),
      ...CODE,
      ...words('L2', 0x3002, 2, 2),
      ...STACK,
      ...words('S2', 0x1ffe, 2, -2),
      access('L2', 0x5000),
      ...words('S2', 0x1ffa, 3, -2),
    ],
    rules: { split: 3 },
  },
];

describe.each(EXAMPLES)('$name', ({ insn, mode, accesses, rules, optional = [] }) => {
  it('is explained', async () => {
    const result = await audit(insn, accesses, mode);
    expect(result).toMatchObject({ unexplained: 0, addressMismatches: 0 });
    expect(result.rules).toEqual(rules);
  });

  test('each access that is dropped or of the other direction is reported', async () => {
    const missed: string[] = [];
    for (const [i, one] of accesses.entries()) {
      const other = one.replace(/[LS]/, (kind) => (kind === 'L' ? 'S' : 'L'));
      if (!isWrong(await audit(insn, accesses.with(i, other), mode))) missed.push(`as ${other}`);
      if (optional.includes(one)) continue;
      if (!isWrong(await audit(insn, accesses.toSpliced(i, 1), mode))) missed.push(`no ${one}`);
    }
    expect(missed).toEqual([]);
  });
});

describe('executions that differ in nothing but addresses', () => {
  // Nine loads of four bytes each: by their addresses alone the one is not the other.
  const toOuter = [...words('L4', 0x1000, 3, 4), ...CODE, ...words('L4', 0x100c, 2, 4), ...STACK];
  const toVirtual = words('L4', 0x2000, 9, 4);
  const auditRuns = async (...runs: readonly (readonly string[])[]): Promise<AuditResult> =>
    auditOpenTrace(
      await openItems(
        [block(['cf'], { mode: MODE_32 })],
        runs.map((accesses) => run(0, accesses)),
      ),
    );

  it.each([
    ['an outer level first', [toOuter, toVirtual, toVirtual, toOuter, toVirtual]],
    ['virtual-8086 mode first', [toVirtual, toOuter, toVirtual, toVirtual, toOuter]],
  ])('have each the form that they fit: %s', async (_name, runs) => {
    const outer = runs.filter((accesses) => accesses === toOuter).length;
    const result = await auditRuns(...runs);
    expect(result).toMatchObject({ unexplained: 0, addressMismatches: 0, executions: 5 });
    // The two descriptors are loads of eight bytes.
    expect(result.rules).toEqual({ split: 2 * outer });
    expect(result.expected).toBe(7 * outer + 9 * (runs.length - outer));
  });

  it('are wrong each by itself, whatever came before', async () => {
    const wrong = toVirtual.with(6, access('L4', 0x2020));
    const alone = (await auditRuns(wrong)).addressMismatches;
    expect(alone).toBeGreaterThan(0);
    for (const others of [[toOuter], [toVirtual], [toVirtual, toOuter]]) {
      const result = await auditRuns(...others, wrong, ...others, wrong);
      expect(result).toMatchObject({ unexplained: 0, addressMismatches: 2 * alone });
    }
  });
});

describe('task-switch-probes', () => {
  const jump = (probed: readonly string[]): string[] => [
    ...descriptor(0x7030),
    ...read.slice(0, -1),
    access('L4', NEW + 0x64),
    ...probed,
    ...busy(0x703c),
    ...saved,
    ...busy(0x7034),
  ];
  it('takes the first and the last byte of the old TSS, and four bytes for the T flag', async () => {
    const result = await audit('ea000000003000', jump(probes(0x67)), MODE_32);
    expect(result).toMatchObject({ unexplained: 0, addressMismatches: 0 });
    expect(result.rules).toEqual({
      split: 1,
      'task-switch-probes': 4,
      'task-flag-in-four-bytes': 1,
    });
  });
  it('reports another byte, and a third', async () => {
    const elsewhere = await audit('ea000000003000', jump(probes(0x68)), MODE_32);
    expect(elsewhere.addressMismatches).toBeGreaterThan(0);
    const third = [...probes(0x67), access('S1', OLD + 0x67)];
    expect(await audit('ea000000003000', jump(third), MODE_32)).toMatchObject({ extra: 1 });
  });
});

describe('too wide', () => {
  // vfmadd231sd xmm1, xmm2, [0x400100]; vinsertf128 ymm3, ymm3, [0x400110], 1
  const FMA = 'c4e2e9b90c2500014000';
  const INSERT = 'c4e365181c251001400001';
  it.each<[string, string, readonly string[], object]>([
    ['16 bytes', FMA, [access('L16', 0x400100)], { 'scalar-fma-loads-16': 1 }],
    ['twice 8 bytes', FMA, words('L8', 0x400100, 2, 8), { 'scalar-fma-loads-16': 2 }],
    ['as the manual says', FMA, [access('L8', 0x400100)], {}],
    ['32 bytes', INSERT, words('L16', 0x400110, 2, 16), { 'insert-loads-whole': 2 }],
    ['16 bytes as the manual says', INSERT, [access('L16', 0x400110)], {}],
  ])('takes %s', async (_name, insn, accesses, rules) => {
    const result = await audit(insn, accesses, MODE_64);
    expect(result).toMatchObject({ unexplained: 0, addressMismatches: 0 });
    expect(result.rules).toEqual(rules);
  });
  it.each<[string, string, readonly string[]]>([
    ['nothing', FMA, []],
    ['half of it', FMA, [access('L4', 0x400100)]],
    ['more', FMA, words('L8', 0x400100, 3, 8)],
    ['another place', FMA, words('L8', 0x400108, 2, 8)],
    ['a gap', INSERT, words('L16', 0x400110, 2, 32)],
    ['a store', INSERT, [access('S16', 0x400110)]],
    ['of another instruction', '480f4400', words('L8', 0x400100, 2, 8)],
  ])('reports %s', async (_name, insn, accesses) => {
    expect(isWrong(await audit(insn, accesses, MODE_64))).toBe(true);
  });
});

describe('what QEMU leaves out', () => {
  const LTR = '0f00d8';
  const LTR_OF_MEMORY = '0f001f';
  const selector = access('L2', 0x5000);
  const loaded = [...descriptor(0x7030), access('L4', 0x7038), access('S4', 0x7034)];
  it.each<[string, string, readonly string[], object]>([
    ['xsavec [rdi]', '0fc727', [], { 'does-nothing': 1 }],
    ['xsaves64 [rdi]', '480fc72f', [], { 'does-nothing': 1 }],
    ['xrstors [rdi]', '0fc71f', [], { 'does-nothing': 1 }],
    ['vmptrld [rdi]', '0fc737', [], { 'does-nothing': 1 }],
    ['vmptrst [rdi]', '0fc73f', [], { 'does-nothing': 1 }],
    ['vmclear [rdi]', '660fc737', [], { 'does-nothing': 1 }],
    ['vmxon [rdi]', 'f30fc737', [], { 'does-nothing': 1 }],
    ['ltr ax of null', LTR, [], { 'null-task-register': 1 }],
    ['ltr [rdi] of null', LTR_OF_MEMORY, [selector], { 'null-task-register': 1 }],
    ['ltr ax', LTR, loaded, {}],
  ])('is a rule: %s', async (_name, insn, accesses, omitted) => {
    const result = await audit(insn, accesses, MODE_64);
    expect(result).toMatchObject({
      unexplained: 0,
      addressMismatches: 0,
      recorded: accesses.length,
    });
    expect(result.omitted).toEqual(omitted);
  });
  it.each<[string, string, readonly string[]]>([
    ['xsavec that stored', '0fc727', [access('S8', 0x5000)]],
    ['vmclear that stored', '660fc737', [access('S8', 0x5000)]],
    ['ltr [rdi] without its operand', LTR_OF_MEMORY, []],
    ['cmpxchg8b [rdi], which is in the same group', '0fc70f', []],
    ['vmread [rdi], rax', '0f7807', []],
    ['lldt [rdi]', '0f0017', []],
    ...loaded.map((_, i): [string, string, string[]] => [
      `ltr ax without access ${i}`,
      LTR,
      loaded.toSpliced(i, 1),
    ]),
  ])('is not: %s', async (_name, insn, accesses) => {
    const result = await audit(insn, accesses, MODE_64);
    expect(result.unexplained).toBeGreaterThan(0);
    expect(result.omitted).toEqual({});
  });
});
