// SPDX-License-Identifier: Apache-2.0
// How far searches came whose time was over: asked again, they go on from there. What is held is bounded.

import { type ByteLru, createByteLru } from '../tiles/index.ts';

export interface SearchMark {
  /** All before it was looked at. */
  readonly ordinal: number;
  /** Less what is damaged. */
  readonly isDamaged: boolean;
}

/** By what is looked for, in which stream. */
export type SearchMarks = Pick<ByteLru<SearchMark>, 'find' | 'put'>;

/** Of an entry, about; and of a thousand. */
export const MARK_BYTES = 256;
const MARKS_BYTES = 2 ** 18;

export function createSearchMarks(): SearchMarks {
  return createByteLru<SearchMark>(MARKS_BYTES);
}
