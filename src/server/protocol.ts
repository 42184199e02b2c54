// SPDX-License-Identifier: Apache-2.0
// What the viewer's page and its server say to each other: types, paths and the layout of binary answers.
// Runs anywhere. docs/decisions/015-viewer.md says why the axes are what they are.
//
// Axes. Time is the ordinal of an access in its stream: with thread=single one order for all vCPUs. The vertical
// axis is a rank: all pages (4 KiB) that the trace accessed, ascending by address, numbered without gaps; rank r +
// f/4096 is byte f of the r-th page. A band is a run of ranks with a name. Virtual and physical memory have ranks
// of their own.
//
// Requests are GET below the token, `/TOKEN/api/NAME?...`; 64-bit values are decimal or 0x strings, never
// JSON numbers. A refusal is a status of 400 and more with an ApiError as JSON.

export const PAGE_BYTES = 4096;

export type Space = 'virtual' | 'physical';

export interface ApiError {
  readonly error:
    | 'bad-request' // 400: the question makes no sense
    | 'forbidden' // 403: no token, or another host or origin
    | 'not-found' // 404
    | 'bad-method' // 405
    | 'gone' // 410: the trace was removed or replaced since it was opened
    | 'too-long' // 414
    | 'damaged' // 422: the part of the trace or index that was asked about cannot be read; the rest can
    | 'internal' // 500
    | 'busy'; // 503: the index is being built, or too many jobs wait; ask again
  /** What, where, what to do: a sentence for the reader. */
  readonly message: string;
  /** Of "busy": part of the index that there is, 0 to 1. */
  readonly part?: number;
}

/** Half-open stretch of ordinals of one stream. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** Half-open stretch of ranks; they may be broken numbers. */
export interface RankRange {
  readonly low: number;
  readonly high: number;
}

/** Ranks first to end - 1. Inside a band addresses may still jump: see api/addresses. */
export interface Band {
  /** "user", "kernel image", "direct map", "vmalloc", "modules", "RAM", "device" ... */
  readonly name: string;
  readonly first: number;
  readonly end: number;
  /** Address of the first byte of the first page and behind the last one, 0x... */
  readonly lowAddress: string;
  readonly highAddress: string;
}

export interface SpaceInfo {
  readonly pageCount: number;
  readonly bands: readonly Band[];
}

export interface StreamInfo {
  readonly stream: number;
  readonly accesses: number;
  readonly vcpus: readonly number[];
}

export interface DamagedTime extends TimeRange {
  readonly stream: number;
  /** Where in the file, and what. */
  readonly why: string;
}

/** api/trace. While the index is built only `index` changes; ask again. */
export interface TraceReply {
  readonly file: string;
  /** Changes when the file is another one: part of what a link remembers. */
  readonly fingerprint: string;
  readonly streams: readonly StreamInfo[];
  /** Null: the trace has no such addresses, with the reason in `lacks`. Empty while the index is built. */
  readonly spaces: { readonly [S in Space]: SpaceInfo | null };
  readonly lacks: readonly { readonly name: string; readonly why: string }[];
  readonly index: {
    readonly state: 'building' | 'ready' | 'failed';
    /** 0 to 1. */
    readonly part: number;
    /** Of "building": who does it, when it is another process. Of "failed": why. Of "ready": what is not in it. */
    readonly message: string | null;
  };
  /**
   * Stretches that could not be read when the index was made: no count says anything of them, and none of 0 is meant.
   * Empty while the index is built.
   */
  readonly damaged: readonly DamagedTime[];
  readonly facts: {
    readonly recorded: string | null;
    readonly qemu: string | null;
    readonly command: string | null;
    readonly complete: boolean;
    readonly instructions: number;
    readonly accesses: number;
    readonly loads: number;
    readonly stores: number;
    /** Null: the trace does not know privilege levels. */
    readonly userAccesses: number | null;
    readonly events: number;
    /** False: functions and data have no names. */
    readonly hasSymbols: boolean;
    readonly fileBytes: number;
    /** Null for a trace without accesses. */
    readonly bytesPerAccess: number | null;
  };
  /** The completeness statement: what is in the trace, what is in part, what is not, with numbers. */
  readonly completeness: readonly {
    readonly name: string;
    readonly status: 'yes' | 'partial' | 'no';
    readonly text: string;
  }[];
  /** The guided first look: what to click, and the view it leads to (the hash of a URL). */
  readonly guide: readonly {
    readonly title: string;
    readonly text: string;
    readonly view: string;
  }[];
}

/**
 * api/tile: space, stream, from, to (ordinals), columns (1 to 1024), low, high (ranks), rows (1 to 1024).
 * The answer is binary, little-endian: a head of TILE_HEAD_WORDS u32 words, then loads and then stores of each
 * cell as u32 (saturating), row by row from the lowest rank, each row by time: cell (row, column) at
 * row * columns + column. Counts of a cell are spread over cells when they were known only for more than a cell:
 * timeStep and byteStep say for how much.
 */
export const TILE_MAGIC = 0x4c54_534c; // "LSTL"
export const TILE_HEAD_WORDS = 8;
/** Words of the head. */
export const TileHead = {
  magic: 0,
  columns: 1,
  rows: 2,
  /** Accesses for which counts were known together; 1: exact. */
  timeStep: 3,
  /** Bytes of address for which counts were known together; 1: exact. */
  byteStep: 4,
  /** Largest loads + stores of a cell. */
  maximum: 5,
  /** 1: chunks are being decoded for a finer answer; asking again gets it. */
  refining: 6,
} as const;

/** api/addresses: space, low, high, rows. Address of the first byte of each row and the band it is in. */
export interface AddressesReply {
  readonly rows: readonly {
    readonly rank: number;
    /** Null, and band -1: above the last page. */
    readonly address: string | null;
    /** Index into the bands of the space. */
    readonly band: number;
  }[];
}

/** api/tracks: stream, from, to, columns. One entry of each array per column. */
export interface TracksReply {
  /** Ordinal at which each column begins. */
  readonly begins: readonly number[];
  /** Behind the last column. */
  readonly end: number;
  readonly timeStep: number;
  /** False: a part of the column could not be read (TraceReply.damaged), and counts are of the rest. */
  readonly known: readonly boolean[];
  /** Virtual pages accessed in the column, by all vCPUs of the stream together; null where it is not known. */
  readonly pages: readonly (number | null)[];
  /** The label is the CR3 until address spaces were told apart, then "3" or "4: busybox". */
  readonly addressSpaces: readonly { readonly cr3: string; readonly label: string }[];
  readonly vcpus: readonly VcpuTrack[];
}

export interface VcpuTrack {
  readonly vcpu: number;
  /** icount of the vCPU at the column's beginning. */
  readonly icount: readonly number[];
  readonly instructions: readonly number[];
  readonly kernelAccesses: readonly number[];
  readonly userAccesses: readonly number[];
  readonly loads: readonly number[];
  readonly stores: readonly number[];
  /** Interrupts and exceptions. */
  readonly interrupts: readonly number[];
  readonly exceptions: readonly number[];
  /** Virtual pages that it accessed in the column; null where it is not known. */
  readonly pages: readonly (number | null)[];
  /** Address space with the most accesses of the column: index into addressSpaces, -1: none. */
  readonly addressSpace: readonly number[];
}

/** What part of the trace a question is about. Ranges of addresses are half-open; both or neither. */
export interface WindowQuery extends TimeRange {
  readonly stream: number;
  readonly space?: Space;
  readonly lowAddress?: string;
  readonly highAddress?: string;
}

/** api/command: WindowQuery, verb: the window on the command line, its accesses one by one or what they come to. */
export type CommandVerb = 'dump' | 'hot';

export interface CommandReply {
  readonly command: string;
}

/** api/summary: WindowQuery; caches=any. May take seconds for a whole trace: progress by api/jobs. */
export interface SummaryReply {
  readonly accesses: number;
  readonly loads: number;
  readonly stores: number;
  readonly userAccesses: number;
  readonly kernelAccesses: number;
  readonly functions: readonly NamedCount[];
  readonly instructions: readonly (NamedCount & { readonly disassembly: string })[];
  readonly pages: readonly NamedCount[];
  /**
   * Cache behaviour of the window, of the default geometry of `loadstore cache`, begun cold. Null: the window is longer
   * than what is simulated unasked, 64 Mi accesses; caches=any asks for it.
   */
  readonly cache:
    | readonly {
        readonly level: string;
        readonly accesses: number;
        readonly misses: number;
        readonly sizeBytes: number;
        readonly ways: number;
      }[]
    | null;
  /** The same as a command line of loadstore. */
  readonly command: string;
}

export interface NamedCount {
  readonly name: string;
  /** Null for what has no address of its own. */
  readonly address: string | null;
  readonly count: number;
}

export type AccessKind = 'load' | 'store';

export interface AccessRow {
  readonly ordinal: number;
  readonly icount: number;
  readonly vcpu: number;
  readonly cpl: number | null;
  readonly pc: string | null;
  /** "function+0x12", or null when no symbol covers it. */
  readonly place: string | null;
  readonly disassembly: string | null;
  /** Null: it was made with a physical address. */
  readonly vaddr: string | null;
  readonly paddr: string | null;
  readonly size: number;
  readonly kind: AccessKind;
  readonly origin: 'instruction' | 'event-delivery' | 'page-walk';
  readonly device: boolean;
  readonly aborted: boolean;
}

/** api/accesses: WindowQuery, offset, count (1 to 1000): rows offset to offset + count - 1 of the list. */
export interface AccessesReply {
  readonly rows: readonly AccessRow[];
  /** Accesses of the list as far as they are counted. */
  readonly total: number;
  /** False: more may follow; the list is counted on while it is scrolled. */
  readonly counted: boolean;
}

// api/csv: WindowQuery. The whole list as a file: a line of names, then one for each row of api/accesses. HEAD says
// whether there would be one.

/** api/access: stream, ordinal. */
export interface AccessReply {
  readonly access: AccessRow;
  readonly cr3: string | null;
  readonly addressSpace: string | null;
  /** Device region, when the access went to one and the QEMU names it. */
  readonly region: string | null;
  /** Name of the data symbol that covers vaddr. */
  readonly data: string | null;
  readonly evidence: 'observed' | 'reconstructed';
  /** The block it ran in; `current` marks the instruction. */
  readonly block: readonly {
    readonly pc: string;
    readonly bytes: string;
    readonly disassembly: string;
    readonly current: boolean;
  }[];
  /** Addresses that neighbours are told by: physical ones, or virtual ones where these are not known or in two pages. */
  readonly neighbourSpace: Space;
  readonly neighbours: {
    readonly [Of in 'bytes' | 'line' | 'page']: {
      readonly previous: number | null;
      readonly next: number | null;
      /** False: the search gave up at its limit, more may be further away. */
      readonly complete: boolean;
    };
  };
}

/** api/neighbour: stream, ordinal, space, address, bytes, direction (next, previous): what j and k ask for. */
export interface NeighbourReply {
  readonly ordinal: number | null;
  /** False: the time was over; asking again with `searched` as ordinal goes on from there. */
  readonly complete: boolean;
  readonly searched: number;
}

/**
 * api/find: q, stream. An address (0x...), a symbol, "pc:ADDRESS", "function:NAME", "icount:N" or "#N" (ordinal), or SQL
 * (begins with "select" or "with": answered by api/sql).
 */
export interface FindReply {
  readonly kind: 'address' | 'symbol' | 'pc' | 'function' | 'icount' | 'ordinal' | 'nothing';
  readonly message: string;
  /** False: the time was over, or something is damaged: there may be others, and earlier ones. */
  readonly complete: boolean;
  /** How much was looked at, 0 to 1. Below 1 the time was over: the same question goes on from there. */
  readonly searched: number;
  /** Where to go: null when the trace never was there. */
  readonly places: readonly {
    readonly label: string;
    readonly space: Space;
    /** Ordinal of its first access, and rank of its address. */
    readonly ordinal: number | null;
    readonly rank: number | null;
    readonly address: string | null;
    readonly bytes: number | null;
  }[];
}

/**
 * api/names: q, limit (1 to 50). Symbols whose name begins with q or holds it: first the very name, then code that ran and
 * data. Where their accesses are is not looked for: api/find does that.
 */
export interface NamesReply {
  readonly names: readonly {
    /** As api/find takes it: "schedule", "nf_hook [nf_tables]". */
    readonly name: string;
    readonly what: 'code' | 'data';
    /** Whether the guest ran it; null for data. */
    readonly ran: boolean | null;
  }[];
}

/** api/sql: q, limit. */
export interface SqlReply {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
  /** True: there were more rows than the limit. */
  readonly cut: boolean;
}

/** api/jobs: what summary and sql are doing. One is worked on at a time. */
export interface JobsReply {
  readonly jobs: readonly {
    readonly name: 'summary' | 'sql';
    /** 0 to 1; null: it waits. */
    readonly part: number | null;
  }[];
}
