// SPDX-License-Identifier: Apache-2.0
// Where windows of time begin, in text: near each other and far from the beginning they have labels of their own.
import { expect, it } from 'vitest';
import { renderFootprint } from './footprint.ts';
import { renderHeat } from './heat.ts';

const part = { lines: 1, pages: 1 };
const touched = { all: part, kernel: part, user: part };
const windows = [1_000_000_000, 1_000_000_100].map((begin) => ({
  ...{ begin, instructions: 100 },
  ...touched,
}));

it('footprint', () => {
  const text = renderFootprint({
    ...{ analysis: 'footprint', file: 'a' },
    parameters: {
      ...{ lineBytes: 64, pageBytes: 4096, windowInstructions: 100, windowVcpus: [0] },
      selection: {},
    },
    result: {
      ...{ lineBytes: 64, pageBytes: 4096, accesses: 2, userAccesses: 0, sampledOneIn: 1 },
      ...{ windows, total: touched },
    },
  });
  expect(text).toMatch(/\n *1,000,000,000 /);
  expect(text).toMatch(/\n *1,000,000,100 /);
});

it('heat', () => {
  const text = renderHeat({
    ...{ analysis: 'heat', file: 'a' },
    parameters: {
      ...{ unitBytes: 4096, windowInstructions: 100, windowVcpus: [0], rows: 4 },
      selection: {},
    },
    result: {
      ...{ unitBytes: 4096, windowInstructions: 100, loads: 0, stores: 0, rows: [] },
      begins: [1_000_000_000, 1_000_000_100],
      end: 1_000_000_150,
    },
  });
  expect(text).toContain('from instruction 1,000,000,000 to 1,000,000,150\n');
});
