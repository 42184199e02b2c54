// SPDX-License-Identifier: Apache-2.0
// The index at the end of a complete file (docs/format.md section 4), and the same made from the
// sections themselves.

import type { ChunkInfo } from './chunk-header.ts';
import { INDEX_ENTRY_BYTES, INDEX_HEADER_BYTES, NO_STREAM, SectionKind } from './layout.ts';
import { payloadView } from './payload-view.ts';
import type { Section } from './section.ts';

export interface IndexEntry {
  readonly fileOffset: number;
  readonly kind: number;
  readonly stream: number;
  /** Of a code section: its first id. */
  readonly firstOrdinal: number;
  /** Of a code section: how many blocks. */
  readonly accessCount: number;
  readonly blockCount: number;
  readonly icount: bigint;
  readonly lowestVaddr: bigint;
  readonly highestVaddr: bigint;
  readonly hostBeginNs: number;
}

export function indexEntryOfCode(section: Section, firstId: number, count: number): IndexEntry {
  return {
    fileOffset: section.fileOffset,
    kind: SectionKind.code,
    stream: NO_STREAM,
    firstOrdinal: firstId,
    accessCount: count,
    blockCount: 0,
    icount: 0n,
    lowestVaddr: 0n,
    highestVaddr: 0n,
    hostBeginNs: 0,
  };
}

export function indexEntryOfChunk(info: ChunkInfo): IndexEntry {
  const running = info.vcpuStates.find((state) => state.vcpu === info.vcpu);
  return {
    fileOffset: info.fileOffset,
    kind: SectionKind.chunk,
    stream: info.stream,
    firstOrdinal: info.firstOrdinal,
    accessCount: info.accessCount,
    blockCount: info.blockCount,
    icount: running?.icount ?? 0n,
    lowestVaddr: info.lowestVaddr,
    highestVaddr: info.highestVaddr,
    hostBeginNs: info.hostBeginNs,
  };
}

/** Throws 'corrupt'. */
export function decodeIndex(section: Section, payload: Uint8Array<ArrayBuffer>): IndexEntry[] {
  const view = payloadView(section, payload);
  const count = view.u32(0);
  view.requireZero(view.u32(4), 4);
  if (view.byteLength !== INDEX_HEADER_BYTES + count * INDEX_ENTRY_BYTES) {
    throw view.error('its length does not fit its count', 0, undefined, `${count} entries`);
  }
  const entries: IndexEntry[] = [];
  for (let i = 0; i < count; i++) {
    const at = INDEX_HEADER_BYTES + i * INDEX_ENTRY_BYTES;
    view.requireZero(view.u16(at + 10), at + 10);
    entries.push({
      fileOffset: view.count64(at),
      kind: view.u16(at + 8),
      stream: view.u32(at + 12),
      firstOrdinal: view.count64(at + 16),
      accessCount: view.u32(at + 24),
      blockCount: view.u32(at + 28),
      icount: view.big64(at + 32),
      lowestVaddr: view.big64(at + 40),
      highestVaddr: view.big64(at + 48),
      hostBeginNs: view.count64(at + 56),
    });
  }
  return entries;
}

export function encodeIndex(entries: readonly IndexEntry[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(INDEX_HEADER_BYTES + entries.length * INDEX_ENTRY_BYTES);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, entries.length, true);
  entries.forEach((entry, i) => {
    const at = INDEX_HEADER_BYTES + i * INDEX_ENTRY_BYTES;
    data.setBigUint64(at, BigInt(entry.fileOffset), true);
    data.setUint16(at + 8, entry.kind, true);
    data.setUint32(at + 12, entry.stream, true);
    data.setBigUint64(at + 16, BigInt(entry.firstOrdinal), true);
    data.setUint32(at + 24, entry.accessCount, true);
    data.setUint32(at + 28, entry.blockCount, true);
    data.setBigUint64(at + 32, entry.icount, true);
    data.setBigUint64(at + 40, entry.lowestVaddr, true);
    data.setBigUint64(at + 48, entry.highestVaddr, true);
    data.setBigUint64(at + 56, BigInt(entry.hostBeginNs), true);
  });
  return bytes;
}

/** The name of the first field in which two entries differ. */
export function findIndexDifference(a: IndexEntry, b: IndexEntry): keyof IndexEntry | undefined {
  const names: readonly (keyof IndexEntry)[] = [
    'fileOffset',
    'kind',
    'stream',
    'firstOrdinal',
    'accessCount',
    'blockCount',
    'icount',
    'lowestVaddr',
    'highestVaddr',
    'hostBeginNs',
  ];
  return names.find((name) => a[name] !== b[name]);
}
