// SPDX-License-Identifier: Apache-2.0
// How an analysis divides time: windows of so many instructions over the part of the trace that was chosen.

import { type Selection, type Span, type TimeWindows, windowsOver } from '../analysis/index.ts';
import { formatCount, TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import { type CommandInput, findCount, type OptionSpec } from './command-spec.ts';
import { icountsOfOrdinals } from './part-icounts.ts';

export const WINDOW_OPTION: OptionSpec = {
  flags: '--window <N>',
  description: 'instructions in a window; default: a 64th of what is looked at',
};

const DEFAULT_WINDOWS = 64;
const MAX_WINDOWS = 4096;

/** A 64th of the trace each. */
export function windowsOfTrace(trace: Trace): TimeWindows {
  return evenWindows({ begin: 0, end: lastIcount(trace, undefined) });
}

function evenWindows({ begin, end }: Span): TimeWindows {
  return windowsOver(begin, end, Math.max(1, Math.ceil((end - begin) / DEFAULT_WINDOWS)));
}

/**
 * Throws TraceError 'bad-argument' for windows that would be too many. May read the trace, where a part by ordinals begins
 * and ends.
 */
export async function windowsFrom(
  input: CommandInput,
  trace: Trace,
  selection: Selection,
): Promise<TimeWindows> {
  const instructions = findCount(input, 'window', '--window');
  const span = await icountsOf(trace, selection);
  if (instructions === undefined) return evenWindows(span);
  const { begin, end } = span;
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

/** Instructions over which the chosen accesses spread, of any vCPU; one where there are none. */
async function icountsOf(trace: Trace, { icounts, ordinals, vcpu }: Selection): Promise<Span> {
  const none = { begin: 0, end: 1 };
  let { begin, end } =
    ordinals === undefined
      ? { begin: 0, end: lastIcount(trace, vcpu) }
      : ((await icountsOfOrdinals(trace, ordinals, vcpu)) ?? none);
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
