// SPDX-License-Identifier: Apache-2.0
// How far threads may run ahead of what has to be in order: by bytes that wait, whatever the trace's length.

/** Of all threads together. */
export const LOOK_AHEAD_BYTES: number = 2 ** 28;

export interface LookAhead {
  /** Room for what another chunk comes to. Always when nothing is waiting: a chunk may be larger than all room. */
  hasRoom(bytes: number): boolean;
  /** The chunk is dealt out and may come to so many bytes, or it has come to them. */
  hold(place: number, bytes: number): void;
  /** It was consumed. */
  release(place: number): void;
}

export function createLookAhead(limitBytes: number): LookAhead {
  const held = new Map<number, number>();
  let total = 0;
  const release = (place: number): void => {
    total -= held.get(place) ?? 0;
    held.delete(place);
  };
  return {
    hasRoom: (bytes) => held.size === 0 || total + bytes <= limitBytes,
    hold(place, bytes) {
      release(place);
      held.set(place, bytes);
      total += bytes;
    },
    release,
  };
}
