// SPDX-License-Identifier: Apache-2.0
// Which tiles are being asked for: a few at a time, in the order wanted now; what nobody wants any more is aborted.
// A tile that failed is asked for again only after `forget`. Pure: what asks comes in.

export interface Wanted<P> {
  readonly key: string;
  readonly place: P;
}

export class TileQueue<P> {
  readonly #atOnce: number;
  readonly #load: (place: P, signal: AbortSignal) => Promise<void>;
  readonly #failed: (place: P, error: unknown) => void;
  readonly #running = new Map<string, AbortController>();
  readonly #refused = new Set<string>();
  #waiting: readonly Wanted<P>[] = [];

  /** `load` keeps what it got; `failed` is told of what went wrong, not of aborts. */
  constructor(
    atOnce: number,
    load: (place: P, signal: AbortSignal) => Promise<void>,
    failed: (place: P, error: unknown) => void,
  ) {
    this.#atOnce = atOnce;
    this.#load = load;
    this.#failed = failed;
  }

  get busy(): boolean {
    return this.#running.size > 0 || this.#waiting.length > 0;
  }

  isRefused(key: string): boolean {
    return this.#refused.has(key);
  }

  /** From now on these and no others, the first first. */
  want(wanted: readonly Wanted<P>[]): void {
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, controller] of this.#running) {
      if (keys.has(key)) continue;
      this.#running.delete(key);
      controller.abort();
    }
    this.#waiting = wanted.filter(({ key }) => !this.#running.has(key) && !this.#refused.has(key));
    this.#start();
  }

  forget(): void {
    this.#refused.clear();
  }

  #start(): void {
    while (this.#running.size < this.#atOnce) {
      const [next, ...rest] = this.#waiting;
      if (next === undefined) return;
      this.#waiting = rest;
      void this.#run(next);
    }
  }

  async #run({ key, place }: Wanted<P>): Promise<void> {
    const controller = new AbortController();
    this.#running.set(key, controller);
    try {
      await this.#load(place, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) {
        this.#refused.add(key);
        this.#failed(place, error);
      }
    } finally {
      if (this.#running.get(key) === controller) this.#running.delete(key);
      this.#start();
    }
  }
}
