// SPDX-License-Identifier: Apache-2.0
// The kernel of reuse distances while it runs, fed with stretches of a trace.

import { bytesFromBase64, TraceError } from '../../base/index.ts';
import { AccessFlag } from '../../format/index.ts';
import { type AccessColumns, requireColumn } from '../access-columns.ts';
import { REUSE_KERNEL_BASE64 } from './reuse-kernel.gen.ts';
import { LINE_LIMIT, type ReuseParameters, requireReuseParameters } from './reuse-parameters.ts';

/** What kernel/reuse/measure.ts exports. */
interface ReuseKernel {
  readonly memory: WebAssembly.Memory;
  begin(
    pieceLength: number,
    lineShift: number,
    excludedFlags: number,
    distantFrom: number,
    lineLimit: number,
    threshold: number,
    sampleLimit: number,
  ): number;
  measure(count: number): void;
  addressAt(): number;
  sizeAt(): number;
  flagsAt(): number;
  linesAt(): number;
  histogramAt(): number;
  lineTotal(): number;
  overflowed(): number;
  thresholdNow(): number;
  touchTotal(): number;
  repeatTotal(): number;
  newTotal(): number;
  distantTotal(): number;
  deviceTotal(): number;
  unaddressedTotal(): number;
  numberOf(line: bigint): number;
}

const EXPORTED_FUNCTIONS = [
  ...['begin', 'measure', 'addressAt', 'sizeAt', 'flagsAt', 'linesAt', 'histogramAt'],
  ...['lineTotal', 'overflowed', 'thresholdNow', 'touchTotal', 'repeatTotal'],
  ...['newTotal', 'distantTotal', 'deviceTotal', 'unaddressedTotal', 'numberOf'],
];

export interface ReuseState {
  readonly parameters: ReuseParameters;
  readonly excluded: number;
  readonly kernel: ReuseKernel;
  readonly carried: CarriedCounts;
  /** Views of the kernel's memory, which does not grow any more. */
  readonly address: BigUint64Array;
  readonly size: Uint8Array;
  readonly flags: Uint8Array;
  /** Accesses that went to the kernel as two, since they cross into another physical page. */
  crossingPages: number;
  accesses: number;
}

/** How often the kernel's counts of 16 bits began anew. */
export interface CarriedCounts {
  readonly byLine: Map<bigint, { uses: number; distant: number }>;
  readonly byDistance: Map<number, number>;
}

/** Elements of a column of the kernel; longer stretches come in pieces. */
const PIECE_LENGTH = 32768;
/** Of the kernel's counts. */
const CARRY = 2 ** 16;
const PAGE_BYTES = 4096;

let compiled: WebAssembly.Module | undefined;

/** Throws TraceError 'bad-argument' for what makes no sense, 'limit' for what does not fit into memory. */
export function createReuseState(parameters: ReuseParameters): ReuseState {
  const { lineShift, threshold, sampleLimit, limit } = requireReuseParameters(parameters);
  compiled ??= new WebAssembly.Module(bytesFromBase64(REUSE_KERNEL_BASE64));
  const carried: CarriedCounts = { byLine: new Map(), byDistance: new Map() };
  const carry = (what: number, which: bigint): void => {
    takeCarry(carried, what, BigInt.asUintN(64, which));
  };
  const { exports } = new WebAssembly.Instance(compiled, { measure: { carry } });
  if (!isReuseKernel(exports)) throw new Error('internal: the kernel of reuse lacks an export');
  const { distanceThreshold, usePhysical } = parameters;
  const excluded =
    AccessFlag.aborted |
    AccessFlag.device |
    (usePhysical ? AccessFlag.paddrUnknown : AccessFlag.physicalOnly);
  const isThere = exports.begin(
    ...([PIECE_LENGTH, lineShift, excluded] as const),
    ...([distanceThreshold + 1, limit, threshold, sampleLimit] as const),
  );
  if (isThere === 0) {
    throw new TraceError('limit', 'the lines do not fit into memory', {
      remedy: '--sample-lines needs less.',
    });
  }
  const { buffer } = exports.memory;
  return {
    parameters,
    excluded,
    kernel: exports,
    carried,
    address: new BigUint64Array(buffer, exports.addressAt(), PIECE_LENGTH),
    size: new Uint8Array(buffer, exports.sizeAt(), PIECE_LENGTH),
    flags: new Uint8Array(buffer, exports.flagsAt(), PIECE_LENGTH),
    crossingPages: 0,
    accesses: 0,
  };
}

const CARRY_USES = 0;
const CARRY_DISTANT = 1;

function takeCarry({ byLine, byDistance }: CarriedCounts, what: number, which: bigint): void {
  if (what === CARRY_USES || what === CARRY_DISTANT) {
    const counts = byLine.get(which) ?? { uses: 0, distant: 0 };
    byLine.set(which, counts);
    if (what === CARRY_USES) counts.uses += CARRY;
    else counts.distant += CARRY;
  } else {
    const distance = Number(which);
    byDistance.set(distance, (byDistance.get(distance) ?? 0) + CARRY);
  }
}

function isReuseKernel(exports: object): exports is ReuseKernel {
  const found = new Map<string, unknown>(Object.entries(exports));
  return (
    found.get('memory') instanceof WebAssembly.Memory &&
    EXPORTED_FUNCTIONS.every((name) => typeof found.get(name) === 'function')
  );
}

/** Throws TraceError 'limit' when there are more lines than memory takes. */
export function consumeReuse(state: ReuseState, batch: AccessColumns): void {
  state.accesses += batch.length;
  const { index, paddr } = state.parameters.usePhysical
    ? requireColumn(batch.crossings, 'crossings')
    : { index: [], paddr: [] };
  let begin = 0;
  for (let i = 0; i < index.length; i++) {
    const end = index[i] + 1;
    measureSpan(state, batch, begin, end, true);
    measureRest(state, batch, index[i], paddr[i]);
    begin = end;
  }
  measureSpan(state, batch, begin, batch.length, false);
  if (state.kernel.overflowed() === 0) return;
  throw new TraceError('limit', 'there are more lines than can be told apart', {
    expected: `at most ${LINE_LIMIT}`,
    remedy:
      '--sample-lines 65536 estimates; --line-size makes lines larger; --from and --to make a part of it.',
  });
}

/** endsPage: the last of the accesses ends with its page, and the rest of it is measured apart. */
function measureSpan(
  { kernel, address, size, flags, parameters }: ReuseState,
  batch: AccessColumns,
  first: number,
  last: number,
  endsPage: boolean,
): void {
  const addresses = parameters.usePhysical
    ? requireColumn(batch.paddr, 'paddr')
    : requireColumn(batch.vaddr, 'vaddr');
  const sizes = requireColumn(batch.size, 'size');
  const allFlags = requireColumn(batch.flags, 'flags');
  for (let begin = first; begin < last; begin += PIECE_LENGTH) {
    const end = Math.min(last, begin + PIECE_LENGTH);
    address.set(addresses.subarray(begin, end));
    size.set(sizes.subarray(begin, end));
    flags.set(allFlags.subarray(begin, end));
    if (endsPage && end === last) size[end - 1 - begin] = bytesToPageEnd(addresses[end - 1]);
    kernel.measure(end - begin);
  }
}

function measureRest(state: ReuseState, batch: AccessColumns, i: number, paddr: bigint): void {
  const flags = requireColumn(batch.flags, 'flags')[i];
  if ((flags & state.excluded) !== 0) return;
  const first = bytesToPageEnd(requireColumn(batch.paddr, 'paddr')[i]);
  state.address[0] = paddr;
  state.size[0] = requireColumn(batch.size, 'size')[i] - first;
  state.flags[0] = flags;
  state.kernel.measure(1);
}

function bytesToPageEnd(address: bigint): number {
  return PAGE_BYTES - Number(address & 0xfffn);
}
