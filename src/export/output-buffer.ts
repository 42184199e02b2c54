// SPDX-License-Identifier: Apache-2.0
// Bytes on their way out: numbers and ASCII appended to one growing array, which is taken when it is full
// enough. Text is never a string on the way: making one for each line costs more than all the rest.

/** A buffer that holds so many bytes is due to be taken. */
const DUE_BYTES = 1 << 20;

/** From there on the engine's copy is faster than a loop. */
const LONG_TEXT = 40;

const DIGITS: Uint8Array = ascii('0123456789abcdef');
const BILLION = 1e9;

export class OutputBuffer {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  length = 0;
  /** What stands from here on is not taken yet: it may be written over. */
  hold: number = Number.POSITIVE_INFINITY;
  readonly #decimals: Uint8Array = new Uint8Array(16);

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

  u32(value: number): void {
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  u64(lo: number, hi: number): void {
    this.view.setUint32(this.length, lo, true);
    this.view.setUint32(this.length + 4, hi, true);
    this.length += 8;
  }

  append(text: Uint8Array): void {
    const { length } = text;
    if (length > LONG_TEXT) {
      this.bytes.set(text, this.length);
    } else {
      const { bytes } = this;
      let at = this.length;
      for (let i = 0; i < length; i++) bytes[at++] = text[i];
    }
    this.length += length;
  }

  /** The shortest lower-case digits, without "0x"; at most 16 bytes. */
  hex(lo: number, hi: number): void {
    if (hi !== 0) {
      this.#hexDigits(hi, Math.max(1, (35 - Math.clz32(hi)) >> 2));
      this.#hexDigits(lo, 8);
    } else {
      this.#hexDigits(lo, Math.max(1, (35 - Math.clz32(lo)) >> 2));
    }
  }

  /** A whole number from 0 to 2^53 - 1; at most 16 bytes. */
  decimal(value: number): void {
    if (value < BILLION) {
      this.#decimalDigits(value, 1);
      return;
    }
    const high = Math.floor(value / BILLION);
    this.#decimalDigits(high, 1);
    this.#decimalDigits(value - high * BILLION, 9);
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

  #hexDigits(value: number, count: number): void {
    const { bytes } = this;
    let at = this.length + count;
    this.length = at;
    let rest = value;
    for (let i = 0; i < count; i++) {
      bytes[--at] = DIGITS[rest & 15];
      rest >>>= 4;
    }
  }

  /** Below a billion; zeros in front up to so many digits. */
  #decimalDigits(value: number, least: number): void {
    const digits = this.#decimals;
    let count = 0;
    let rest = value | 0;
    while (rest > 0 || count < least) {
      const tenth = (rest / 10) | 0;
      digits[count++] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    const { bytes } = this;
    let at = this.length;
    while (count > 0) bytes[at++] = digits[--count];
    this.length = at;
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
