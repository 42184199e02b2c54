// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { AccessFlag } from '../format/index.ts';
import { memoryOf } from './access-details.ts';
import { UNKNOWN } from './access-rows.ts';

describe('the memory of an access', () => {
  const access = { vaddr: 0xffff_8880_0010_0ff8n, paddr: 0x10_0ff8n, flags: 0, size: 8 };

  it('is told by its physical address', () => {
    expect(memoryOf(access)).toEqual({ space: 'physical', low: 0x10_0ff8n, high: 0x10_1000n });
  });

  it('is told by its virtual address where the physical one is not known or in two pages', () => {
    const virtual = { space: 'virtual', low: access.vaddr, high: access.vaddr + 8n };
    expect(memoryOf({ ...access, paddr: UNKNOWN })).toEqual(virtual);
    expect(memoryOf({ ...access, flags: AccessFlag.crossesPage })).toEqual(virtual);
  });

  it('ends where addresses end', () => {
    const last = { ...access, vaddr: 2n ** 64n - 4n, paddr: UNKNOWN };
    expect(memoryOf(last)).toEqual({ space: 'virtual', low: last.vaddr, high: 2n ** 64n });
  });

  it('of the MMU is told by the address it was made with', () => {
    const walk = { ...access, vaddr: 0x2000n, paddr: UNKNOWN, flags: AccessFlag.physicalOnly };
    expect(memoryOf(walk)).toEqual({ space: 'physical', low: 0x2000n, high: 0x2008n });
  });
});
