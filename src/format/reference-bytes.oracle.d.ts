export declare class ByteWriter {
  private buffer;
  length: number;
  u8(value: number): this;
  low(value: bigint, byteCount: number): this;
  u16(value: number): this;
  u32(value: number): this;
  u64(value: bigint): this;
  varint(value: bigint): this;
  zigzag(value: bigint): this;
  text(value: string): this;
  append(bytes: Uint8Array): this;
  bytes(): Uint8Array<ArrayBuffer>;
}
/** A zstd frame that holds the bytes as they are (RFC 8878: single segment, raw blocks). */
export declare function zstdFrame(raw: Uint8Array): Uint8Array<ArrayBuffer>;
//# sourceMappingURL=reference-bytes.oracle.d.ts.map
