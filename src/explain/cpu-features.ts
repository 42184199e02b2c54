// SPDX-License-Identifier: Apache-2.0
// Which features of CPUID an instruction needs and the guest's CPU does not have. Pure.

import type { CodeBits } from './machine-state.ts';

const REGISTERS = ['eax', 'ebx', 'ecx', 'edx'] as const;

/** As guests/explain.inc reports them: leaf and subleaf, four registers each. */
const LEAVES = ['1', '7', '7.1', '13.1', '0x80000001'] as const;
const WORD_BYTES = 4;

type Leaf = (typeof LEAVES)[number];
type Place = readonly [Leaf, (typeof REGISTERS)[number], number];

/** By iced's names. SDM 2A, CPUID; APM 3, appendix E. */
const PLACES: Readonly<Record<string, Place>> = {
  SSE3: ['1', 'ecx', 0],
  PCLMULQDQ: ['1', 'ecx', 1],
  MONITOR: ['1', 'ecx', 3],
  VMX: ['1', 'ecx', 5],
  SMX: ['1', 'ecx', 6],
  SSSE3: ['1', 'ecx', 9],
  FMA: ['1', 'ecx', 12],
  CMPXCHG16B: ['1', 'ecx', 13],
  SSE4_1: ['1', 'ecx', 19],
  SSE4_2: ['1', 'ecx', 20],
  MOVBE: ['1', 'ecx', 22],
  POPCNT: ['1', 'ecx', 23],
  AES: ['1', 'ecx', 25],
  XSAVE: ['1', 'ecx', 26],
  AVX: ['1', 'ecx', 28],
  F16C: ['1', 'ecx', 29],
  RDRAND: ['1', 'ecx', 30],
  FSGSBASE: ['7', 'ebx', 0],
  BMI1: ['7', 'ebx', 3],
  AVX2: ['7', 'ebx', 5],
  BMI2: ['7', 'ebx', 8],
  INVPCID: ['7', 'ebx', 10],
  RTM: ['7', 'ebx', 11],
  AVX512F: ['7', 'ebx', 16],
  AVX512DQ: ['7', 'ebx', 17],
  RDSEED: ['7', 'ebx', 18],
  ADX: ['7', 'ebx', 19],
  SMAP: ['7', 'ebx', 20],
  CLFLUSHOPT: ['7', 'ebx', 23],
  CLWB: ['7', 'ebx', 24],
  AVX512CD: ['7', 'ebx', 28],
  SHA: ['7', 'ebx', 29],
  AVX512BW: ['7', 'ebx', 30],
  AVX512VL: ['7', 'ebx', 31],
  PKU: ['7', 'ecx', 3],
  WAITPKG: ['7', 'ecx', 5],
  CET_SS: ['7', 'ecx', 7],
  GFNI: ['7', 'ecx', 8],
  VAES: ['7', 'ecx', 9],
  VPCLMULQDQ: ['7', 'ecx', 10],
  RDPID: ['7', 'ecx', 22],
  CLDEMOTE: ['7', 'ecx', 25],
  MOVDIRI: ['7', 'ecx', 27],
  MOVDIR64B: ['7', 'ecx', 28],
  ENQCMD: ['7', 'ecx', 29],
  UINTR: ['7', 'edx', 5],
  SERIALIZE: ['7', 'edx', 14],
  AMX_TILE: ['7', 'edx', 24],
  AVX_VNNI: ['7.1', 'eax', 4],
  CMPCCXADD: ['7.1', 'eax', 7],
  XSAVEOPT: ['13.1', 'eax', 0],
  XSAVEC: ['13.1', 'eax', 1],
  XSAVES: ['13.1', 'eax', 3],
  SVM: ['0x80000001', 'ecx', 2],
  LZCNT: ['0x80000001', 'ecx', 5],
  SSE4A: ['0x80000001', 'ecx', 6],
  XOP: ['0x80000001', 'ecx', 11],
  SKINIT: ['0x80000001', 'ecx', 12],
  LWP: ['0x80000001', 'ecx', 15],
  FMA4: ['0x80000001', 'ecx', 16],
  TBM: ['0x80000001', 'ecx', 21],
  MONITORX: ['0x80000001', 'ecx', 29],
  RDTSCP: ['0x80000001', 'edx', 27],
  D3NOW: ['0x80000001', 'edx', 31],
};

/** Of `needed` those that CPUID denies in the guest's report; none when it tells nothing of them. */
export function lackingFeatures(
  report: Uint8Array,
  bits: CodeBits,
  needed: readonly string[],
): string[] {
  // Behind "E" and eight words of the stack: guests/explain.inc.
  const begin = 1 + bits;
  const end = begin + LEAVES.length * REGISTERS.length * WORD_BYTES;
  if (report.length < end) return [];
  const view = new DataView(report.buffer, report.byteOffset);
  return needed.filter((name) => {
    const place = PLACES[name];
    if (place === undefined) return false;
    const [leaf, register, bit] = place;
    const word = LEAVES.indexOf(leaf) * REGISTERS.length + REGISTERS.indexOf(register);
    return ((view.getUint32(begin + word * WORD_BYTES, true) >>> bit) & 1) === 0;
  });
}
