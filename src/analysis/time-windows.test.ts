// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { beginOfWindow, windowOf, windowsOver } from './time-windows.ts';

describe('windows of time', () => {
  it('cover what they are asked to, the last as far as it is needed', () => {
    expect(windowsOver(100, 131, 10)).toEqual({
      ...{ firstIcount: 100, endIcount: 131, windowInstructions: 10, windowCount: 4 },
    });
    expect(windowsOver(100, 140, 10).windowCount).toBe(4);
    expect(windowsOver(7, 7, 10).windowCount).toBe(1);
  });

  it('are half open; what is before the first or behind the last belongs to it', () => {
    const windows = windowsOver(100, 131, 10);
    const icounts = [0, 99, 100, 109, 110, 129, 130, 139, 140, 2 ** 40];
    expect(icounts.map((icount) => windowOf(windows, icount))).toEqual([
      ...[0, 0, 0, 0, 1, 2, 3, 3, 3, 3],
    ]);
    expect([0, 3].map((window) => beginOfWindow(windows, window))).toEqual([100, 130]);
  });
});
