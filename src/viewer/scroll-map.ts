// SPDX-License-Identifier: Apache-2.0
// Rows of a list that is longer than a browser scrolls: below its limit a row is where it would be, above it the
// scroll bar moves in proportion and the wheel by rows. Pure.

/** Browsers give up at some 16 million pixels; half of that is safe everywhere. */
const MOST_PIXELS = 8_000_000;

export interface ScrollMap {
  /** Height of what is scrolled, in pixels. */
  readonly height: number;
  firstRow(scrollTop: number): number;
  scrollTop(firstRow: number): number;
}

export function scrollMap(rows: number, rowHeight: number, viewHeight: number): ScrollMap {
  const full = rows * rowHeight;
  const height = Math.min(full, MOST_PIXELS);
  const room = Math.max(0, height - viewHeight);
  const lastFirst = Math.max(0, rows - Math.floor(viewHeight / rowHeight));
  return {
    height,
    firstRow: (scrollTop) => {
      const row = full <= MOST_PIXELS ? scrollTop / rowHeight : (scrollTop / room) * lastFirst;
      return Math.min(lastFirst, Math.max(0, Math.floor(row + 1e-6)));
    },
    scrollTop: (firstRow) => {
      const row = Math.min(lastFirst, Math.max(0, firstRow));
      return full <= MOST_PIXELS ? Math.min(room, row * rowHeight) : (row / lastFirst) * room;
    },
  };
}
