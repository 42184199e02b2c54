// SPDX-License-Identifier: Apache-2.0
// What a window comes to: the analyses of the command line, with its selection.

import {
  type AddressSpan,
  chooseCacheAnalysis,
  countsAnalysis,
  hotAnalysis,
  type Selection,
} from '../analysis/index.ts';
import { TraceError, u64FromBigint } from '../base/index.ts';
import { type AnyRequest, analyse } from '../engine/index.ts';
import { countsFigures, DEFAULT_CACHES, hotFigures, hotParameters } from '../query/index.ts';
import { endOfStream } from '../tiles/index.ts';
import type { AddressRange, TraceWindow } from './parameters.ts';
import type { SummaryReply } from './protocol.ts';
import type { Session } from './session.ts';
import { onlyVcpuOf } from './streams.ts';
import { windowCommand } from './window-command.ts';

export type SummarySubject = Pick<Session, 'trace' | 'index' | 'shape' | 'names' | 'symbolFiles'>;

const LINE_SHIFT = 6;
const PAGE_SHIFT = 12;
const TOP = 12;
/** Lines are not shown: fewer than those of the command line, for less memory. */
const LINE_LIMIT = 2 ** 18;
/** A cache is simulated in order, one thread for each of its parts: a longer window is one that somebody has to want. */
const MOST_SIMULATED = 2 ** 26;
const LOOK_AHEAD_BYTES = 2 ** 24;

export interface SummaryOptions {
  /** Caches of however long a window. */
  readonly simulatesAny: boolean;
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onProgress: (part: number) => void;
}

/** Throws as the engine's analyse() does. */
export async function summarize(
  subject: SummarySubject,
  window: TraceWindow,
  options: SummaryOptions,
): Promise<SummaryReply> {
  const { trace, shape, names } = subject;
  const { workers, signal, onProgress } = options;
  const selection = selectionOf(subject, window);
  const last = endOfStream(trace, window.stream);
  const length = Math.min(window.to, last) - window.from;
  const isSimulated = options.simulatesAny || length <= MOST_SIMULATED;
  const figures = [
    { analysis: countsAnalysis, parameters: {} },
    {
      analysis: hotAnalysis,
      parameters: hotParameters(LINE_SHIFT, PAGE_SHIFT, TOP, LINE_LIMIT),
    },
  ] as const;
  const passOptions = {
    ...{ workers, signal, onProgress, selection, lookAheadBytes: LOOK_AHEAD_BYTES },
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
      cache?.levels.map(({ name, accesses, misses, sizeBytes, ways }) => ({
        ...{ level: name, accesses, misses, sizeBytes, ways },
      })) ?? null,
    command: windowCommand(subject, 'hot', window),
  };
}

/** Throws 'missing-capability' for physical addresses that the trace does not have. */
function selectionOf(
  subject: SummarySubject,
  { stream, from, to, addresses }: TraceWindow,
): Selection {
  if (addresses?.space === 'physical') {
    const { status, why } = subject.trace.capabilities.paddr;
    if (status === 'no')
      throw new TraceError('missing-capability', `no physical addresses: ${why}`);
  }
  return {
    ordinals: { begin: from, end: to },
    vcpu: onlyVcpuOf(subject, stream),
    ...(addresses === undefined
      ? {}
      : { [addresses.space === 'virtual' ? 'addresses' : 'physical']: spanOf(addresses) }),
  };
}

function spanOf({ low, high }: AddressRange): AddressSpan {
  const begin = u64FromBigint(low);
  const last = u64FromBigint(high - 1n);
  return { beginLo: begin.lo, beginHi: begin.hi, lastLo: last.lo, lastHi: last.hi };
}
