// SPDX-License-Identifier: Apache-2.0
// Things by key, bounded in bytes; what was not used for longest goes first. Pure.

export class TileCache<T> {
  readonly #limitBytes: number;
  readonly #entries = new Map<string, { readonly value: T; readonly sizeBytes: number }>();
  #sizeBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Makes it the last to go. */
  use(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Its place in the line stays. */
  peek(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** One thing always fits, however large. */
  put(key: string, value: T, sizeBytes: number): void {
    this.delete(key);
    this.#entries.set(key, { value, sizeBytes });
    this.#sizeBytes += sizeBytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#sizeBytes <= this.#limitBytes || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#sizeBytes -= entry.sizeBytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#sizeBytes = 0;
  }
}
