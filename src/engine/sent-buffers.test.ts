// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { buffersOf } from './sent-buffers.ts';

describe('buffers that are sent along', () => {
  it('are those of all columns, each once', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    const counts = new Uint32Array(4);
    const raw = new ArrayBuffer(8);
    const state = [{ counts, first: counts.subarray(0, 1) }, { deep: { raw }, shared }, null, 1];
    expect(buffersOf(state)).toEqual([counts.buffer, raw]);
    expect(buffersOf(counts)).toEqual([counts.buffer]);
    expect(buffersOf(undefined)).toEqual([]);
  });

  it('are found in a state that holds itself', () => {
    const rows = new Float64Array(2);
    const state: Record<string, unknown> = { rows };
    state['self'] = { state };
    expect(buffersOf(state)).toEqual([rows.buffer]);
  });

  it('are found at the end of a long chain', () => {
    const rows = new Float64Array(2);
    let chain: object = { rows };
    for (let i = 0; i < 100_000; i++) chain = { next: chain };
    expect(buffersOf(chain)).toEqual([rows.buffer]);
  });
});
