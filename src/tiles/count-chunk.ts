// SPDX-License-Identifier: Apache-2.0
// Counts one chunk: by stretch of BASE_STEP ordinals the pages that were accessed (count-pages.ts) and what the
// tracks show (count-tracks.ts). Aborted accesses count nowhere.

import type { ChunkInfo, TraceSlice } from '../format/index.ts';
import { type CountedPages, createPageCounter } from './count-pages.ts';
import { createTrackCounter, type TrackRows } from './count-tracks.ts';
import { BASE_STEP } from './layout.ts';
import type { Space } from './view-index.ts';

export interface ChunkCounts extends CountedPages {
  readonly tracks: TrackRows;
}

export interface ChunkCounter {
  /** Slices of the chunk in order, with the columns that are there of vaddr, paddr, flags, size, cpl and icount. */
  add(slice: TraceSlice): void;
  finish(): ChunkCounts;
}

export function createChunkCounter(info: ChunkInfo, spaces: readonly Space[]): ChunkCounter {
  const pages = createPageCounter(new Set(spaces), info.vcpu);
  const tracks = createTrackCounter(info);
  const firstStretch = Math.floor(info.firstOrdinal / BASE_STEP);
  let stretchEnd = (firstStretch + 1) * BASE_STEP;
  const closeStretch = (): void => {
    pages.closeStretch();
    tracks.nextStretch();
    stretchEnd += BASE_STEP;
  };
  let counted = 0;
  return {
    add(slice) {
      const { length, firstOrdinal, notes = [] } = slice;
      let nextNote = 0;
      for (let begin = 0; begin < length; ) {
        if (firstOrdinal + begin === stretchEnd) closeStretch();
        const end = Math.min(length, stretchEnd - firstOrdinal);
        let pagesBegin = begin;
        for (let at = begin; at < end; ) {
          for (; nextNote < notes.length && notes[nextNote].index <= at; nextNote++) {
            const note = notes[nextNote];
            tracks.note(note);
            if (note.kind !== 'vcpu') continue;
            pages.add(slice, pagesBegin, at);
            pages.switchTo(note.next);
            pagesBegin = at;
          }
          const upTo = Math.min(end, notes[nextNote]?.index ?? end);
          tracks.count(slice, at, upTo);
          at = upTo;
        }
        pages.add(slice, pagesBegin, end);
        begin = end;
      }
      for (; nextNote < notes.length; nextNote++) {
        const note = notes[nextNote];
        tracks.note(note);
        if (note.kind === 'vcpu') pages.switchTo(note.next);
      }
      counted += length;
    },
    finish() {
      if (counted !== info.accessCount) throw new Error('internal: a chunk was counted in part');
      if (counted > 0) pages.closeStretch();
      return { ...pages.finish(), tracks: tracks.finish() };
    },
  };
}
