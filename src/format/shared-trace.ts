// SPDX-License-Identifier: Apache-2.0
// What another thread of this process opens a trace with: what was learned of the file goes along, so that it is read
// and checked once. Plain data that can be sent; the code is in shared memory, once for all threads.

import { type CodePart, type HeldCode, holdCode } from './code-table.ts';
import type { Survey } from './survey.ts';
import { readyZstdModule, zstdModule } from './zstd.ts';

export interface SharedTrace {
  readonly path: string;
  readonly learned: Omit<LearnedOfTrace, 'code'>;
  readonly code: readonly SharedCodePart[];
  /** The decompressor, compiled; undefined when it is not known here. */
  readonly zstd: WebAssembly.Module | undefined;
}

/** Of a survey, what an open trace needs. */
export type LearnedOfTrace = Pick<
  Survey,
  'header' | 'totals' | 'code' | 'chunks' | 'complete' | 'cut'
>;

type SharedCodePart = Omit<CodePart, 'data'>;

export function shareTrace(path: string, survey: LearnedOfTrace): SharedTrace {
  const { header, totals, chunks, complete, cut } = survey;
  return {
    path,
    learned: { header, totals, chunks, complete, cut },
    code: survey.code.parts.map(({ firstId, entryAt, raw, insnCount }) => ({
      ...{ firstId, insnCount },
      entryAt: new Uint32Array(shared(entryAt)),
      raw: new Uint8Array(shared(raw)),
    })),
    zstd: zstdModule(),
  };
}

function shared({ buffer, byteOffset, byteLength }: ArrayBufferView): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(byteLength);
  new Uint8Array(memory).set(new Uint8Array(buffer, byteOffset, byteLength));
  return memory;
}

/** In the thread that it was sent to. */
export async function learnShared({ learned, code, zstd }: SharedTrace): Promise<LearnedOfTrace> {
  await readyZstdModule(zstd);
  return { ...learned, code: heldCode(code) };
}

function heldCode(code: readonly SharedCodePart[]): HeldCode {
  return holdCode(
    code.map((part) => ({
      ...part,
      data: new DataView(part.raw.buffer, part.raw.byteOffset, part.raw.byteLength),
    })),
  );
}
