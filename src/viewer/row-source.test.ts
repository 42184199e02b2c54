// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { BLOCK_ROWS, type RowBlock, RowSource } from './row-source.ts';

const settle = async (): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
};

describe('rows of a list', () => {
  function sourceOf(total: number) {
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
        return { rows, total, counted: true };
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

  /** 100 rows more are counted at each question. */
  function slowSource(total: number) {
    const asked: number[] = [];
    let counted = 0;
    const source = new RowSource<number>(
      async (offset, count): Promise<RowBlock<number>> => {
        asked.push(offset);
        await settle();
        counted = Math.min(total, counted + 100);
        const length = Math.max(0, Math.min(count, counted - offset));
        const rows = Array.from({ length }, (_, i) => offset + i);
        return { rows, total: counted, counted: counted === total };
      },
      () => undefined,
      (error) => {
        throw error;
      },
    );
    return { source, asked };
  }

  it('are counted to the end, and what was short before is asked for again', async () => {
    const { source, asked } = slowSource(750);
    source.want(0, 10);
    await expect.poll(() => source.counted).toBe(true);
    expect(source.total).toBe(750);
    expect(asked).toHaveLength(8);
    expect(source.find(150)).toBeUndefined();
    source.want(0, 10);
    await expect.poll(() => source.find(150)).toBe(150);
  });

  it('are not counted when nobody looks at them any more', async () => {
    const { source, asked } = slowSource(100_000);
    source.want(0, 10);
    await expect.poll(() => asked.length).toBeGreaterThan(3);
    source.stop();
    await settle();
    await settle();
    const before = asked.length;
    await settle();
    await settle();
    expect(asked.length).toBe(before);
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
