// SPDX-License-Identifier: Apache-2.0
// The compiled decoder (kernel/*.ts) and its memory, for one reader at a time. A chunk is loaded, then
// run batch by batch; the columns of a batch are views of the kernel's memory and good until the next
// run. Errors are TraceErrors that name the chunk.

import { bytesFromBase64, TraceError } from '../base/index.ts';
import { type ChunkRecord, chunkError, locateStreams } from './chunk-header.ts';
import type { HeldCode } from './code-table.ts';
import { KERNEL_BASE64 } from './kernel.gen.ts';
import {
  BLOCK_BYTES,
  entryRoom,
  offsetRoom,
  placeStreams,
  streamRoom,
  writeBlockTable,
} from './kernel-memory.ts';
import { FIRST_ADDRESS_STREAM, LAST_ADDRESS_STREAM, MAX_VCPUS } from './layout.ts';
import { payloadView } from './payload-view.ts';

/** Bits of run(): what to make besides vaddr, which load() decides about. As in kernel/decode.ts. */
export const ColumnBit = {
  pc: 1,
  icount: 2,
  sizeFlags: 4,
  paddr: 8,
  block: 16,
  insn: 32,
  cpl: 64,
  vcpu: 128,
  cr3: 256,
  runs: 512,
} as const;

/** Numbers of kernel/decode.ts columnAddress(). */
export const ColumnNumber = {
  vaddr: 0,
  pc: 1,
  icount: 2,
  paddr: 3,
  cr3: 4,
  size: 5,
  flags: 6,
  cpl: 7,
  vcpu: 8,
  insn: 9,
  block: 10,
  crossingIndex: 11,
  crossingPaddr: 12,
  runBlock: 13,
  runExecuted: 14,
  runVcpu: 15,
  runIcount: 16,
  runFirstAccess: 17,
  runContinues: 18,
  runShape: 19,
} as const;

/** Elements of a column, at most. */
export const BATCH_LENGTH = 32768;

const STATUS_MORE = 0;
const STATUS_DONE = 1;
const FAILURE_NO_MEMORY = 33;

/** In the order of kernel/failure.ts, from 10. */
const FAILURES = [
  'block codes end too early',
  'an unknown block code',
  'block ids end too early',
  'a block that is not in the code table',
  'block runs are damaged',
  'shapes are damaged',
  'a shape names an impossible access',
  'more accesses than it says',
  'fewer accesses than it says',
  'access codes end too early',
  'an unknown access code',
  'access runs are damaged',
  'distances end too early',
  'an address does not fit 48 bits',
  'notes are damaged',
  'a note of unknown kind',
  'a note stands where it cannot',
  'a note about what does not follow',
  'a block is cut longer than it is',
  'an access to a page without a mapping',
  'an impossible vCPU',
  'a stream is not used up',
  'a run of hits is not used up',
  'it does not fit into memory',
] as const;

export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  tablesEnd(): number;
  addBlocks(entries: number, count: number, table: number, offsets: number): number;
  vcpuStates(): number;
  forgetVcpus(): void;
  streamTable(): number;
  columnAddress(column: number): number;
  begin(
    table: number,
    limit: number,
    arena: number,
    accesses: number,
    blocks: number,
    firstVcpu: number,
    pageSlots: number,
    addresses: number,
  ): number;
  run(columns: number): number;
  accessesInBatch(): number;
  runsInBatch(): number;
  firstAccessOfRuns(): number;
  crossingsInBatch(): number;
  eventsSoFar(): number;
  notesSoFar(): number;
  accessesSoFar(): number;
  blocksSoFar(): number;
}

const EXPORTED_FUNCTIONS: readonly (keyof KernelExports)[] = [
  'tablesEnd',
  'addBlocks',
  'vcpuStates',
  'forgetVcpus',
  'streamTable',
  'columnAddress',
  'begin',
  'run',
  'accessesInBatch',
  'runsInBatch',
  'firstAccessOfRuns',
  'crossingsInBatch',
  'eventsSoFar',
  'notesSoFar',
  'accessesSoFar',
  'blocksSoFar',
];

export interface VcpuCounters {
  readonly vcpu: number;
  readonly icount: bigint;
  readonly cr3: bigint;
  readonly pendingRep: bigint;
}

export interface ChunkKernel {
  readonly code: HeldCode;
  /** For a kernel of another trace, when this one is no longer used. */
  readonly exports: KernelExports;
  /**
   * Begins a chunk, whose payload has been compared with its checksum. Without addresses there are no vaddr and
   * paddr, and what only they are made of is not looked at. Throws 'corrupt', 'limit'.
   */
  load(record: ChunkRecord, payload: Uint8Array<ArrayBuffer>, addresses: boolean): void;
  /** Decodes one batch; false when it was the chunk's last. Throws 'corrupt', 'limit'. */
  run(columns: number): boolean;
  readonly accessesInBatch: number;
  readonly runsInBatch: number;
  /** Index, in the batch, that the first access of its first block execution has or would have. */
  readonly firstAccessOfRuns: number;
  readonly crossingsInBatch: number;
  readonly eventsSoFar: number;
  /** Address of a column in memory. */
  address(column: number): number;
  readonly buffer: ArrayBuffer;
  /** State of a vCPU when the chunk is done. */
  vcpuAfter(vcpu: number): VcpuCounters;
}

let compiled: WebAssembly.Module | undefined;

/** A kernel for the chunks of a trace; in the memory of an earlier one when it is given. */
export function createKernel(code: HeldCode, exports: KernelExports = instantiate()): ChunkKernel {
  const tableAt = alignUp(exports.tablesEnd(), BLOCK_BYTES);
  const offsetsAt = tableAt + code.table.blockCount * BLOCK_BYTES;
  const streamsAt = alignUp(offsetsAt + offsetRoom(code.parts), 8);
  growTo(exports.memory, streamsAt + entryRoom(code.parts));
  writeBlockTable(code.parts, exports, tableAt, offsetsAt, streamsAt);
  let record: ChunkRecord | undefined;
  const check = (status: number): number => {
    if (status !== STATUS_MORE && status !== STATUS_DONE && record !== undefined) {
      throw failureError(record, status, exports);
    }
    return status;
  };
  return {
    code,
    exports,
    load(next, payload, addresses) {
      record = next;
      const view = payloadView(next.section, payload);
      const extents = locateStreams(view, next.info).map((extent, stream) =>
        addresses || !isOfAddresses(stream) ? extent : { ...extent, rawBytes: 0, storedBytes: 0 },
      );
      const arenaAt = streamsAt + streamRoom(extents);
      growTo(exports.memory, arenaAt);
      placeStreams(next, payload, extents, exports.memory.buffer, exports.streamTable(), streamsAt);
      exports.forgetVcpus();
      const states = new BigUint64Array(exports.memory.buffer, exports.vcpuStates(), MAX_VCPUS * 4);
      for (const state of next.info.vcpuStates) {
        states[state.vcpu * 4] = state.icount;
        states[state.vcpu * 4 + 1] = state.cr3;
        states[state.vcpu * 4 + 2] = state.pendingRep;
      }
      const { accessCount, blockCount, vcpu, pageSlots, knownBlocks } = next.info;
      check(
        exports.begin(
          tableAt,
          knownBlocks,
          arenaAt,
          accessCount,
          blockCount,
          vcpu,
          pageSlots,
          Number(addresses),
        ),
      );
    },
    run(columns) {
      const status = check(exports.run(columns));
      if (status === STATUS_DONE && record !== undefined) requireNoteCount(record, exports);
      return status === STATUS_MORE;
    },
    get accessesInBatch() {
      return exports.accessesInBatch();
    },
    get runsInBatch() {
      return exports.runsInBatch();
    },
    get firstAccessOfRuns() {
      return exports.firstAccessOfRuns();
    },
    get crossingsInBatch() {
      return exports.crossingsInBatch();
    },
    get eventsSoFar() {
      return exports.eventsSoFar();
    },
    address: (column) => exports.columnAddress(column),
    get buffer() {
      return exports.memory.buffer;
    },
    vcpuAfter(vcpu) {
      const at = exports.vcpuStates() + vcpu * 32;
      const [icount, cr3, pendingRep] = new BigUint64Array(exports.memory.buffer, at, 3);
      return { vcpu, icount, cr3, pendingRep };
    },
  };
}

function instantiate(): KernelExports {
  compiled ??= new WebAssembly.Module(bytesFromBase64(KERNEL_BASE64));
  const { exports } = new WebAssembly.Instance(compiled, {});
  if (!isKernelExports(exports)) throw new Error('internal: the kernel lacks an export');
  return exports;
}

function isOfAddresses(stream: number): boolean {
  return stream >= FIRST_ADDRESS_STREAM && stream <= LAST_ADDRESS_STREAM;
}

function isKernelExports(exports: object): exports is KernelExports {
  const found = new Map<string, unknown>(Object.entries(exports));
  return (
    found.get('memory') instanceof WebAssembly.Memory &&
    EXPORTED_FUNCTIONS.every((name) => typeof found.get(name) === 'function')
  );
}

function requireNoteCount(record: ChunkRecord, exports: KernelExports): void {
  const found = exports.notesSoFar();
  if (found === record.info.noteCount) return;
  throw chunkError(
    record,
    'count-mismatch',
    'it has not as many notes as it says',
    `${record.info.noteCount}`,
    `${found}`,
  );
}

function failureError(record: ChunkRecord, status: number, exports: KernelExports): TraceError {
  const what = FAILURES[status - 10] ?? `failure ${status}`;
  const kind = status === FAILURE_NO_MEMORY ? 'limit' : 'corrupt';
  return chunkError(
    record,
    kind,
    `${what}, near access ${exports.accessesSoFar()} and block execution ${exports.blocksSoFar()} of it`,
  );
}

function alignUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** Memory for sizeBytes and some room for slots. */
function growTo(memory: WebAssembly.Memory, sizeBytes: number): void {
  const pages = Math.ceil(sizeBytes / 65536) - memory.buffer.byteLength / 65536;
  if (pages <= 0) return;
  try {
    memory.grow(pages + 16);
  } catch (cause) {
    throw new TraceError('limit', 'a chunk does not fit into memory', {
      expected: `at most ${2 ** 32} bytes`,
      found: `${sizeBytes}`,
      cause,
    });
  }
}
