// SPDX-License-Identifier: Apache-2.0
// How an analysis divides time: windows of so many instructions over the part of the trace that was chosen.

import { type Selection, type TimeWindows, windowsOver } from '../analysis/index.ts';
import { formatCount, TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import { type CommandInput, findCount, type OptionSpec } from './command-spec.ts';

export const WINDOW_OPTION: OptionSpec = {
  flags: '--window <N>',
  description: 'instructions in a window; default: a 64th of what is looked at',
};

const DEFAULT_WINDOWS = 64;
const MAX_WINDOWS = 4096;

/** A 64th of what is looked at each. */
export function defaultWindows(trace: Trace, selection: Selection): TimeWindows {
  const { begin, end } = icountsOf(trace, selection);
  return windowsOver(begin, end, Math.max(1, Math.ceil((end - begin) / DEFAULT_WINDOWS)));
}

/** Throws TraceError 'bad-argument' for windows that would be too many. */
export function windowsFrom(input: CommandInput, trace: Trace, selection: Selection): TimeWindows {
  const instructions = findCount(input, 'window', '--window');
  if (instructions === undefined) return defaultWindows(trace, selection);
  const { begin, end } = icountsOf(trace, selection);
  const least = Math.max(1, Math.ceil((end - begin) / MAX_WINDOWS));
  if (instructions < least) {
    const what = instructions === 0 ? 'is no length' : 'makes too many windows';
    throw new TraceError('bad-argument', `--window ${what}`, {
      expected: `at least ${formatCount(least)} instructions, for at most ${formatCount(MAX_WINDOWS)} windows`,
      found: formatCount(instructions),
      remedy: 'a larger window, or a shorter part with --from and --to',
    });
  }
  return windowsOver(begin, end, instructions);
}

/** Instructions over which the chosen accesses spread, of any vCPU; to the chunk where ordinals were given. */
function icountsOf(trace: Trace, selection: Selection): { begin: number; end: number } {
  const { icounts, ordinals, vcpu } = selection;
  let begin = 0;
  let end = lastIcount(trace, vcpu);
  if (ordinals !== undefined) {
    const states = (which: (typeof trace.chunks)[number] | undefined): number[] =>
      (which?.vcpuStates ?? [])
        .filter((state) => vcpu === undefined || state.vcpu === vcpu)
        .map(({ icount }) => Number(icount));
    const first = trace.chunks.findLast((chunk) => chunk.firstOrdinal <= ordinals.begin);
    const behind = trace.chunks.find((chunk) => chunk.firstOrdinal >= ordinals.end);
    begin = Math.min(end, ...states(first));
    end = Math.max(begin + 1, ...(behind === undefined ? [end] : states(behind)));
    if (states(first).length === 0) begin = 0;
  }
  if (icounts !== undefined) {
    begin = Math.max(begin, Math.min(icounts.begin, end - 1));
    end = Math.min(end, icounts.end);
  }
  return { begin, end: Math.max(begin + 1, end) };
}

/** The most instructions that a vCPU, or this one, made. */
export function lastIcount(trace: Trace, vcpu: number | undefined): number {
  const counts = (trace.totals?.vcpus ?? [])
    .filter((one) => vcpu === undefined || one.vcpu === vcpu)
    .map(({ instructions }) => instructions);
  return Math.max(1, ...(counts.length > 0 ? counts : [trace.summary().instructions]));
}
