// SPDX-License-Identifier: Apache-2.0
// Bytes on their way out: numbers and ASCII appended to one growing array, which is taken when it is full
// enough. Text is never a string on the way: making one for each line costs more than all the rest.

/** A buffer that holds so many bytes is due to be taken. */
const DUE_BYTES = 1 << 20;

/** From there on the engine's copy is faster than a loop. */
const LONG_TEXT = 40;

const DIGITS: Uint8Array = ascii('0123456789abcdef');
/** The two digits of a byte, the first in the low half. */
const DIGIT_PAIRS: Uint16Array = Uint16Array.from(
  { length: 256 },
  (_, byte) => DIGITS[byte >> 4] | (DIGITS[byte & 15] << 8),
);
const BILLION = 1e9;
const ZERO = 48;

export class OutputBuffer {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  length = 0;
  /** What stands from here on is not taken yet: it may be written over. */
  hold: number = Number.POSITIVE_INFINITY;

  constructor(capacity: number = DUE_BYTES + (DUE_BYTES >> 2)) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  get isDue(): boolean {
    return this.length >= DUE_BYTES && this.hold > 0;
  }

  /** Room for that many bytes more; the methods below need it and do not ask. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.view.setUint16(this.length, value, true);
    this.length += 2;
  }

  u64(lo: number, hi: number): void {
    this.view.setUint32(this.length, lo, true);
    this.view.setUint32(this.length + 4, hi, true);
    this.length += 8;
  }

  append(text: Uint8Array): void {
    this.length = putText(this.bytes, this.length, text);
  }

  /** Takes what has been appended and is not held, as bytes of its own. */
  take(): Uint8Array<ArrayBuffer> {
    const end = Math.min(this.length, this.hold);
    const taken = this.bytes.slice(0, end);
    this.bytes.copyWithin(0, end, this.length);
    this.length -= end;
    this.hold -= end;
    return taken;
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.length + count, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** The bytes of a text of ASCII characters. */
export function ascii(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

// Each writes at that place, where there must be room, and gives the place behind. Loops that write
// whole lines keep the place in a variable: an object's field costs more than the byte.

export function putText(bytes: Uint8Array, at: number, text: Uint8Array): number {
  const { length } = text;
  if (length > LONG_TEXT) bytes.set(text, at);
  else for (let i = 0; i < length; i++) bytes[at + i] = text[i];
  return at + length;
}

/** The shortest lower-case digits, without "0x"; at most 16 bytes. */
export function putHex(out: OutputBuffer, at: number, lo: number, hi: number): number {
  const { bytes, view } = out;
  if (hi === 0) return putHexDigits(bytes, at, lo);
  const middle = putHexDigits(bytes, at, hi);
  view.setUint16(middle, DIGIT_PAIRS[lo >>> 24], true);
  view.setUint16(middle + 2, DIGIT_PAIRS[(lo >>> 16) & 255], true);
  view.setUint16(middle + 4, DIGIT_PAIRS[(lo >>> 8) & 255], true);
  view.setUint16(middle + 6, DIGIT_PAIRS[lo & 255], true);
  return middle + 8;
}

function putHexDigits(bytes: Uint8Array, at: number, value: number): number {
  const count = Math.max(1, (35 - Math.clz32(value)) >> 2);
  for (let i = 0, shift = 4 * (count - 1); i < count; i++, shift -= 4) {
    bytes[at + i] = DIGITS[(value >>> shift) & 15];
  }
  return at + count;
}

/** A whole number from 0 to 2^53 - 1; at most 16 bytes. */
export function putDecimal(bytes: Uint8Array, at: number, value: number): number {
  if (value < BILLION) return putDecimalDigits(bytes, at, value, decimalLength(value));
  const high = Math.floor(value / BILLION);
  const middle = putDecimalDigits(bytes, at, high, decimalLength(high));
  return putDecimalDigits(bytes, middle, value - high * BILLION, 9);
}

function putDecimalDigits(bytes: Uint8Array, at: number, value: number, count: number): number {
  let rest = value | 0;
  for (let i = count - 1; i >= 0; i--) {
    const tenth = (rest / 10) | 0;
    bytes[at + i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + count;
}

/** Digits of a number below a billion. */
function decimalLength(value: number): number {
  if (value < 1e4) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 1e6) return value < 1e5 ? 5 : 6;
  return value < 1e8 ? (value < 1e7 ? 7 : 8) : 9;
}
