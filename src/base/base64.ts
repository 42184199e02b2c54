// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, section 4), as generated files hold bytes; the same in Node, workers and browsers.

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Throws RangeError for what is not base64. */
export function bytesFromBase64(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/={1,2}$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let bitCount = 0;
  let at = 0;
  for (const digit of digits) {
    const value = DIGITS.indexOf(digit);
    if (value < 0) throw new RangeError(`"${digit}" is not a digit of base64`);
    bits = ((bits << 6) | value) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[at++] = bits >>> bitCount;
  }
  return bytes;
}
