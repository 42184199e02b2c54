// SPDX-License-Identifier: Apache-2.0
// Runs of ranks with a name: what the vertical axis of the map is labelled with.

import { add64, formatHex64 } from '../base/index.ts';
import { type AddressMap, nameRegion } from '../symbols/index.ts';
import type { AddressHalves, PageAxis } from '../tiles/index.ts';
import { type Band, PAGE_BYTES } from './protocol.ts';

export type PlaceNames = (lo: number, hi: number) => string;

/** Looks at each page once. */
export function bandsOf(axis: PageAxis, nameOf: PlaceNames): Band[] {
  const bands: Band[] = [];
  let open: { name: string; first: number; low: AddressHalves } | undefined;
  const close = (end: number): void => {
    if (open === undefined) return;
    const last = axis.addressOf(end - 1);
    const behind = add64(last.lo, last.hi, PAGE_BYTES, 0);
    bands.push({
      ...{ name: open.name, first: open.first, end },
      lowAddress: formatHex64(open.low.lo, open.low.hi),
      // Behind the last page of all there is no 64-bit address.
      highAddress: behind.lo === 0 && behind.hi === 0 ? TOP : formatHex64(behind.lo, behind.hi),
    });
  };
  for (let rank = 0; rank < axis.count; rank++) {
    const low = axis.addressOf(rank);
    const name = nameOf(low.lo, low.hi);
    if (open?.name === name) continue;
    close(rank);
    open = { name, first: rank, low };
  }
  close(axis.count);
  return bands;
}

const TOP = '0x10000000000000000';

/** Index of the band that a rank is in; -1: none. */
export function bandOf(bands: readonly Band[], rank: number): number {
  return bands.findIndex(({ first, end }) => rank >= first && rank < end);
}

/** Regions of a 64-bit Linux guest, else halves; what runs before paging is on has physical addresses. */
export function virtualNames(map: AddressMap): PlaceNames {
  return (lo, hi) => nameRegion(lo, hi, map);
}

const MIB = 2 ** 20;
const LEGACY_VIDEO = 0xa_0000;
const LEGACY_ROM = 0xc_0000;
/** Where the memory below 4 GiB ends at the latest, on both of QEMU's PC machines. */
const LOW_MEMORY_LIMIT = 0xe000_0000;
const FIRMWARE = 0xfff0_0000;

/** Of QEMU's PC machines with so much memory (hw/i386/pc_piix.c, pc_q35.c). */
export function physicalNames(memoryBytes: number): PlaceNames {
  const lowEnd = Math.min(memoryBytes, LOW_MEMORY_LIMIT);
  return (lo, hi) => {
    const address = lo >>> 0;
    if (hi > 0) return 'RAM above 4 GiB';
    if (address >= LEGACY_VIDEO && address < LEGACY_ROM) return 'video memory';
    if (address >= LEGACY_ROM && address < MIB) return 'ROM';
    if (address < lowEnd) return 'RAM';
    return address >= FIRMWARE ? 'firmware' : 'devices';
  };
}

const DEFAULT_MEMORY_BYTES = 128 * MIB;
const UNITS: Readonly<Record<string, number>> = {
  '': MIB,
  B: 1,
  K: 2 ** 10,
  M: MIB,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** What QEMU's command line says of the guest's memory: -m 256M, -m size=1G,slots=2. Without -m 128 MiB. */
export function memoryOfCommand(command: readonly string[] | undefined): number {
  const at = command?.lastIndexOf('-m') ?? -1;
  const match = /^(?:size=)?(\d+)([BKMGT]?)/i.exec(command?.[at + 1] ?? '');
  if (at < 0 || match === null) return DEFAULT_MEMORY_BYTES;
  return Number(match[1]) * (UNITS[(match[2] ?? '').toUpperCase()] ?? MIB);
}
