// SPDX-License-Identifier: Apache-2.0
// What a window comes to: the analyses of the command line, with its selection.

import {
  type AddressSpan,
  chooseCacheAnalysis,
  countsAnalysis,
  hotAnalysis,
  type Selection,
  type TraceShape,
} from '../analysis/index.ts';
import { TraceError, u64FromBigint } from '../base/index.ts';
import { type AnyRequest, analyse } from '../engine/index.ts';
import type { Trace } from '../format/index.ts';
import {
  type CodeNames,
  countsFigures,
  DEFAULT_CACHES,
  describeCommand,
  hotFigures,
  hotParameters,
} from '../query/index.ts';
import { endOfStream } from '../tiles/index.ts';
import type { AddressRange, TraceWindow } from './parameters.ts';
import type { SummaryReply } from './protocol.ts';

export interface SummarySubject {
  readonly trace: Trace;
  readonly shape: TraceShape;
  readonly names: CodeNames;
}

const LINE_SHIFT = 6;
const PAGE_SHIFT = 12;
const TOP = 12;
/** Lines are not shown: fewer than those of the command line, for less memory. */
const LINE_LIMIT = 2 ** 18;
/** A cache is simulated in order, one thread for each of its parts: a longer window takes too long to wait for. */
const MOST_SIMULATED = 2 ** 26;
const LOOK_AHEAD_BYTES = 2 ** 25;

export interface SummaryOptions {
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onProgress: (part: number) => void;
}

/** Throws as the engine's analyse() does. */
export async function summarize(
  { trace, shape, names }: SummarySubject,
  window: TraceWindow,
  options: SummaryOptions,
): Promise<SummaryReply> {
  const selection = selectionOf(trace, window);
  const last = endOfStream(trace, window.stream);
  const length = Math.min(window.to, last) - window.from;
  const isSimulated = length <= MOST_SIMULATED;
  const figures = [
    { analysis: countsAnalysis, parameters: {} },
    {
      analysis: hotAnalysis,
      parameters: hotParameters(LINE_SHIFT, PAGE_SHIFT, TOP, LINE_LIMIT),
    },
  ] as const;
  const passOptions = {
    ...{ ...options, selection, lookAheadBytes: LOOK_AHEAD_BYTES },
    ...{ mayBeEmpty: true, keepsFree: true },
  };
  const run = async <const R extends readonly AnyRequest[]>(requests: R) =>
    analyse(trace, requests, passOptions);
  const [counts, hot, cache] = isSimulated
    ? await run([
        ...figures,
        { analysis: chooseCacheAnalysis(DEFAULT_CACHES), parameters: DEFAULT_CACHES },
      ])
    : await run(figures);
  const kinds = countsFigures(counts, shape, names);
  const top = hotFigures(hot, shape, names, TOP);
  const sum = ({ loads, stores }: { readonly loads: number; readonly stores: number }): number =>
    loads + stores;
  return {
    accesses: kinds.accesses,
    loads: kinds.loads,
    stores: kinds.stores,
    userAccesses: kinds.byCpl
      .filter(({ cpl }) => cpl === 3)
      .reduce((all, one) => all + sum(one), 0),
    kernelAccesses: kinds.byCpl
      .filter(({ cpl }) => cpl !== null && cpl < 3)
      .reduce((all, one) => all + sum(one), 0),
    functions: top.functions.top.map((one) => ({ name: one.name, address: null, count: sum(one) })),
    instructions: top.instructions.top.map((one) => ({
      ...{ name: one.function, address: one.address, count: sum(one) },
      disassembly: one.text,
    })),
    pages: top.pages.top.map((one) => ({
      ...{ name: one.name, address: one.address, count: sum(one) },
    })),
    cache:
      cache?.levels.map(({ name, accesses, misses }) => ({ level: name, accesses, misses })) ??
      null,
    command: commandOf(trace, window),
  };
}

/** Throws 'missing-capability' for physical addresses that the trace does not have. */
function selectionOf(trace: Trace, { stream, from, to, addresses }: TraceWindow): Selection {
  if (addresses?.space === 'physical') {
    const { status, why } = trace.capabilities.paddr;
    if (status === 'no')
      throw new TraceError('missing-capability', `no physical addresses: ${why}`);
  }
  return {
    ordinals: { begin: from, end: to },
    vcpu: vcpuOf(trace, stream),
    ...(addresses === undefined
      ? {}
      : { [addresses.space === 'virtual' ? 'addresses' : 'physical']: spanOf(addresses) }),
  };
}

/** With several streams each is of one vCPU; with one stream it is of all. */
function vcpuOf(trace: Trace, stream: number): number | undefined {
  const isOne = trace.chunks.every((chunk) => chunk.stream === 0);
  return isOne ? undefined : trace.chunks.find((chunk) => chunk.stream === stream)?.vcpu;
}

function spanOf({ low, high }: AddressRange): AddressSpan {
  const begin = u64FromBigint(low);
  const last = u64FromBigint(high - 1n);
  return { beginLo: begin.lo, beginHi: begin.hi, lastLo: last.lo, lastHi: last.hi };
}

/** "loadstore hot FILE --from 1000 --to 2000 --address 0x1000-0x2000". */
function commandOf(trace: Trace, { stream, from, to, addresses }: TraceWindow): string {
  const vcpu = vcpuOf(trace, stream);
  const flag = addresses?.space === 'physical' ? '--physical-address' : '--address';
  const range = addresses === undefined ? [] : [flag, rangeText(addresses)];
  return describeCommand([
    ...['loadstore', 'hot', trace.path, '--from', `${from}`, '--to', `${to}`],
    ...(vcpu === undefined ? [] : ['--vcpu', `${vcpu}`]),
    ...range,
  ]);
}

/** As --address takes it. */
function rangeText({ low, high }: AddressRange): string {
  const isTop = high === 2n ** 64n;
  return `0x${low.toString(16)}${isTop ? `+${high - low}` : `-0x${high.toString(16)}`}`;
}
