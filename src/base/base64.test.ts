// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesFromBase64 } from './base64.ts';

describe('bytesFromBase64', () => {
  it('reads what Node writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect([...bytesFromBase64(Buffer.from(bytes).toString('base64'))]).toEqual([...bytes]);
      }),
    );
  });

  it('refuses other digits', () => {
    expect(() => bytesFromBase64('AA-A')).toThrow('"-" is not a digit');
  });
});
