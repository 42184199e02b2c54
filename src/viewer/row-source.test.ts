// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { BLOCK_ROWS, type RowBlock, RowSource } from './row-source.ts';

const settle = async (): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
};

describe('rows of a list', () => {
  function sourceOf(total: number, counted = true) {
    const asked: number[] = [];
    const errors: unknown[] = [];
    let changes = 0;
    const source = new RowSource<number>(
      async (offset, count): Promise<RowBlock<number>> => {
        asked.push(offset);
        await Promise.resolve();
        const rows = Array.from(
          { length: Math.max(0, Math.min(count, total - offset)) },
          (_, i) => offset + i,
        );
        return { rows, total, counted };
      },
      () => {
        changes++;
      },
      (error) => errors.push(error),
    );
    return { source, asked, errors, changes: () => changes };
  }

  it('come in blocks, each asked for once', async () => {
    const { source, asked, changes } = sourceOf(1000);
    source.want(0, 30);
    source.want(10, 40);
    expect(source.find(5)).toBeUndefined();
    await settle();
    expect(asked).toEqual([0]);
    expect(changes()).toBe(1);
    expect(source.total).toBe(1000);
    expect(source.find(5)).toBe(5);
    source.want(BLOCK_ROWS - 5, BLOCK_ROWS + 5);
    await settle();
    expect(asked).toEqual([0, BLOCK_ROWS]);
    expect(source.find(BLOCK_ROWS + 1)).toBe(BLOCK_ROWS + 1);
  });

  it('are asked for again while the list is being counted', async () => {
    const { source, asked } = sourceOf(50, false);
    source.want(0, 10);
    await settle();
    source.want(0, 10);
    await settle();
    expect(asked).toEqual([0, 0]);
    expect(source.counted).toBe(false);
  });

  it('that cannot be had are told of once', async () => {
    const errors: unknown[] = [];
    const source = new RowSource<number>(
      async () => {
        await Promise.resolve();
        throw new Error('damaged');
      },
      () => undefined,
      (error) => errors.push(error),
    );
    source.want(0, 10);
    await settle();
    source.want(0, 10);
    await settle();
    expect(errors).toHaveLength(1);
    expect(source.isRefused(3)).toBe(true);
    expect(source.isRefused(BLOCK_ROWS)).toBe(false);
  });
});
