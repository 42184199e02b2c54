// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { CONTROL_PAGE_BYTES, decodeStatus, type RecorderState } from './control-page.ts';
import { stopSequence } from './stop-sequence.ts';

const at = (state: RecorderState, bytesWritten = 0) => ({
  ...decodeStatus(Buffer.alloc(CONTROL_PAGE_BYTES)),
  state,
  bytesWritten,
});

describe('stopSequence', () => {
  it('does nothing while nobody wants the end', () => {
    const sequence = stopSequence();
    for (let nowMs = 0; nowMs < 100_000; nowMs += 200) {
      expect(sequence.next(nowMs, at('recording'))).toBeUndefined();
    }
    expect(sequence.requested).toBe(false);
  });

  it('ends QEMU as soon as the plugin has closed on request', () => {
    const sequence = stopSequence();
    expect(sequence.request(1000)).toBeUndefined();
    expect(sequence.next(1200, at('closing'))).toBeUndefined();
    expect(sequence.next(1400, at('closed'))).toBe('sigterm');
    expect(sequence.next(1600, at('closed'))).toBeUndefined();
  });

  it('ends QEMU when a sleeping guest keeps the plugin from seeing the request', () => {
    const sequence = stopSequence();
    sequence.request(0);
    expect(sequence.next(1999, at('recording'))).toBeUndefined();
    expect(sequence.next(2000, at('recording'))).toBe('sigterm');
  });

  it('waits for a plugin that still writes, and kills one that hangs', () => {
    const sequence = stopSequence();
    sequence.request(0);
    expect(sequence.next(60_000, at('closing', 1))).toBeUndefined();
    expect(sequence.request(60_000)).toBe('sigterm');
    expect(sequence.next(74_000, at('closing', 2))).toBeUndefined();
    expect(sequence.next(88_000, at('closing', 3))).toBeUndefined();
    expect(sequence.next(102_999, at('closing', 3))).toBeUndefined();
    expect(sequence.next(103_000, at('closing', 3))).toBe('sigkill');
  });

  it('leaves a plugin that closed by itself a second to end QEMU', () => {
    const sequence = stopSequence();
    expect(sequence.next(0, at('closed'))).toBeUndefined();
    expect(sequence.next(999, at('closed'))).toBeUndefined();
    expect(sequence.next(1000, at('closed'))).toBe('sigterm');
  });

  it('gets firmer with each request', () => {
    const sequence = stopSequence();
    expect([sequence.request(0), sequence.request(1), sequence.request(2)]).toEqual([
      undefined,
      'sigterm',
      'sigkill',
    ]);
  });
});
