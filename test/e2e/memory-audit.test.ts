// SPDX-License-Identifier: Apache-2.0
// The memory audit of bare guests: who else wrote, that nothing else did, and which deliberate faults it notices.

import { describe, expect, it } from 'vitest';
import { requireDefined } from '../../src/base/index.ts';
import { checkTrace, type MemoryAudit } from '../../src/format/index.ts';
import { type GuestOptions, recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT, qemuUnderTest } from './run-loadstore.ts';

async function audit(guest: string, options: GuestOptions = {}): Promise<MemoryAudit> {
  const run = await recordGuestNamed(guest, '', { auditMemory: true, ...options });
  try {
    const { totals } = run.trace;
    if (options.fault !== undefined && (totals?.injectedFaults ?? 0) === 0) {
      throw new Error(`no fault was injected: ${options.fault}`);
    }
    return requireDefined(totals?.memoryAudit, 'memory was audited');
  } finally {
    await run.close();
  }
}

describe.skipIf(!PLUGIN_IS_BUILT)('the memory audit', () => {
  it.each(['plain', 'rep', 'selfmod', 'levels', 'mmio', 'real', 'ports'])(
    'finds nothing unknown in guest %s, and no device that wrote',
    async (guest) => {
      const { unknownBytes, ranges, byCause, comparisons } = await audit(guest);
      expect({ unknownBytes, ranges }).toEqual({ unknownBytes: 0, ranges: [] });
      expect(byCause['device-dma']).toBe(0);
      expect(comparisons).toBeGreaterThan(0);
    },
  );

  it('finds what QEMU 7.2 lets nobody see: the first fetch through new tables', async () => {
    const { unknownBytes, ranges, byCause } = await audit('walks');
    const isOld = (await qemuUnderTest()).pluginApi === 1;
    // The accessed bits of a PML4 and a PDPT that CR3 was just loaded with.
    const bits = [0x22_0000, 0x22_1000].map((paddr) => ({ paddr, bytes: 1 }));
    expect({ unknownBytes, ranges }).toEqual(
      isOld ? { unknownBytes: 2, ranges: bits } : { unknownBytes: 0, ranges: [] },
    );
    expect(byCause['device-dma']).toBe(0);
  });

  it('knows what interrupts push and the MMU sets', async () => {
    const faults = await audit('faults');
    expect(faults).toMatchObject({ unknownBytes: 0, ranges: [] });
    expect(faults.byCause['event-delivery']).toBeGreaterThan(0);
    const walks = await audit('walks');
    expect(walks.byCause['page-walk']).toBeGreaterThan(0);
    expect(walks.byCause['device-dma']).toBe(0);
  });

  it('knows what entering SMM saves', async () => {
    const { unknownBytes, ranges, byCause } = await audit('smm');
    expect({ unknownBytes, ranges }).toEqual({ unknownBytes: 0, ranges: [] });
    // RAX to R15, RIP, RFLAGS, CR0 to CR4, segments, the revision: of those many are 0.
    expect(byCause['smm-state-save']).toBeGreaterThan(40);
    expect(byCause['smm-state-save']).toBeLessThanOrEqual(512);
  });

  it('knows what vmrun and leaving a nested guest save', async () => {
    const { unknownBytes, ranges, byCause } = await audit('nested');
    // With nested paging an interrupt's frame is not worked out: three of its five words differ from what was there.
    expect(ranges.map(({ paddr }) => paddr)).toEqual([0x41_3fd8, 0x41_3fe8, 0x41_3ff8]);
    expect(unknownBytes).toBeLessThanOrEqual(3 * 8);
    // Of the host CR0, CR3, CR4, EFER and where it goes on at the least, of the guest why it was left, and an error
    // code that was delivered to it.
    expect(byCause['nested-state']).toBeGreaterThan(20);
    expect(byCause['nested-state']).toBeLessThan(2 * 0x270);
  });

  it('knows what devices write: fw_cfg and virtio', async () => {
    const { differingBytes, unknownBytes, ranges, byCause } = await audit('dma');
    expect({ unknownBytes, ranges }).toEqual({ unknownBytes: 0, ranges: [] });
    // 1 of the request, 4 of the signature, 64 random ones, 2 of the used ring; random ones may be 0.
    expect(byCause['device-dma']).toBeGreaterThan(60);
    expect(byCause['device-dma']).toBeLessThanOrEqual(71);
    expect(Object.values(byCause).reduce((sum, count) => sum + count)).toBe(differingBytes);
  });

  it('knows what a disk with bus-master DMA writes, where QEMU tells what it maps', async () => {
    const { differingBytes, unknownBytes, byCause, ranges } = await audit('disk');
    // Zeros over ones, so that every byte differs; never silent.
    expect(differingBytes).toBe(512);
    const isOld = (await qemuUnderTest()).pluginApi === 1;
    expect(byCause['device-dma']).toBe(isOld ? 0 : 512);
    expect(unknownBytes).toBe(isOld ? 512 : 0);
    expect(ranges).toEqual(isOld ? [{ paddr: 0x40_1000, bytes: 512 }] : []);
  });

  it('knows what an AHCI controller writes, too: sector, header and what it received', async () => {
    const { differingBytes, unknownBytes, byCause } = await audit('ahci');
    // Of the command's header the bytes that it moved, of two structures that it received what is not 0.
    expect(differingBytes).toBe(512 + 1 + 5);
    const isOld = (await qemuUnderTest()).pluginApi === 1;
    expect(byCause['device-dma']).toBe(isOld ? 0 : differingBytes);
    expect(unknownBytes).toBe(isOld ? differingBytes : 0);
  });

  it('knows what an NVMe controller writes: an answer, and that it is done', async () => {
    const { differingBytes, unknownBytes, byCause } = await audit('nvme');
    expect(unknownBytes).toBe(0);
    expect(byCause['device-dma']).toBe(differingBytes);
    // The answer is mostly zeros, over ones; of the queue's entry the command's number and the phase.
    expect(differingBytes).toBeGreaterThan(4000);
    expect(differingBytes).toBeLessThanOrEqual(4096 + 16);
  });
});

describe.skipIf(!PLUGIN_IS_BUILT)('of deliberate faults the memory audit', () => {
  it.each(['drop:3', 'shift:3', 'swap:3'])('notices %s', async (fault) => {
    const { unknownBytes, ranges } = await audit('plain', { fault });
    expect(unknownBytes).toBeGreaterThan(0);
    expect(ranges.length).toBeGreaterThan(0);
  });

  it('notices frame:1', async () => {
    expect((await audit('faults', { fault: 'frame:1' })).unknownBytes).toBeGreaterThan(0);
  });

  it('cannot notice neighbour:3, since memory does not tell who wrote', async () => {
    expect((await audit('plain', { fault: 'neighbour:3' })).unknownBytes).toBe(0);
  });

  it('cannot pass for a real recording', async () => {
    const run = await recordGuestNamed('plain', '', { fault: 'drop:3' });
    try {
      expect(run.trace.header.plugin.fault).toBe('drop:3');
      expect(await checkTrace(run.outcome.file)).toMatchObject({
        ok: true,
        deliberateFault: 'drop:3',
      });
    } finally {
      await run.close();
    }
  });
});
