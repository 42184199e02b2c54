// SPDX-License-Identifier: Apache-2.0
// A trace that is made up: what access N is follows from N alone, so that a test can count by itself whatever the
// viewer shows. Four bands of pages; a sweep over the first, a hot page in the second, scattered ones in the rest.

import type { AccessRow, Band } from '../../src/server/protocol.ts';

export const FAKE_PAGES = 600;
export const PAGE_BYTES = 4096;

const BAND_ADDRESSES: readonly (readonly [string, number, bigint])[] = [
  ['user', 200, 0x40_0000n],
  ['direct map', 250, 0xffff_8880_0010_0000n],
  ['vmalloc', 50, 0xffff_c900_0000_0000n],
  ['kernel image', 100, 0xffff_ffff_8100_0000n],
];

export const FAKE_BANDS: readonly Band[] = BAND_ADDRESSES.map(([name, count, address], i) => {
  const first = BAND_ADDRESSES.slice(0, i).reduce((sum, [, pages]) => sum + pages, 0);
  return {
    name,
    first,
    end: first + count,
    lowAddress: hex(address),
    highAddress: hex(address + BigInt(count * PAGE_BYTES)),
  };
});

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** Address of the byte at a rank. */
export function fakeAddress(rank: number): string {
  const band = FAKE_BANDS.find(({ end }) => rank < end) ?? FAKE_BANDS[0];
  const base = BigInt(band?.lowAddress ?? '0x0');
  return hex(base + BigInt(Math.floor((rank - (band?.first ?? 0)) * PAGE_BYTES + 1e-6)));
}

/** Rank of the first byte of a page, plus the byte in it; null when the trace never was there. */
export function fakeRank(address: bigint): number | null {
  for (const { first, lowAddress, highAddress } of FAKE_BANDS) {
    const low = BigInt(lowAddress);
    if (address >= low && address < BigInt(highAddress)) {
      return first + Number(address - low) / PAGE_BYTES;
    }
  }
  return null;
}

const PHYSICAL_BASE = 0x10_0000;

/** Pages are in physical memory as their ranks are. */
export function fakePhysicalRank(address: bigint): number {
  return Number(address - BigInt(PHYSICAL_BASE)) / PAGE_BYTES;
}

/** A mixer of 32 bits: the same everywhere. */
function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x45d9_f3b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b_3c6d);
  return (x ^ (x >>> 16)) >>> 0;
}

export interface FakeAccess {
  readonly rank: number;
  readonly isStore: boolean;
  readonly size: number;
  readonly vcpu: number;
}

export function fakeAccess(ordinal: number, accesses: number): FakeAccess {
  const noise = mix(ordinal);
  const way = noise % 8;
  const part = ordinal / accesses;
  const offset = ((noise >>> 4) % 512) * 8;
  const page =
    way < 3
      ? Math.floor(part * 200)
      : way < 5
        ? 240 + ((noise >>> 12) % 4)
        : way < 7
          ? 500 + ((noise >>> 10) % 100)
          : 200 + (Math.floor(part * 40 + (noise >>> 13) / 2 ** 19 / 4) % 300);
  return {
    rank: page + offset / PAGE_BYTES,
    isStore: noise % 3 === 0,
    size: 8,
    vcpu: 0,
  };
}

export function fakeRow(ordinal: number, accesses: number): AccessRow {
  const { rank, isStore, size } = fakeAccess(ordinal, accesses);
  const isUser = rank < 200;
  const function_ = isUser ? 'main' : 'copy_page';
  return {
    ordinal,
    icount: fakeIcount(ordinal),
    vcpu: 0,
    cpl: isUser ? 3 : 0,
    pc: isUser ? '0x401000' : '0xffffffff81000100',
    place: `${function_}+0x${(mix(ordinal) % 64).toString(16)}`,
    disassembly: isStore ? 'mov [rdi], rax' : 'mov rax, [rsi]',
    vaddr: fakeAddress(rank),
    paddr: `0x${(PHYSICAL_BASE + Math.floor(rank * PAGE_BYTES)).toString(16)}`,
    size,
    kind: isStore ? 'store' : 'load',
    origin: 'instruction',
    device: false,
    aborted: false,
  };
}

/** Two instructions and a half to each access. */
export function fakeIcount(ordinal: number): number {
  return Math.floor(ordinal * 2.5);
}
