// SPDX-License-Identifier: Apache-2.0
// What the viewer asks of a trace: how often which part of memory was accessed when, at the resolution of a
// screen. docs/view-index.md is the file that the answers come from.

export type Space = 'virtual' | 'physical';

/** An address in halves. */
export interface AddressHalves {
  readonly lo: number;
  readonly hi: number;
}

/** The pages (4 KiB) of a space that were accessed, ascending; a page's rank is its position. */
export interface PageAxis {
  readonly count: number;
  /** Of the first byte of a page; ranks from 0 to count - 1. */
  addressOf(rank: number): AddressHalves;
  /** Of the page that the address is in; of the next one above when that page was never accessed: count at most. */
  rankOf(lo: number, hi: number): { readonly rank: number; readonly exact: boolean };
}

export interface TileQuery {
  readonly space: Space;
  readonly stream: number;
  /** Ordinals, half open. */
  readonly from: number;
  readonly to: number;
  /** 1 to MAX_TILE_SIDE. */
  readonly columns: number;
  /** Ranks, half open; may be broken numbers: rank + byte / 4096. */
  readonly low: number;
  readonly high: number;
  /** 1 to MAX_TILE_SIDE. */
  readonly rows: number;
  /**
   * How long chunks may be decoded for a finer answer than the index has; then the index answers, and the
   * tile is `refining`. Default: as long as it takes.
   */
  readonly patienceMs?: number;
}

export const MAX_TILE_SIDE = 1024;

/** Accesses by cell: (row, column) at row * columns + column, rows from the lowest address. */
export interface Tile {
  readonly columns: number;
  readonly rows: number;
  /** Saturating at 2^32 - 1. */
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
  /** Accesses for which counts were known together; 1: exact. */
  readonly timeStep: number;
  /** Bytes of address (of ranks) for which counts were known together; 1: exact. */
  readonly byteStep: number;
  /** Largest loads + stores of a cell. */
  readonly maximum: number;
  /** Chunks are being decoded for a finer answer: asking again gets it. */
  readonly refining: boolean;
}

export interface TracksQuery {
  readonly stream: number;
  /** Ordinals, half open. */
  readonly from: number;
  readonly to: number;
  /** At most so many columns, 1 to MAX_TRACK_COLUMNS. */
  readonly columns: number;
}

export const MAX_TRACK_COLUMNS = 8192;

/** Columns are stretches that the index counted: as many as fit into what was asked for, the first and last may reach over. */
export interface Tracks {
  /** Ordinal at which each column begins. */
  readonly begins: Float64Array;
  /** Behind the last column. */
  readonly end: number;
  /** Accesses of a column. */
  readonly timeStep: number;
  /** Virtual pages that were accessed in the column, by all vCPUs of the stream: the working set. */
  readonly pages: Float64Array;
  /** The vCPUs that made an access in the stream. */
  readonly vcpus: readonly VcpuTracks[];
  /** CR3 of each. */
  readonly addressSpaces: readonly bigint[];
}

/** One element by column. Aborted accesses are in none of the counts. */
export interface VcpuTracks {
  readonly vcpu: number;
  /** Instructions that the vCPU had completed at its last access before the column; 0 when it had made none. */
  readonly icount: Float64Array;
  /** From there to the same of the next column. */
  readonly instructions: Float64Array;
  readonly kernelAccesses: Float64Array;
  readonly userAccesses: Float64Array;
  readonly loads: Float64Array;
  readonly stores: Float64Array;
  readonly interrupts: Float64Array;
  readonly exceptions: Float64Array;
  /** Virtual pages that the vCPU accessed in the column: its working set. */
  readonly pages: Float64Array;
  /** Index into addressSpaces of the one with the most accesses; -1: no access, or no address spaces are known. */
  readonly addressSpace: Int32Array;
}

export interface TouchQuery {
  readonly space: Space;
  readonly rank: number;
  /** Behind the last page that is asked for; default: rank + 1. */
  readonly rankEnd?: number;
  readonly stream: number;
  /** Ordinals, half open. */
  readonly from: number;
  readonly to: number;
  readonly direction: 'forward' | 'backward';
}

/** Half open. */
export interface OrdinalRange {
  readonly from: number;
  readonly to: number;
}

/** Accesses of a chunk that is damaged. */
export interface DamagedStretch extends OrdinalRange {
  readonly chunkIndex: number;
  readonly stream: number;
  /** Where and what, one line. */
  readonly why: string;
}

export interface ViewIndex {
  /** Null: the trace has no such addresses. */
  readonly pages: { readonly [S in Space]: PageAxis | null };
  readonly indexBytes: number;
  /** That ran in the stream, ascending. Chunks name only those that ran before they began. */
  vcpusOf(stream: number): readonly number[];
  /** Could not be read when the index was made: in no tile and no track. `touched` has them, since they may be. */
  readonly damaged: readonly DamagedStretch[];
  /**
   * Throws TraceError 'bad-argument' for a stream, space or number that there is not, 'checksum' and 'corrupt' when
   * the index is damaged there, 'io'; what reading the trace throws when chunks are decoded; the reason of an
   * aborted signal.
   */
  tile(query: TileQuery, signal?: AbortSignal): Promise<Tile>;
  tracks(query: TracksQuery, signal?: AbortSignal): Promise<Tracks>;
  /** Stretches in which one of the pages was accessed, in the direction asked for: nothing else needs to be looked at. */
  touched(query: TouchQuery): AsyncIterable<OrdinalRange>;
  close(): Promise<void>;
}
