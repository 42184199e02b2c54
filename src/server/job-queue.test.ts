// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createJobQueue } from './job-queue.ts';

const never = new AbortController().signal;

function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

describe('jobs', () => {
  it('run one at a time, in order, and tell how far they are', async () => {
    const queue = createJobQueue();
    const [first, second] = [gate(), gate()];
    const order: string[] = [];
    const a = queue.run('summary', never, async (onProgress) => {
      onProgress(0.5);
      await first.passed;
      order.push('a');
    });
    const b = queue.run('sql', never, async () => {
      order.push('b');
      await second.passed;
    });
    await Promise.resolve();
    expect(queue.jobs()).toEqual([
      { name: 'summary', part: 0.5 },
      { name: 'sql', part: null },
    ]);
    first.open();
    await a;
    second.open();
    await b;
    expect(order).toEqual(['a', 'b']);
    await Promise.resolve();
    expect(queue.jobs()).toEqual([]);
  });

  it('that fail or are given up do not hold up the others', async () => {
    const queue = createJobQueue();
    const leaving = new AbortController();
    const first = gate();
    const failed = queue.run('sql', never, async () => {
      await first.passed;
      throw new Error('no');
    });
    const left = queue.run('sql', leaving.signal, async () => 'ran');
    const last = queue.run('sql', never, async () => 'ran');
    leaving.abort(new Error('gone'));
    first.open();
    await expect(failed).rejects.toThrow('no');
    await expect(left).rejects.toThrow('gone');
    await expect(last).resolves.toBe('ran');
  });

  it('that are given up while they wait leave their place at once', async () => {
    const queue = createJobQueue();
    const leaving = new AbortController();
    const first = gate();
    const runs = queue.run('sql', never, async () => first.passed);
    const waiting = Array.from({ length: 7 }, async () =>
      queue.run('sql', leaving.signal, async () => 'ran'),
    );
    const ends = Promise.allSettled(waiting);
    leaving.abort(new Error('gone'));
    expect((await ends).map(({ status }) => status)).toEqual(waiting.map(() => 'rejected'));
    expect(queue.jobs()).toHaveLength(1);
    const next = queue.run('sql', never, async () => 'ran');
    first.open();
    await runs;
    await expect(next).resolves.toBe('ran');
  });

  it('are waited for by who closes', async () => {
    const queue = createJobQueue();
    const stop = new AbortController();
    const first = gate();
    let isOver = false;
    const runs = queue.run('sql', stop.signal, async () => {
      await first.passed;
      isOver = true;
    });
    const waits = queue.run('sql', stop.signal, async () => 'ran');
    const left = waits.catch((error: unknown) => String(error));
    await Promise.resolve();
    stop.abort(new Error('closed'));
    const idle = queue.idle().then(() => isOver);
    expect(await left).toBe('Error: closed');
    first.open();
    expect(await idle).toBe(true);
    await runs;
  });

  it('are refused when too many wait', async () => {
    const queue = createJobQueue();
    const first = gate();
    const all = Array.from({ length: 8 }, async () =>
      queue.run('sql', never, async () => first.passed),
    );
    await expect(queue.run('sql', never, async () => 1)).rejects.toThrow('8 questions');
    first.open();
    await Promise.all(all);
    await expect(queue.run('sql', never, async () => 1)).resolves.toBe(1);
  });
});
