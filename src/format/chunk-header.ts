// SPDX-License-Identifier: Apache-2.0
// The head of a chunk: counts, vCPU states, sizes of its streams (docs/format.md section 3).

import { TraceError } from '../base/index.ts';
import {
  CHUNK_HEADER_BYTES,
  MAX_CHUNK_ACCESSES,
  MAX_CHUNK_BLOCKS,
  MAX_CHUNK_NOTES,
  MAX_STREAM_BYTES,
  MAX_VCPUS,
  NO_STREAM,
  OLD_PAGE_SLOTS,
  PAGE_SLOTS,
  STREAM_COUNT,
  STREAM_NAMES,
  STREAM_SIZE_BYTES,
  VCPU_STATE_BYTES,
} from './layout.ts';
import { type PayloadView, payloadView } from './payload-view.ts';
import type { Section } from './section.ts';
import { isPossibleRawSize } from './zstd.ts';

/** What a chunk restates of a vCPU, as it is when the chunk begins. */
export interface VcpuState {
  readonly vcpu: number;
  /** Instructions this vCPU has executed. */
  readonly icount: bigint;
  readonly cr3: bigint;
  /** Address of a rep string instruction that may continue, all ones when there is none. */
  readonly pendingRep: bigint;
}

/** What a chunk says of itself. Counts are of this chunk alone. */
export interface ChunkInfo {
  /** Position among the chunks of the file, from 0. */
  readonly chunkIndex: number;
  readonly sectionIndex: number;
  /** Of the section's header. */
  readonly fileOffset: number;
  readonly payloadBytes: number;
  /** The vCPU thread that the chunk was recorded on. */
  readonly stream: number;
  /** Accesses of this stream before this chunk, aborted ones included. */
  readonly firstOrdinal: number;
  /** Block executions of this stream before this chunk. */
  readonly firstBlock: number;
  /** Accesses, aborted ones included. */
  readonly accessCount: number;
  /** Block executions. */
  readonly blockCount: number;
  readonly noteCount: number;
  /** Slots of its table of pages (docs/format.md 3.5). */
  readonly pageSlots: number;
  /** Below 0 when rep instructions that a chunk before counted go on, and do not complete in this one. */
  readonly instructionCount: number;
  /** Without aborted ones. */
  readonly loads: number;
  /** Without aborted ones. */
  readonly stores: number;
  readonly aborted: number;
  /** Accesses at CPL 3, without aborted ones. */
  readonly userAccesses: number;
  readonly events: number;
  /** Nanoseconds since recording began. */
  readonly hostBeginNs: number;
  readonly hostEndNs: number;
  /** Bounds of the addresses, whole pages, maybe wide: all ones when the chunk has no access. */
  readonly lowestVaddr: bigint;
  /** 0 when the chunk has no access. */
  readonly highestVaddr: bigint;
  /** The vCPU that runs when the chunk begins. */
  readonly vcpu: number;
  readonly vcpuStates: readonly VcpuState[];
  /** Entries of the code table that the code sections before this chunk define: no other ran up to its end. */
  readonly knownBlocks: number;
}

/** ChunkInfo and what only the decoder needs. */
export interface ChunkRecord {
  readonly info: ChunkInfo;
  readonly section: Section;
}

export interface StreamExtent {
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** Where the stored bytes begin in the payload. */
  readonly payloadAt: number;
}

/** Bytes of a payload that decodeChunkInfo needs, given its first CHUNK_HEADER_BYTES. */
export function chunkHeadBytes(section: Section, head: Uint8Array<ArrayBuffer>): number {
  const view = payloadView(section, head);
  const vcpuCount = view.u32(96);
  if (vcpuCount > MAX_VCPUS)
    throw view.error('too many vCPUs', 96, `<= ${MAX_VCPUS}`, `${vcpuCount}`);
  return CHUNK_HEADER_BYTES + vcpuCount * VCPU_STATE_BYTES + STREAM_COUNT * STREAM_SIZE_BYTES;
}

/** Decodes and checks the head of a chunk. Throws 'corrupt'. */
export function decodeChunkInfo(
  section: Section,
  head: Uint8Array<ArrayBuffer>,
  chunkIndex: number,
  knownBlocks: number,
): ChunkInfo {
  const view = payloadView(section, head);
  if (section.stream === NO_STREAM) throw view.error('it belongs to no stream', 0);
  const accessCount = limited(view, 4, MAX_CHUNK_ACCESSES, 'accesses');
  const blockCount = limited(view, 8, MAX_CHUNK_BLOCKS, 'block executions');
  const noteCount = limited(view, 12, MAX_CHUNK_NOTES, 'notes');
  const loads = view.u32(72);
  const stores = view.u32(76);
  const aborted = view.u32(80);
  if (loads + stores + aborted !== accessCount) {
    throw view.error(
      'loads, stores and aborted accesses do not add up',
      72,
      `${accessCount}`,
      `${loads} + ${stores} + ${aborted}`,
    );
  }
  const vcpu = view.u32(92);
  if (vcpu >= MAX_VCPUS) throw view.error('impossible vCPU', 92, `< ${MAX_VCPUS}`, `${vcpu}`);
  if (view.u32(100) !== STREAM_COUNT) {
    throw view.error('wrong number of streams', 100, `${STREAM_COUNT}`, `${view.u32(100)}`);
  }
  return {
    chunkIndex,
    knownBlocks,
    sectionIndex: section.sectionIndex,
    fileOffset: section.fileOffset,
    payloadBytes: section.payloadBytes,
    stream: section.stream,
    firstOrdinal: view.count64(16),
    firstBlock: view.count64(24),
    accessCount,
    blockCount,
    noteCount,
    pageSlots: pageSlots(view),
    instructionCount: view.signed64(32, MAX_VCPUS),
    loads,
    stores,
    aborted,
    userAccesses: limited(view, 84, loads + stores, 'accesses at CPL 3'),
    events: limited(view, 88, noteCount, 'events'),
    hostBeginNs: view.count64(40),
    hostEndNs: view.count64(48),
    lowestVaddr: view.big64(56),
    highestVaddr: view.big64(64),
    vcpu,
    vcpuStates: decodeVcpuStates(view),
  };
}

function pageSlots(view: PayloadView): number {
  const slots = view.u32(0) === 0 ? OLD_PAGE_SLOTS : view.u32(0);
  if (slots !== OLD_PAGE_SLOTS && slots !== PAGE_SLOTS) {
    throw view.error(
      'a table of pages of impossible size',
      0,
      `0, ${OLD_PAGE_SLOTS} or ${PAGE_SLOTS}`,
      `${slots}`,
    );
  }
  return slots;
}

function decodeVcpuStates(view: PayloadView): VcpuState[] {
  const states: VcpuState[] = [];
  const count = limited(view, 96, MAX_VCPUS, 'vCPUs');
  for (let i = 0; i < count; i++) {
    const at = CHUNK_HEADER_BYTES + i * VCPU_STATE_BYTES;
    const vcpu = view.u32(at);
    view.requireZero(view.u32(at + 4), at + 4);
    if (vcpu >= MAX_VCPUS) throw view.error('impossible vCPU', at, `< ${MAX_VCPUS}`, `${vcpu}`);
    if (states.some((state) => state.vcpu === vcpu)) throw view.error('a vCPU twice', at);
    states.push({
      vcpu,
      icount: view.big64(at + 8),
      cr3: view.big64(at + 16),
      pendingRep: view.big64(at + 24),
    });
  }
  return states;
}

/** Where the streams of a chunk are, compared with the payload's bytes. Throws 'corrupt'. */
export function locateStreams(view: PayloadView, info: ChunkInfo): readonly StreamExtent[] {
  const sizesAt = CHUNK_HEADER_BYTES + info.vcpuStates.length * VCPU_STATE_BYTES;
  let payloadAt = sizesAt + STREAM_COUNT * STREAM_SIZE_BYTES;
  const extents = STREAM_NAMES.map((name, i): StreamExtent => {
    const at = sizesAt + i * STREAM_SIZE_BYTES;
    const extent = { rawBytes: view.u32(at), storedBytes: view.u32(at + 4), payloadAt };
    if (
      extent.rawBytes > MAX_STREAM_BYTES ||
      extent.storedBytes > view.byteLength - payloadAt ||
      !isPossibleRawSize(extent.rawBytes, extent.storedBytes)
    ) {
      throw view.error(
        `impossible sizes of stream ${name}`,
        at,
        `at most ${view.byteLength - payloadAt} stored bytes`,
        `${extent.storedBytes} stored for ${extent.rawBytes}`,
      );
    }
    payloadAt += extent.storedBytes;
    return extent;
  });
  if (payloadAt !== view.byteLength) {
    throw view.error('bytes are left over behind the streams', payloadAt);
  }
  return extents;
}

function limited(view: PayloadView, at: number, limit: number, what: string): number {
  const value = view.u32(at);
  if (value > limit) throw view.error(`too many ${what}`, at, `at most ${limit}`, `${value}`);
  return value;
}

/** Names the chunk in a failure that was found while decoding it. */
export function chunkError(
  record: ChunkRecord,
  kind: 'corrupt' | 'limit' | 'count-mismatch',
  message: string,
  expected?: string,
  found?: string,
): TraceError {
  return new TraceError(kind, `chunk ${record.info.chunkIndex}: ${message}`, {
    blockIndex: record.section.sectionIndex,
    fileOffset: record.section.fileOffset,
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    remedy: 'Chunks before it are good.',
  });
}
