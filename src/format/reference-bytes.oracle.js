// SPDX-License-Identifier: Apache-2.0
// Bytes, written and read the obvious way, for the reference encoder and decoder.
export class ByteWriter {
  buffer = new Uint8Array(64);
  length = 0;
  u8(value) {
    if (this.length === this.buffer.length) {
      const grown = new Uint8Array(this.buffer.length * 2);
      grown.set(this.buffer);
      this.buffer = grown;
    }
    this.buffer[this.length++] = value;
    return this;
  }
  low(value, byteCount) {
    for (let i = 0; i < byteCount; i++) this.u8(Number((value >> BigInt(8 * i)) & 255n));
    return this;
  }
  u16(value) {
    return this.low(BigInt(value), 2);
  }
  u32(value) {
    return this.low(BigInt(value), 4);
  }
  u64(value) {
    return this.low(BigInt.asUintN(64, value), 8);
  }
  varint(value) {
    let rest = value;
    while (rest > 127n) {
      this.u8(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    return this.u8(Number(rest));
  }
  zigzag(value) {
    return this.varint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }
  text(value) {
    return this.append(new TextEncoder().encode(value));
  }
  append(bytes) {
    for (const byte of bytes) this.u8(byte);
    return this;
  }
  bytes() {
    return this.buffer.slice(0, this.length);
  }
}
/** A zstd frame that holds the bytes as they are (RFC 8878: single segment, raw blocks). */
export function zstdFrame(raw) {
  const frame = new ByteWriter().u32(0xfd2fb528).u8(0xa0).u32(raw.length);
  for (let at = 0; ; at += 0x1_0000) {
    const block = raw.subarray(at, at + 0x1_0000);
    const isLast = at + 0x1_0000 >= raw.length;
    frame.low(BigInt((block.length << 3) | (isLast ? 1 : 0)), 3).append(block);
    if (isLast) return frame.bytes();
  }
}
//# sourceMappingURL=reference-bytes.oracle.js.map
