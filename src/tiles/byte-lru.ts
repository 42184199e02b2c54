// SPDX-License-Identifier: Apache-2.0

/** What was used last, as much as fits into a number of bytes; one entry alone may be larger. */
export interface ByteLru<T> {
  /** Counts as a use. */
  find(key: string): T | undefined;
  put(key: string, value: T, byteCount: number): void;
  /** Lets go what would have to go when so much is put: before it is made, so that both are not there at once. */
  makeRoom(byteCount: number): void;
  clear(): void;
  readonly heldBytes: number;
}

export function createByteLru<T>(limitBytes: number): ByteLru<T> {
  const entries = new Map<string, { readonly value: T; readonly byteCount: number }>();
  let heldBytes = 0;
  const makeRoom = (byteCount: number): void => {
    for (const [oldest, entry] of entries) {
      if (heldBytes + byteCount <= limitBytes) break;
      entries.delete(oldest);
      heldBytes -= entry.byteCount;
    }
  };
  return {
    find(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    put(key, value, byteCount) {
      heldBytes -= entries.get(key)?.byteCount ?? 0;
      entries.delete(key);
      makeRoom(byteCount);
      entries.set(key, { value, byteCount });
      heldBytes += byteCount;
    },
    makeRoom,
    clear() {
      entries.clear();
      heldBytes = 0;
    },
    get heldBytes() {
      return heldBytes;
    },
  };
}
