// SPDX-License-Identifier: Apache-2.0
// Accesses of instructions, written down from the manual's operation sections.

import { describe, expect, test } from 'vitest';
import {
  type AddressExpression,
  type ArchitecturalAccess,
  type CpuMode,
  cpuModeOfHflags,
  decodeInstruction,
  formatAddress,
  formatInstruction,
  usualMode,
} from './index.ts';

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function draw(access: ArchitecturalAccess): string {
  const direction = access.direction === 'load' ? 'L' : 'S';
  const often = { always: '', conditional: '?', 'per-iteration': '*' }[access.occurrence];
  const place = access.address === undefined ? access.kind : formatAddress(access.address);
  return `${direction}${access.bytes}${often} ${place}`;
}

const PROTECTED_32 = usualMode(32);
const REAL = usualMode(16);
const USER_64: CpuMode = { ...usualMode(64), cpl: 3 };

type Case = readonly [mode: CpuMode, hex: string, text: string, accesses: readonly string[]];

const L = usualMode(64);
const CASES: readonly Case[] = [
  // What people asked about.
  [L, '413b4c2404', 'cmp ecx, [r12+4]', ['L4 ds:r12+0x4']],
  [L, '458a5500', 'mov r10b, [r13]', ['L1 ds:r13']],
  [L, 'c680000f0000 00', 'mov byte [rax+0xf00], 0', ['S1 ds:rax+0xf00']],
  [L, 'c6041000', 'mov byte [rax+rdx], 0', ['S1 ds:rax+rdx']],
  [L, '0fc70f', 'cmpxchg8b [rdi]', ['L8 ds:rdi', 'S8 ds:rdi']],
  [L, 'f0480fc70f', 'lock cmpxchg16b [rdi]', ['L16 ds:rdi', 'S16 ds:rdi']],
  // Plain operands.
  [L, '488b0510000000', 'mov rax, [rel 0x17]', ['L8 ds:rip+0x10']],
  [L, '65488b042510000000', 'mov rax, [gs:0x10]', ['L8 gs:0x10']],
  [L, '67488b4c8608', 'mov rcx, [esi+eax*4+8]', ['L8 ds:rsi+rax*4+0x8']],
  [L, 'a10010000000000080', 'mov eax, [qword 0x8000000000001000]', ['L4 ds:-0x7ffffffffffff000']],
  [L, 'f0480fc107', 'lock xadd [rdi], rax', ['L8 ds:rdi', 'S8 ds:rdi']],
  [L, '8700', 'xchg eax, [rax]', ['L4 ds:rax', 'S4 ds:rax']],
  [L, '480f4400', 'cmove rax, [rax]', ['L8 ds:rax']],
  [L, '480fab07', 'bts [rdi], rax', ['L8 operand', 'S8 operand']],
  [L, '480fba2f03', 'bts qword [rdi], 3', ['L8 ds:rdi', 'S8 ds:rdi']],
  [L, 'd7', 'xlatb', ['L1 operand']],
  [REAL, '8b4702', 'mov ax, [bx+2]', ['L2 ds:rbx+0x2']],
  [REAL, '66678b4204', 'mov eax, [edx+4]', ['L4 ds:rdx+0x4']],
  [PROTECTED_32, '6208', 'bound ecx, [eax]', ['L8 ds:rax']],
  // No access of data.
  [L, '488d4708', 'lea rax, [rdi+8]', []],
  [L, '0f1f4000', 'nop dword [rax]', []],
  [L, '0f1800', 'prefetchnta [rax]', []],
  [L, '0fae38', 'clflush [rax]', []],
  [L, '0f0138', 'invlpg [rax]', []],
  [L, '0f01c8', 'monitor', []],
  [L, '0f05', 'syscall', []],
  [L, 'cd80', 'int 0x80', []],
  // The stack.
  [L, '55', 'push rbp', ['S8 ss:rsp-0x8']],
  [L, 'ff742408', 'push qword [rsp+8]', ['L8 ss:rsp+0x8', 'S8 ss:rsp-0x8']],
  [L, '8f442408', 'pop qword [rsp+8]', ['L8 ss:rsp', 'S8 ss:rsp+0x10']],
  [L, 'ffd0', 'call rax', ['S8 ss:rsp-0x8']],
  [L, 'ff5010', 'call qword [rax+0x10]', ['L8 ds:rax+0x10', 'S8 ss:rsp-0x8']],
  [L, 'c3', 'ret', ['L8 ss:rsp']],
  [L, 'c9', 'leave', ['L8 ss:rbp']],
  [
    L,
    'c8100002',
    'enter 0x10, 2',
    ['S8 ss:rsp-0x8', 'L8 ss:rbp-0x8', 'S8 ss:rsp-0x10', 'S8 ss:rsp-0x18'],
  ],
  [PROTECTED_32, '6650', 'push ax', ['S2 ss:rsp-0x2']],
  [REAL, '6650', 'push eax', ['S4 ss:rsp-0x4']],
  [
    PROTECTED_32,
    '61',
    'popa',
    [
      'L4 ss:rsp',
      'L4 ss:rsp+0x4',
      'L4 ss:rsp+0x8',
      'L4 ss:rsp+0x10',
      'L4 ss:rsp+0x14',
      'L4 ss:rsp+0x18',
      'L4 ss:rsp+0x1c',
    ],
  ],
  // String instructions.
  [L, '48a5', 'movsq', ['L8 ds:rsi', 'S8 es:rdi']],
  [L, 'f348a5', 'rep movsq', ['L8* ds:rsi', 'S8* es:rdi']],
  [L, 'f2ae', 'repne scasb', ['L1* es:rdi']],
  [L, 'f3a6', 'repe cmpsb', ['L1* ds:rsi', 'L1* es:rdi']],
  [L, 'f36c', 'rep insb', ['S1* es:rdi']],
  [USER_64, '6e', 'outsb', ['L2? tss', 'L2? tss', 'L1 ds:rsi']],
  // Descriptors.
  [L, '8ed8', 'mov ds, eax', ['L8? descriptor', 'S4? descriptor']],
  [REAL, '8ed8', 'mov ds, ax', []],
  [PROTECTED_32, '1f', 'pop ds', ['L4 ss:rsp', 'L8? descriptor', 'S4? descriptor']],
  [L, '0fb200', 'lss eax, [rax]', ['L6 ds:rax', 'L8? descriptor', 'S4? descriptor']],
  [L, '0f00d8', 'ltr ax', ['L8 descriptor', 'L4 descriptor', 'L4? descriptor', 'S4 descriptor']],
  [PROTECTED_32, '0f00d0', 'lldt ax', ['L8? descriptor']],
  [L, '0f02c1', 'lar eax, ecx', ['L8? descriptor']],
  [L, '0f0110', 'lgdt [rax]', ['L10 ds:rax']],
  [PROTECTED_32, '0f0100', 'sgdt [eax]', ['S6 ds:rax']],
  [L, '48cb', 'retfq', ['L8 ss:rsp', 'L8 ss:rsp+0x8', 'L8 descriptor', 'S4? descriptor']],
  [
    L,
    '48cf',
    'iretq',
    [
      'L8 ss:rsp',
      'L8 ss:rsp+0x8',
      'L8 ss:rsp+0x10',
      'L8 descriptor',
      'S4? descriptor',
      'L8 ss:rsp+0x18',
      'L8 ss:rsp+0x20',
      'L8? descriptor',
      'S4? descriptor',
    ],
  ],
  [REAL, 'cf', 'iret', ['L2 ss:rsp', 'L2 ss:rsp+0x2', 'L2 ss:rsp+0x4']],
  [REAL, '66ea000000000800', 'jmp dword 8:0', []],
  [PROTECTED_32, 'ea000000000800', 'jmp 8:0', ['L8 descriptor', 'S4? descriptor']],
  [L, 'e460', 'in al, 0x60', []],
  // Areas and masks.
  [L, 'd932', 'fnstenv [rdx]', ['S28 ds:rdx']],
  [L, 'dd32', 'fnsave [rdx]', ['S108 ds:rdx']],
  [L, 'd922', 'fldenv [rdx]', ['L28 ds:rdx']],
  [L, '66dd22', 'o16 frstor [rdx]', ['L94 ds:rdx']],
  [L, 'db38', 'fstp tword [rax]', ['S10 ds:rax']],
  [L, '480fae00', 'fxsave64 [rax]', ['S512 ds:rax']],
  [L, '0fae20', 'xsave [rax]', ['L2692 ds:rax', 'S2692 ds:rax']],
  [L, '660ff7c1', 'maskmovdqu xmm0, xmm1', ['S16 ds:rdi']],
  [L, 'c4e2758e00', 'vpmaskmovd [rax], ymm1, ymm0', ['S32 ds:rax']],
  [L, 'c4e269900408', 'vpgatherdd xmm0, [rax+xmm1], xmm2', ['L16 masked']],
].map(([mode, hex, text, accesses]) => [mode, hex, text, accesses] as Case);

describe('elements that a mask selects', () => {
  test.each([
    ['660ff7c1', 'maskmovdqu xmm0, xmm1', '16 x 1 by xmm1'],
    ['0ff7c1', 'maskmovq mm0, mm1', '8 x 1 by mm1'],
    ['c4e26d2c0f', 'vmaskmovps ymm1, ymm2, [rdi]', '8 x 4 by ymm2'],
    ['c4e2f18e17', 'vpmaskmovq [rdi], xmm1, xmm2', '2 x 8 by xmm1'],
    ['c4e269900408', 'vpgatherdd xmm0, [rax+xmm1], xmm2', '4 x 4 by xmm2, ds:rax+xmm1 of 4'],
    [
      'c4e26d93448f10',
      'vgatherqps xmm0, [rdi+ymm1*4+16], xmm2',
      '4 x 4 by xmm2, ds:rdi+ymm1*4+0x10 of 8',
    ],
    ['c4e2ed90048f', 'vpgatherdq ymm0, [rdi+xmm1*4], ymm2', '4 x 8 by ymm2, ds:rdi+xmm1*4 of 4'],
    [
      'c4e26990048d10000000',
      'vpgatherdd xmm1, [xmm1*4+0x10], xmm2',
      '4 x 4 by xmm2, ds:xmm1*4+0x10 of 4',
    ],
    [
      '62f27d4990048f',
      'vpgatherdd zmm0{k1}, [rdi+zmm1*4]',
      '16 x 4 by undefined, ds:rdi+zmm1*4 of 4',
    ],
  ])('%s %s', (hex, _text, wanted) => {
    const [{ elements } = { elements: undefined }] = decodeInstruction(bytesOf(hex), L).accesses;
    const { bytes, count, mask, index } = elements ?? {};
    const indices = index === undefined ? '' : `, ${formatAddress(index.from)} of ${index.bytes}`;
    expect(`${count} x ${bytes} by ${mask}${indices}`).toBe(wanted);
  });

  test('an address that has none but vector registers is as wide as the code and the prefix have it', () => {
    const placeIn = (mode: CpuMode, hex: string): AddressExpression | undefined =>
      decodeInstruction(bytesOf(hex), mode).accesses[0]?.elements?.index?.from;
    // vpgatherdd xmm0, [xmm1*4-16], xmm2
    const GATHER = 'c4e26990048df0ffffff';
    expect(placeIn(L, GATHER)?.addressBits).toBe(64);
    expect(placeIn(L, `67${GATHER}`)?.addressBits).toBe(32);
    expect(placeIn(PROTECTED_32, GATHER)?.addressBits).toBe(32);
    for (const [mode, hex] of [
      [L, GATHER],
      [L, `67${GATHER}`],
      [PROTECTED_32, GATHER],
    ] as const) {
      expect(placeIn(mode, hex)?.displacement).toBe(-16n);
    }
  });

  test.each([
    ['8b042510000000', 64], // mov eax, [0x10]
    ['678b042510000000', 32],
    ['67a110000000', 32],
    ['a11000000000000000', 64],
    ['8b04cd10000000', 64], // mov eax, [rcx*8+0x10]
    ['678b04cd10000000', 32],
  ] as const)('an address of %s, without a base, has %i bits', (hex, bits) => {
    expect(decodeInstruction(bytesOf(hex), L).accesses[0]?.address?.addressBits).toBe(bits);
  });
});

describe('architectural accesses', () => {
  test.each(CASES.map(([mode, hex, text, accesses]) => ({ mode, hex, text, accesses })))(
    '$mode.codeBits-bit $text',
    ({ mode, hex, text, accesses }) => {
      const bytes = bytesOf(hex);
      const decoded = decodeInstruction(bytes, mode);
      expect(formatInstruction(bytes, mode)).toBe(text);
      expect(decoded.length).toBe(bytes.length);
      expect(decoded.accesses.map(draw)).toEqual(accesses);
    },
  );
});

const PROTECTED_16: CpuMode = { ...usualMode(16), stackBits: 32, hasDescriptors: true };
const USER_32: CpuMode = { ...PROTECTED_32, cpl: 3 };

function formsOf(mode: CpuMode, hex: string): readonly (readonly string[])[] {
  return decodeInstruction(bytesOf(hex), mode).otherForms.map((form) => form.map(draw));
}

describe('other forms, whole sets of accesses', () => {
  const code = ['L8 table:code-descriptor', 'S4? table:code-descriptor+0x4'];
  test('a far return to an outer level pops the stack behind the parameters that it drops', () => {
    expect(formsOf(PROTECTED_32, 'ca0800')).toEqual([
      [
        'L4 ss:rsp',
        'L4 ss:rsp+0x4',
        ...code,
        'L4 ss:rsp+0x10',
        'L4 ss:rsp+0x14',
        'L8 table:stack-descriptor',
        'S4? table:stack-descriptor+0x4',
      ],
    ]);
  });

  test('a call through a gate of 64-bit code pushes 8 bytes each, whatever its operand size', () => {
    const gate = ['L6 ds:rax', 'L8 descriptor', 'L8 descriptor', ...code];
    const pushes = ['S8 ss:rsp-0x8', 'S8 ss:rsp-0x10'];
    expect(formsOf(L, 'ff18')).toEqual([[...gate, ...pushes]]);
    const [same, inner, ...more] = formsOf(USER_64, 'ff18');
    expect(same).toEqual([...gate, ...pushes]);
    const stack = [8, 16, 24, 32].map((at) => `S8 inner-ss:inner-rsp-0x${at.toString(16)}`);
    expect(inner).toEqual([...gate, 'L8 tss', ...stack]);
    expect(more).toEqual([]);
  });

  test('a gate to an inner level copies any number of parameters up to 31, each loaded and stored', () => {
    const inner = formsOf(USER_32, '9a000000000800').filter((form) => form.includes('L4 tss'));
    // Of 4 and of 2 bytes.
    expect(inner).toHaveLength(64);
    for (const form of inner) {
      const loads = form.filter((access) => /^L[24] ss:rsp/.test(access)).length;
      expect(form.filter((access) => access.includes('inner-rsp'))).toHaveLength(loads + 4);
    }
  });

  test('a return to virtual-8086 mode only at CPL 0; tasks not in long mode', () => {
    const segments = 'L4 ss:rsp+0x20';
    const isTask = (form: readonly string[]): boolean => form.some((one) => one.includes('tss:'));
    expect(formsOf(PROTECTED_32, 'cf').some((form) => form.includes(segments))).toBe(true);
    expect(formsOf(USER_32, 'cf').some((form) => form.includes(segments))).toBe(false);
    expect(formsOf(USER_32, 'cf').some(isTask)).toBe(true);
    expect(formsOf(PROTECTED_32, 'ea000000000800').some(isTask)).toBe(true);
    expect(formsOf({ ...USER_32, isLong: true }, 'cf').some(isTask)).toBe(false);
  });

  test('none in real mode', () => {
    for (const hex of ['cb', 'cf', '9a00000800', 'ea00000800']) {
      expect(formsOf(REAL, hex)).toEqual([]);
    }
  });

  test('16-bit code on a 32-bit stack pushes below it', () => {
    const [push] = decodeInstruction(bytesOf('50'), PROTECTED_16).accesses.map(draw);
    expect(push).toBe('S2 ss:rsp-0x2');
  });
});

describe('registers', () => {
  const effects = (hex: string, mode: CpuMode = L) => {
    const { clobbers, moves } = decodeInstruction(bytesOf(hex), mode);
    return { clobbers, moves: moves.map(({ to, from, offset }) => `${to}=${from}+${offset}`) };
  };
  test.each([
    ['push rbp', '55', ['rsp=rsp+-8']],
    ['pop rax', '58', ['rsp=rsp+8']],
    ['pop rsp', '5c', []],
    ['sub rsp, 0x20', '4883ec20', ['rsp=rsp+-32']],
    ['add rsp, 0x20', '4883c420', ['rsp=rsp+32']],
    ['mov rbp, rsp', '4889e5', ['rbp=rsp+0']],
    ['mov ebp, esp', '89e5', []],
    ['lea rax, [rdi+8]', '488d4708', ['rax=rdi+8']],
    ['lea rax, [rdi+rsi]', '488d0437', []],
    ['leave', 'c9', ['rsp=rbp+8']],
    ['inc rax', '48ffc0', ['rax=rax+1']],
    ['dec eax', 'ffc8', []],
  ])('%s', (_name, hex, moves) => {
    expect(effects(hex).moves).toEqual(moves);
  });

  test('what is written is not known any more', () => {
    expect(effects('48f7e1').clobbers.toSorted()).toEqual(['rax', 'rdx']);
    expect(effects('b001').clobbers).toEqual(['rax']);
    expect(effects('0f01f8').clobbers).toContain('gs');
  });
});

test('the mode of code follows from hflags', () => {
  expect(cpuModeOfHflags(0)).toEqual({
    codeBits: 16,
    stackBits: 16,
    hasDescriptors: false,
    isLong: false,
    cpl: 0,
  });
  expect(cpuModeOfHflags(0x40c0b3).codeBits).toBe(64);
  expect(cpuModeOfHflags(0xb3)).toMatchObject({ codeBits: 32, stackBits: 32, cpl: 3 });
  expect(cpuModeOfHflags(0x20083)).toMatchObject({ codeBits: 16, hasDescriptors: false });
});

test('what is no instruction accesses nothing', () => {
  expect(decodeInstruction(bytesOf('0f0b'), L)).toMatchObject({ mnemonic: 'ud2', accesses: [] });
  expect(decodeInstruction(bytesOf('06'), L)).toMatchObject({ mnemonic: '(bad)', accesses: [] });
});
