// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { TileCache } from './tile-cache.ts';
import { TileQueue } from './tile-queue.ts';

/** Loads that end when they are told to. */
function heldLoads() {
  const begun: string[] = [];
  const aborted: string[] = [];
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const load = async (place: string, signal: AbortSignal): Promise<void> => {
    begun.push(place);
    await new Promise<void>((resolve, reject) => {
      ends.set(place, { resolve, reject });
      signal.addEventListener('abort', () => {
        aborted.push(place);
        reject(new Error('aborted'));
      });
    });
  };
  return { begun, aborted, ends, load };
}

const wanted = (...names: string[]) => names.map((name) => ({ key: name, place: name }));
const settle = async (): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
};

describe('the queue of tiles', () => {
  it('loads a few at a time, in order', async () => {
    const { begun, ends, load } = heldLoads();
    const queue = new TileQueue<string>(2, load, () => undefined);
    queue.want(wanted('a', 'b', 'c', 'd'));
    expect(begun).toEqual(['a', 'b']);
    ends.get('a')?.resolve();
    await settle();
    expect(begun).toEqual(['a', 'b', 'c']);
    expect(queue.busy).toBe(true);
  });

  it('gives up what nobody wants any more, and goes on with what is wanted still', async () => {
    const { begun, aborted, load } = heldLoads();
    const failed: string[] = [];
    const queue = new TileQueue<string>(2, load, (place) => failed.push(place));
    queue.want(wanted('a', 'b', 'c'));
    queue.want(wanted('b', 'x', 'y'));
    expect(aborted).toEqual(['a']);
    expect(begun).toEqual(['a', 'b', 'x']);
    await settle();
    expect(failed).toEqual([]);
    expect(begun).toEqual(['a', 'b', 'x']);
  });

  it('does not ask again for what failed, until it is told to', async () => {
    const { begun, ends, load } = heldLoads();
    const failed: string[] = [];
    const queue = new TileQueue<string>(1, load, (place) => failed.push(place));
    queue.want(wanted('a', 'b'));
    ends.get('a')?.reject(new Error('damaged'));
    await settle();
    expect(failed).toEqual(['a']);
    expect(queue.isRefused('a')).toBe(true);
    queue.want(wanted('a', 'b'));
    expect(begun).toEqual(['a', 'b']);
    queue.want([]);
    await settle();
    queue.forget();
    queue.want(wanted('a'));
    expect(begun).toEqual(['a', 'b', 'a']);
  });

  it('takes a tile that was given up and is wanted again', async () => {
    const { begun, ends, load } = heldLoads();
    const queue = new TileQueue<string>(1, load, () => undefined);
    queue.want(wanted('a'));
    queue.want([]);
    queue.want(wanted('a'));
    await settle();
    expect(begun).toEqual(['a', 'a']);
    ends.get('a')?.resolve();
    await settle();
    expect(queue.busy).toBe(false);
  });
});

describe('the cache of tiles', () => {
  it('forgets what was not used for longest', () => {
    const cache = new TileCache<string>(100);
    cache.put('a', 'A', 40);
    cache.put('b', 'B', 40);
    expect(cache.use('a')).toBe('A');
    cache.put('c', 'C', 40);
    expect(cache.has('b')).toBe(false);
    expect(cache.peek('a')).toBe('A');
    expect(cache.sizeBytes).toBe(80);
  });

  it('holds one thing however large, and counts what is replaced', () => {
    const cache = new TileCache<string>(100);
    cache.put('a', 'A', 40);
    cache.put('a', 'A2', 60);
    expect(cache.sizeBytes).toBe(60);
    cache.put('huge', 'H', 500);
    expect(cache.use('huge')).toBe('H');
    expect(cache.has('a')).toBe(false);
    cache.clear();
    expect(cache.sizeBytes).toBe(0);
  });
});
