// SPDX-License-Identifier: Apache-2.0
// What another thread of this process opens a trace with: what was learned of the file goes along, so that it is read
// and checked once. Plain data that can be sent; the code is in shared memory, once for all threads.

import { type CodePart, holdCode } from './code-table.ts';
import type { Survey } from './survey.ts';
import { readyZstdModule, zstdModule } from './zstd.ts';

export interface SharedTrace {
  readonly path: string;
  readonly learned: Omit<LearnedOfTrace, 'code'>;
  readonly code: readonly CodePart[];
  /** The decompressor, compiled; undefined when it is not known here. */
  readonly zstd: WebAssembly.Module | undefined;
}

/** Of a survey, what an open trace needs. */
export type LearnedOfTrace = Pick<
  Survey,
  'header' | 'totals' | 'code' | 'chunks' | 'complete' | 'cut'
>;

export function shareTrace(path: string, survey: LearnedOfTrace): SharedTrace {
  const { header, totals, chunks, complete, cut, code } = survey;
  const learned = { header, totals, chunks, complete, cut };
  return { path, learned, code: code.parts, zstd: zstdModule() };
}

/** In the thread that it was sent to. */
export async function learnShared({ learned, code, zstd }: SharedTrace): Promise<LearnedOfTrace> {
  await readyZstdModule(zstd);
  return { ...learned, code: holdCode(code) };
}
