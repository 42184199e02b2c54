// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { u64FromBigint } from '../base/index.ts';
import type { PageAxis } from '../tiles/index.ts';
import { bandOf, bandsOf, memoryOfCommand, physicalNames, virtualNames } from './bands.ts';

function axisOf(...pages: readonly bigint[]): PageAxis {
  return {
    count: pages.length,
    addressOf: (rank) => u64FromBigint(pages[rank] ?? 0n),
    rankOf: () => ({ rank: 0, exact: false }),
  };
}

describe('bands of virtual memory', () => {
  it('are runs of ranks, without gaps, up to the last page there is', () => {
    const axis = axisOf(
      ...[0x1000n, 0x7fff_ffff_e000n, 0xffff_8880_0000_0000n, 0xffff_8880_0000_1000n],
      ...[0xffff_ffff_8100_0000n, 0xffff_ffff_ffff_f000n],
    );
    const bands = bandsOf(axis, virtualNames('linux'));
    expect(bands.map(({ name, first, end }) => [name, first, end])).toEqual([
      ['user or physical', 0, 1],
      ['user', 1, 2],
      ['direct map', 2, 4],
      ['kernel image', 4, 5],
      ['fixmap', 5, 6],
    ]);
    expect(bands[2]).toMatchObject({
      lowAddress: '0xffff888000000000',
      highAddress: '0xffff888000002000',
    });
    expect(bands[4]?.highAddress).toBe('0x10000000000000000');
    expect([0, 1, 3, 5, 6].map((rank) => bandOf(bands, rank))).toEqual([0, 1, 2, 4, -1]);
    expect(bandsOf(axisOf(), virtualNames('linux'))).toEqual([]);
  });
});

describe('bands of physical memory', () => {
  it('are those of a PC with that much memory', () => {
    const nameOf = physicalNames(256 * 2 ** 20);
    const names = [
      ...[0x0, 0x9_f000, 0xa_0000, 0xc_0000, 0xf_f000, 0x10_0000, 0xfff_f000],
      ...[0x1000_0000, 0xfee0_0000, 0xffff_f000],
    ].map((address) => nameOf(address, 0));
    expect(names).toEqual([
      ...['RAM', 'RAM', 'video memory', 'ROM', 'ROM', 'RAM', 'RAM'],
      ...['devices', 'devices', 'firmware'],
    ]);
    expect(nameOf(0, 1)).toBe('RAM above 4 GiB');
    // With more than fits below 4 GiB the devices stay where they are.
    const large = physicalNames(16 * 2 ** 30);
    expect([large(0xb000_0000, 0), large(0xfec0_0000, 0)]).toEqual(['RAM', 'devices']);
  });

  it.each([
    ['-m 256M', 256],
    ['-m 512', 512],
    ['-m 1G', 1024],
    ['-m 2g -m 3G', 3072],
    ['-m size=4G,slots=2,maxmem=8G', 4096],
    ['-smp 2', 128],
    ['-m', 128],
  ])('of "%s": %i MiB', (words, mebibytes) => {
    expect(memoryOfCommand(['qemu', ...words.split(' ')])).toBe(mebibytes * 2 ** 20);
  });

  it('of a trace that does not know its command line: the default of QEMU', () => {
    expect(memoryOfCommand(undefined)).toBe(128 * 2 ** 20);
  });
});
