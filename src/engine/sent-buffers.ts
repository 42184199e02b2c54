// SPDX-License-Identifier: Apache-2.0
// What of a state or a digest is sent to another thread, not copied.

/** Memory of the arrays in plain data, which may hold itself. What is shared already is left out. */
export function buffersOf(data: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  /** Grows while it is gone through. */
  const reached = new Set<unknown>([data]);
  for (const one of reached) {
    if (ArrayBuffer.isView(one)) {
      if (one.buffer instanceof ArrayBuffer) found.add(one.buffer);
    } else if (one instanceof ArrayBuffer) {
      found.add(one);
    } else if (typeof one === 'object' && one !== null) {
      for (const value of Object.values(one)) {
        if (typeof value === 'object' && value !== null) reached.add(value);
      }
    }
  }
  return [...found];
}
