// SPDX-License-Identifier: Apache-2.0
// Rows of a long list in blocks, asked for when they are looked at and kept for a while. Pure: what asks comes in.

import { TileCache } from './tile-cache.ts';

export const BLOCK_ROWS = 200;
const MOST_BLOCKS = 60;
/** A long list is counted for some minutes at most; and on when it is scrolled. */
const MOST_LEGS = 100;
/** Of a row that no list has: the server counts as far as it comes. */
const FAR_ROW = 2 ** 52;

export interface RowBlock<R> {
  readonly rows: readonly R[];
  readonly total: number;
  readonly counted: boolean;
}

export class RowSource<R> {
  readonly #load: (offset: number, count: number, signal: AbortSignal) => Promise<RowBlock<R>>;
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;
  readonly #blocks = new TileCache<readonly R[]>(MOST_BLOCKS);
  readonly #asked = new Map<number, AbortController>();
  readonly #refused = new Set<number>();
  #total = 0;
  #counted = false;
  #counting: AbortController | undefined;

  constructor(
    load: (offset: number, count: number, signal: AbortSignal) => Promise<RowBlock<R>>,
    changed: () => void,
    failed: (error: unknown) => void,
  ) {
    this.#load = load;
    this.#changed = changed;
    this.#failed = failed;
  }

  /** Rows as far as they are counted. */
  get total(): number {
    return this.#total;
  }

  /** False: there may be more than `total`. */
  get counted(): boolean {
    return this.#counted;
  }

  find(row: number): R | undefined {
    const block = Math.floor(row / BLOCK_ROWS);
    return this.#blocks.use(String(block))?.[row - block * BLOCK_ROWS];
  }

  isRefused(row: number): boolean {
    return this.#refused.has(Math.floor(row / BLOCK_ROWS));
  }

  /** Asks for the blocks of these rows, and gives up others that were asked for. */
  want(first: number, end: number): void {
    const begin = Math.floor(Math.max(0, first) / BLOCK_ROWS);
    const last = Math.floor(Math.max(first, end - 1) / BLOCK_ROWS);
    for (const [block, controller] of this.#asked) {
      if (block >= begin && block <= last) continue;
      controller.abort();
      this.#asked.delete(block);
    }
    for (let block = begin; block <= last; block++) {
      if (this.#asked.has(block) || this.#refused.has(block)) continue;
      if (!this.#blocks.has(String(block))) void this.#ask(block);
    }
  }

  /** Counts to the end, bit by bit, so that the whole list can be scrolled over. */
  async #countOn(): Promise<void> {
    if (this.#counting !== undefined) return;
    const controller = new AbortController();
    this.#counting = controller;
    try {
      for (let leg = 0; leg < MOST_LEGS && !this.#counted; leg++) {
        const { total, counted } = await this.#load(FAR_ROW, 1, controller.signal);
        if (controller.signal.aborted) return;
        this.#total = total;
        this.#counted = counted;
        this.#changed();
      }
    } catch {
      // What cannot be read is told of where it is scrolled to.
    } finally {
      this.#counting = undefined;
    }
  }

  stop(): void {
    this.#counting?.abort();
    for (const controller of this.#asked.values()) controller.abort();
    this.#asked.clear();
  }

  async #ask(block: number): Promise<void> {
    const controller = new AbortController();
    this.#asked.set(block, controller);
    try {
      const reply = await this.#load(block * BLOCK_ROWS, BLOCK_ROWS, controller.signal);
      if (controller.signal.aborted) return;
      this.#total = Math.max(this.#total, reply.total);
      this.#counted ||= reply.counted;
      // A short block of a list that is still being counted may become longer.
      if (reply.rows.length === BLOCK_ROWS || reply.counted) {
        this.#blocks.put(String(block), reply.rows, 1);
      }
      if (!reply.counted) void this.#countOn();
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#refused.add(block);
      this.#failed(error);
    } finally {
      if (this.#asked.get(block) === controller) this.#asked.delete(block);
      this.#changed();
    }
  }
}
