// SPDX-License-Identifier: Apache-2.0
// What an address of a 64-bit Linux guest is for, by the kernel's own map of its address space
// (Documentation/x86/x86_64/mm.rst, four-level paging). A kernel that randomises addresses moves the direct map,
// vmalloc and struct page within what they have together: they are told apart only where it is known that it does not.
// With five-level paging they are in what four levels leave unused. Of guests that show no sign of Linux only the
// architecture's halves are named (Intel SDM, volume 1, 3.3.7.1).

const BEYOND_FOUR_LEVELS = 'beyond four-level paging';

interface Region {
  readonly beginHi: number;
  readonly beginLo: number;
  readonly name: string;
}

/**
 * 'linux': a kernel that did not move what is in its map; 'linux-moved': one that did, or may have; 'unknown': no code of
 * a kernel is where Linux has it.
 */
export type AddressMap = 'linux' | 'linux-moved' | 'unknown';

/** In ascending order; a region reaches to the next one's begin. */
const REGIONS: readonly Region[] = [
  { beginHi: 0, beginLo: 0, name: 'user or physical' },
  { beginHi: 1, beginLo: 0, name: 'user' },
  { beginHi: 0x8000, beginLo: 0, name: BEYOND_FOUR_LEVELS },
  { beginHi: 0xffff_8000, beginLo: 0, name: 'guard hole' },
  { beginHi: 0xffff_8800, beginLo: 0, name: 'LDT' },
  { beginHi: 0xffff_8880, beginLo: 0, name: 'direct map' },
  { beginHi: 0xffff_c880, beginLo: 0, name: 'unused' },
  { beginHi: 0xffff_c900, beginLo: 0, name: 'vmalloc' },
  { beginHi: 0xffff_e900, beginLo: 0, name: 'unused' },
  { beginHi: 0xffff_ea00, beginLo: 0, name: 'struct page' },
  { beginHi: 0xffff_eb00, beginLo: 0, name: 'unused' },
  { beginHi: 0xffff_fe00, beginLo: 0, name: 'CPU entry area' },
  { beginHi: 0xffff_fe80, beginLo: 0, name: 'unused' },
  { beginHi: 0xffff_ffff, beginLo: 0x8000_0000, name: 'kernel image' },
  { beginHi: 0xffff_ffff, beginLo: 0xc000_0000, name: 'modules' },
  { beginHi: 0xffff_ffff, beginLo: 0xff00_0000, name: 'fixmap' },
];

/** "direct map", "vmalloc", "user or physical", ..., "lower half" for an address given as halves of 32 bits. */
export function nameRegion(lo: number, hi: number, map: AddressMap): string {
  const top = hi >>> 0;
  if (map === 'unknown') {
    if (top < 0x8000) return 'lower half';
    return top < 0xffff_8000 ? BEYOND_FOUR_LEVELS : 'upper half';
  }
  let name = '';
  for (const region of REGIONS) {
    const isBelow = region.beginHi < top || (region.beginHi === top && region.beginLo <= lo >>> 0);
    if (!isBelow) break;
    ({ name } = region);
  }
  const isMoved = map === 'linux-moved' && top >= 0xffff_8880 && top < 0xffff_fe00;
  return isMoved ? 'direct map, vmalloc or struct page' : name;
}
