// SPDX-License-Identifier: Apache-2.0
// What the page is on its way to show, one thing at a time: what is shown instead meanwhile ends it. Where the reader
// moves the map meanwhile it goes on, and what comes is shown beside the map. No answer that comes late moves the map
// from there.

export interface Errand {
  /** Of its end. */
  readonly signal: AbortSignal;
  /** Whether the map is still its to move. */
  readonly movesMap: () => boolean;
}

/** After what is selected, whose place is not known yet; or after what the reader searches for. */
export type Purpose = 'place' | 'search';

interface Begun {
  readonly purpose: Purpose;
  readonly end: AbortController;
  movesMap: boolean;
}

let last: Begun = { purpose: 'place', end: new AbortController(), movesMap: false };

/** Ends the errand before. `movesMap`: false for what goes on with one that may not any more. */
export function beginErrand(purpose: Purpose, movesMap = true): Errand {
  endErrand();
  const begun: Begun = { purpose, end: new AbortController(), movesMap };
  last = begun;
  const { signal } = begun.end;
  return { signal, movesMap: () => begun.movesMap && !signal.aborted };
}

export function endErrand(): void {
  last.end.abort();
}

/** The reader has moved the map: it stays there. */
export function keepMap(): void {
  last.movesMap = false;
}

/** The reader goes to what is selected: its place may still come, and what is searched for is elsewhere. */
export function keepMapFromSearch(): void {
  if (last.purpose === 'search') keepMap();
}
