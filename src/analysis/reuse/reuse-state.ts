// SPDX-License-Identifier: Apache-2.0
// The kernel of reuse distances while it runs, fed with stretches of a trace; and what it counted.

import { bytesFromBase64, requireDefined, TraceError } from '../../base/index.ts';
import { AccessFlag } from '../../format/index.ts';
import { type AccessColumns, requireColumn } from '../access-columns.ts';
import { REUSE_KERNEL_BASE64 } from './reuse-kernel.gen.ts';
import {
  HASH_SPACE,
  LINE_LIMIT,
  type ReuseParameters,
  requireReuseParameters,
} from './reuse-parameters.ts';

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
  sampledTotal(): number;
  newTotal(): number;
  distantTotal(): number;
  deviceTotal(): number;
  unaddressedTotal(): number;
}

const EXPORTED_FUNCTIONS = [
  ...['begin', 'measure', 'addressAt', 'sizeAt', 'flagsAt', 'linesAt', 'histogramAt'],
  ...['lineTotal', 'overflowed', 'thresholdNow', 'touchTotal', 'sampledTotal', 'newTotal'],
  ...['distantTotal', 'deviceTotal', 'unaddressedTotal'],
];

export interface ReuseState {
  readonly parameters: ReuseParameters;
  readonly excluded: number;
  readonly kernel: ReuseKernel;
  /** Views of the kernel's memory, which does not grow any more. */
  readonly address: BigUint64Array;
  readonly size: Uint8Array;
  readonly flags: Uint8Array;
  /** Accesses that went to the kernel as two, since they cross into another physical page. */
  crossingPages: number;
  accesses: number;
}

/** What is left of a state that has seen all: data. */
export interface ReuseCounts {
  readonly parameters: ReuseParameters;
  readonly accesses: number;
  readonly device: number;
  readonly unaddressed: number;
  /** Uses of lines, whether they were looked at or not. */
  readonly touches: number;
  /** Part of all lines that was looked at, in the end. What follows is of those, at that rate. */
  readonly rate: number;
  readonly sampledTouches: number;
  readonly newLines: number;
  readonly distantUses: number;
  /** Uses by distance; by bin (lowestOfBin) when lines are sampled. */
  readonly histogram: Float64Array;
  /** Number of the line in halves, uses, and distant uses, of each line that is in one of the lists. */
  readonly topUsed: Float64Array;
  readonly topDistant: Float64Array;
}

/** Elements of a column of the kernel; longer stretches come in pieces. */
const PIECE_LENGTH = 32768;
const LINE_BYTES = 32;
/** Bins of the kernel: exact below EXACT_BINS, then BINS_PER_OCTAVE for each power of two. */
const EXACT_BINS = 256;
const BINS_PER_OCTAVE = 128;
const OCTAVES = 56;
const PAGE_BYTES = 4096;

let compiled: WebAssembly.Module | undefined;

/** Throws TraceError 'bad-argument' for what makes no sense, 'limit' for what does not fit into memory. */
export function createReuseState(parameters: ReuseParameters): ReuseState {
  const { lineShift, threshold, sampleLimit, limit } = requireReuseParameters(parameters);
  compiled ??= new WebAssembly.Module(bytesFromBase64(REUSE_KERNEL_BASE64));
  const { exports } = new WebAssembly.Instance(compiled, {});
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
    address: new BigUint64Array(buffer, exports.addressAt(), PIECE_LENGTH),
    size: new Uint8Array(buffer, exports.sizeAt(), PIECE_LENGTH),
    flags: new Uint8Array(buffer, exports.flagsAt(), PIECE_LENGTH),
    crossingPages: 0,
    accesses: 0,
  };
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

export function harvestReuse(state: ReuseState): ReuseCounts {
  const { kernel, parameters, accesses } = state;
  const isSampled = parameters.sampling !== undefined;
  const length = isSampled ? EXACT_BINS + OCTAVES * BINS_PER_OCTAVE : kernel.lineTotal() + 1;
  const histogram = new Float64Array(kernel.memory.buffer, kernel.histogramAt(), length);
  return {
    ...{ parameters, accesses },
    device: kernel.deviceTotal(),
    unaddressed: kernel.unaddressedTotal(),
    touches: kernel.touchTotal(),
    rate: kernel.thresholdNow() / HASH_SPACE,
    sampledTouches: kernel.sampledTotal(),
    newLines: kernel.newTotal(),
    distantUses: kernel.distantTotal(),
    histogram: histogram.slice(),
    ...topLines(kernel, parameters.reportTop),
  };
}

/** Lowest distance of a bin of sampled lines. */
export function lowestOfBin(bin: number): number {
  if (bin < EXACT_BINS) return bin;
  const octave = Math.floor((bin - EXACT_BINS) / BINS_PER_OCTAVE);
  return (BINS_PER_OCTAVE + (bin % BINS_PER_OCTAVE)) * 2 ** (octave + 1);
}

function topLines(kernel: ReuseKernel, top: number): Pick<ReuseCounts, 'topUsed' | 'topDistant'> {
  const count = kernel.lineTotal();
  const words = new Uint32Array(kernel.memory.buffer, kernel.linesAt(), (count * LINE_BYTES) / 4);
  const wide = (line: number, at: number): number =>
    words[8 * line + at + 1] * 2 ** 32 + words[8 * line + at];
  const usesOf = (line: number): number => wide(line, USES_AT);
  const distantOf = (line: number): number => wide(line, DISTANT_AT);
  const lowerFirst = (a: number, b: number): number =>
    words[8 * a + 1] - words[8 * b + 1] || words[8 * a] - words[8 * b];
  const list = (chosen: readonly number[]): Float64Array =>
    Float64Array.from(
      chosen.flatMap((line) => [
        ...[words[8 * line], words[8 * line + 1], usesOf(line), distantOf(line)],
      ]),
    );
  const most = (order: (a: number, b: number) => number): number[] =>
    chooseTop(count, top, (a, b) => order(a, b) || lowerFirst(a, b));
  return {
    topUsed: list(most((a, b) => usesOf(b) - usesOf(a) || distantOf(b) - distantOf(a))),
    topDistant: list(
      most((a, b) => distantOf(b) - distantOf(a) || usesOf(b) - usesOf(a)).filter(
        (line) => distantOf(line) > 0,
      ),
    ),
  };
}

/** Words from the begin of a line's entry. */
const USES_AT = 2;
const DISTANT_AT = 4;

/** The first `top` of 0 to count - 1 in that order, without sorting them all. */
function chooseTop(count: number, top: number, order: (a: number, b: number) => number): number[] {
  const chosen: number[] = [];
  if (top === 0) return chosen;
  for (let one = 0; one < count; one++) {
    if (chosen.length === top && order(one, requireDefined(chosen.at(-1), 'top is not 0')) > 0) {
      continue;
    }
    let at = chosen.length;
    while (at > 0 && order(one, chosen[at - 1]) < 0) at--;
    chosen.splice(at, 0, one);
    if (chosen.length > top) chosen.pop();
  }
  return chosen;
}
