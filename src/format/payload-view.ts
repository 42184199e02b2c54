// SPDX-License-Identifier: Apache-2.0
// Reads numbers from a section's payload; what is out of bounds or out of range is a TraceError that
// says where. Not for hot loops.

import { findNumberFromU64, type TraceError } from '../base/index.ts';
import { type Section, sectionError } from './section.ts';

export interface PayloadView {
  readonly section: Section;
  /** Bytes that are there; less than the section's payload when only its head was read. */
  readonly byteLength: number;
  u16(at: number): number;
  u32(at: number): number;
  /** A count: whole and exact in a double, else the section is corrupt. */
  count64(at: number): number;
  /** A count that may be below 0, by `most` at the most. */
  signed64(at: number, most: number): number;
  big64(at: number): bigint;
  bytes(begin: number, end: number): Uint8Array<ArrayBuffer>;
  /** A 'corrupt' TraceError at this place. */
  error(message: string, at: number, expected?: string, found?: string): TraceError;
  requireZero(value: number, at: number): void;
}

export function payloadView(section: Section, payload: Uint8Array<ArrayBuffer>): PayloadView {
  const data = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const need = (at: number, byteCount: number): void => {
    if (at + byteCount > payload.byteLength) {
      throw sectionError(
        'corrupt',
        section,
        'it is too short for what it says it holds',
        { expected: `${at + byteCount} bytes`, found: `${payload.byteLength}` },
        at,
      );
    }
  };
  const view: PayloadView = {
    section,
    byteLength: payload.byteLength,
    u16(at) {
      need(at, 2);
      return data.getUint16(at, true);
    },
    u32(at) {
      need(at, 4);
      return data.getUint32(at, true);
    },
    count64(at) {
      need(at, 8);
      const value = findNumberFromU64(data.getUint32(at, true), data.getUint32(at + 4, true));
      if (value === undefined) throw view.error('a count is impossibly high', at);
      return value;
    },
    signed64(at, most) {
      need(at, 8);
      const value = Number(data.getBigInt64(at, true));
      if (value >= 0) return view.count64(at);
      if (value < -most) throw view.error('a count is impossibly low', at);
      return value;
    },
    big64(at) {
      need(at, 8);
      return data.getBigUint64(at, true);
    },
    bytes(begin, end) {
      need(begin, end - begin);
      return payload.subarray(begin, end);
    },
    error: (message, at, expected, found) =>
      sectionError(
        'corrupt',
        section,
        message,
        {
          ...(expected === undefined ? {} : { expected }),
          ...(found === undefined ? {} : { found }),
        },
        at,
      ),
    requireZero(value, at) {
      if (value !== 0) throw view.error('a reserved field is not 0', at, '0', String(value));
    },
  };
  return view;
}
