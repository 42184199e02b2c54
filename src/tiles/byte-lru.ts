// SPDX-License-Identifier: Apache-2.0

/** What was used last, as much as fits into a number of bytes; one entry alone may be larger. */
export interface ByteLru<T> {
  /** Counts as a use. */
  find(key: string): T | undefined;
  put(key: string, value: T, byteCount: number): void;
  clear(): void;
  readonly heldBytes: number;
}

export function createByteLru<T>(limitBytes: number): ByteLru<T> {
  const entries = new Map<string, { readonly value: T; readonly byteCount: number }>();
  let heldBytes = 0;
  return {
    find(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    put(key, value, byteCount) {
      heldBytes += byteCount - (entries.get(key)?.byteCount ?? 0);
      entries.delete(key);
      for (const [oldest, entry] of entries) {
        if (heldBytes <= limitBytes) break;
        entries.delete(oldest);
        heldBytes -= entry.byteCount;
      }
      entries.set(key, { value, byteCount });
    },
    clear() {
      entries.clear();
      heldBytes = 0;
    },
    get heldBytes() {
      return heldBytes;
    },
  };
}
