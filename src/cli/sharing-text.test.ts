// SPDX-License-Identifier: Apache-2.0
// What "loadstore sharing" says of lines that one vCPU had filled before another came.
import { expect, it } from 'vitest';
import { DEFAULT_SHARING } from './commands/sharing.ts';
import { renderSharing } from './render/sharing.ts';

function textOf(filledBefore: number): string {
  return renderSharing({
    parameters: { ...DEFAULT_SHARING, selection: {} },
    result: {
      ...{ vcpuCount: 2, accesses: 1000, excluded: { device: 0, noAddress: 0 } },
      lines: {
        ...{ touched: 50, shared: 10, readShared: 1, trueShared: 8, falseShared: 1, filledBefore },
      },
      misses: { trueSharing: 0, falseSharing: 0 },
      ...{ functionCount: 0, functions: [], topLines: [] },
    },
  });
}

it('counts them, and says when there are so many that classes say little, and what to do', () => {
  expect(textOf(0)).not.toContain('before');
  expect(textOf(5)).toMatch(/filled by one before others came +5 +50\.0 %/);
  expect(textOf(5)).not.toContain('says little');
  expect(textOf(6)).toContain('every byte of 60.0 % before another came');
  expect(textOf(6)).toContain('--from icount:N');
});
