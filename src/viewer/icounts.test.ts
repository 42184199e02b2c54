// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { fakeIcount, fakeRow } from '../../test/fakes/viewer-accesses.ts';
import { fakeTracks } from '../../test/fakes/viewer-tracks.ts';
import {
  formatIcount,
  icountOf,
  icountOfAccess,
  isShared,
  nameAxisIcount,
  nameIcount,
} from './icounts.ts';

/** Three instructions to each access, which is not what the accesses have. */
const reply = fakeTracks(4);
const near = {
  stream: 0,
  rows: Array.from({ length: 300 }, (_, i) => fakeRow(5000 + i, 1 << 20)),
};

describe('the icount beside an ordinal', () => {
  it('is that of the access where it is known, whatever the columns say', () => {
    for (const ordinal of [5000, 5123.7, 5299]) {
      const count = fakeIcount(Math.floor(ordinal));
      expect(icountOf(ordinal, 0, near, reply)).toEqual({ vcpu: 0, count, isExact: true });
    }
  });

  it.each([
    ['before the accesses that are known', 4999, 0, near],
    ['behind them', 5300, 0, near],
    ['of another stream', 5100, 1, near],
    ['of another vCPU', 5100, 0, { ...near, rows: near.rows.map((row) => ({ ...row, vcpu: 1 })) }],
    ['without accesses', 5100, 0, null],
  ])('is about so much %s', (_where, ordinal, stream, known) => {
    const found = icountOf(ordinal, stream, known, reply);
    expect(found?.isExact).toBe(false);
    expect(found === null ? '' : formatIcount(found)).toMatch(/^≈ [\d,]+$/);
  });

  it('is not known where there is no column', () => {
    expect(icountOf(4 * 4096 - 1, 0, null, { ...reply, begins: [], end: 0 })).toBeNull();
    expect(icountOf(5000, 0, near, null)).toBeNull();
    // The view was moved, and tracks of where it is now are not here yet.
    expect(icountOf(4 * 4096, 0, null, reply)).not.toBeNull();
    expect(icountOf(4 * 4096 + 1, 0, null, reply)).toBeNull();
  });

  it('of an access is that of the vCPU that made it, and about that of the first where no access is known', () => {
    const shared = { ...near, rows: near.rows.map((row) => ({ ...row, vcpu: row.ordinal % 2 })) };
    for (const ordinal of [5000, 5001, 5123.7]) {
      const whole = Math.floor(ordinal);
      const own = { vcpu: whole % 2, count: fakeIcount(whole), isExact: true };
      expect(icountOfAccess(ordinal, 0, shared, reply)).toEqual(own);
      // What the axis is of stays one and the same.
      expect(icountOf(ordinal, 0, shared, reply)?.vcpu).toBe(0);
    }
    expect(icountOfAccess(4999, 0, shared, reply)).toEqual(icountOf(4999, 0, shared, reply));
    expect(icountOf(4999, 0, shared, reply)).toMatchObject({ vcpu: 0, isExact: false });
  });

  it('has the name of its vCPU where there are several', () => {
    expect([isShared([]), isShared([3]), isShared([0, 3])]).toEqual([false, false, true]);
    expect([nameIcount(0, [0]), nameIcount(0, [0, 1]), nameIcount(1, [0, 1])]).toEqual([
      ...['icount', 'icount of vCPU 0', 'icount of vCPU 1'],
    ]);
    expect([nameAxisIcount([3]), nameAxisIcount([2, 3])]).toEqual(['icount', 'icount of vCPU 2']);
  });

  it('says so when it is not exact', () => {
    const known = { vcpu: 0, count: 12_345 };
    expect(formatIcount({ ...known, isExact: true })).toBe('12,345');
    expect(formatIcount({ ...known, isExact: false }, () => '12 k')).toBe('≈ 12 k');
  });
});
