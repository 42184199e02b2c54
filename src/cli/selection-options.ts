// SPDX-License-Identifier: Apache-2.0
// The options that choose a part of a trace, shared by all analyses: words to a Selection.

import type { AddressSpan, Selection, Span, TraceShape } from '../analysis/index.ts';
import {
  bigintFromU64,
  formatCount,
  parseCount,
  parseSize,
  TraceError,
  u64FromBigint,
} from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import { type CodeNames, quoteWord } from '../query/index.ts';
import type { GuestSymbols } from '../symbols/index.ts';
import { addressSpaceFrom } from './address-space-option.ts';
import { selectFunctions, withoutIdle } from './code-selection.ts';
import {
  type CliContext,
  type CommandInput,
  findCount,
  findText,
  type OptionSpec,
} from './command-spec.ts';
import { requireAddress, requireCapability } from './trace-options.ts';
import { lastIcount } from './window-options.ts';

export const FROM_OPTION: OptionSpec = {
  flags: '--from <N>',
  description: 'from this ordinal on, or from this instruction: icount:N',
};

/** What is chosen beside a stretch of time. */
export const CHOICE_OPTIONS: readonly OptionSpec[] = [
  { flags: '--vcpu <N>', description: 'accesses of this vCPU only' },
  { flags: '--cpl <N>', description: 'made at this privilege: 0 (kernel) to 3 (user)' },
  {
    flags: '--address-space <SPACE>',
    description: 'made in this one: its number in "loadstore address-spaces", or a CR3: 0x3c15000',
  },
  {
    flags: '--address <RANGE>',
    description: 'that touch this range: 0x1000-0x2000 (half open) or 0x1000+4K',
  },
  {
    flags: '--physical-address <RANGE>',
    description: 'that touch this range of guest-physical memory; written like --address',
  },
  {
    flags: '--function <GLOB>',
    description: 'made by functions with this name, * and ? allowed; needs symbols',
  },
  { flags: '--no-idle', description: "without what the guest's idle loop does" },
];

/** Of the analyses. */
export const SELECTION_OPTIONS: readonly OptionSpec[] = [
  FROM_OPTION,
  { flags: '--to <N>', description: 'up to this ordinal, or icount:N; half open' },
  ...CHOICE_OPTIONS,
];

export const COUNT_OPTION: OptionSpec = {
  flags: '--count <N>',
  description: 'that many ordinals from there; default: all',
};

/** What a selection was, in the words of the command line, for results. */
export type SelectionWords = Readonly<Record<string, string>>;

const OPTION_NAMES = [
  ...(['from', 'to', 'vcpu', 'cpl', 'addressSpace'] as const),
  ...(['address', 'physicalAddress', 'function'] as const),
];

export function selectionWords(input: CommandInput): SelectionWords {
  const words: Record<string, string> = {};
  for (const name of OPTION_NAMES) {
    const text = findText(input, name);
    if (text !== undefined) words[name] = text;
  }
  if (isIdleLeftOut(input)) words['idle'] = 'left out';
  return words;
}

/** The options of all commands that choose, in the order of their manuals. */
const FLAGS = {
  ...{
    from: '--from',
    to: '--to',
    until: '--until',
    count: '--count',
    vcpu: '--vcpu',
    cpl: '--cpl',
  },
  ...{ addressSpace: '--address-space', address: '--address' },
  ...{ physicalAddress: '--physical-address', function: '--function' },
} as const;

/** A failure for want of anything chosen tells what chose; any other is given back. `end` as of a SelectionSubject. */
export function withChoice(
  error: unknown,
  input: CommandInput,
  end: SelectionSubject['end'],
): unknown {
  if (!(error instanceof TraceError) || error.kind !== 'empty-selection') return error;
  const words = Object.entries(FLAGS).flatMap(([name, flag]) => {
    const text = name === 'to' && end === 'until' ? undefined : findText(input, name);
    return text === undefined ? [] : [`${flag} ${quoteWord(text)}`];
  });
  if (isIdleLeftOut(input)) words.push('--no-idle');
  if (words.length === 0) return error;
  const found = [`none with ${words.join(' ')}`, error.facts.found ?? []].flat().join('; ');
  return new TraceError(error.kind, error.message, { ...error.facts, found });
}

/** What the words of the command line are about. */
export interface SelectionSubject {
  readonly trace: Trace;
  readonly shape: TraceShape;
  readonly symbols: GuestSymbols;
  readonly names: CodeNames;
  /** The option that says where a stretch ends, where --to means something else. */
  readonly end?: 'to' | 'until';
}

/**
 * Throws TraceError 'bad-argument', 'empty-selection' for a begin behind the end, and 'missing-capability' for what the trace cannot tell. May read the trace, to
 * find out which address spaces there are.
 */
export async function selectionFrom(
  input: CommandInput,
  context: CliContext,
  { trace, shape, symbols, names, end = 'to' }: SelectionSubject,
): Promise<Selection> {
  const from = placeFrom(input, trace, 'from');
  const to = endFrom(input, trace, from, end);
  const vcpu = vcpuFrom(input, trace);
  requireWithin(trace, from, vcpu);
  const pattern = findText(input, 'function');
  const code = pattern === undefined ? undefined : selectFunctions(shape, names, pattern);
  const space = await addressSpaceFrom(input, context, trace, symbols);
  const ordinals = spanOf('ordinal', from, to, end);
  return {
    ordinals: space?.ordinals === undefined ? ordinals : overlapOf(ordinals, space.ordinals),
    icounts: spanOf('icount', from, to, end),
    vcpu,
    cpl: cplFrom(input, trace),
    addressSpace: space?.addressSpace,
    addresses: addressesFrom(input, 'address', '--address'),
    physical: physicalFrom(input, trace),
    code: isIdleLeftOut(input) ? withoutIdle(shape, names, code) : code,
  };
}

function overlapOf(one: Span | undefined, { begin, end }: Span): Span {
  const span = { begin: Math.max(begin, one?.begin ?? 0), end: Math.min(end, one?.end ?? end) };
  if (span.begin < span.end) return span;
  throw new TraceError('bad-argument', '--address-space is not in use from --from to its end', {
    expected: `ordinals from ${begin} to ${end}`,
    found: `from ${one?.begin ?? 0}`,
    remedy: 'begin and end within those, or neither',
  });
}

/** Commander turns --no-idle into "idle", which is on unless given. */
function isIdleLeftOut(input: CommandInput): boolean {
  return input.options.get('idle') === false;
}

interface Place {
  readonly unit: 'ordinal' | 'icount';
  readonly at: number;
}

function placeFrom(
  input: CommandInput,
  trace: Trace,
  name: 'from' | 'to' | 'until',
): Place | undefined {
  const text = findText(input, name);
  if (text === undefined) return undefined;
  const isIcount = text.startsWith('icount:');
  if (isIcount) {
    requireCapability(trace, 'icount', `--${name} ${text}`, `choose by ordinals: --${name} N`);
  }
  const at = parseCount(isIcount ? text.slice('icount:'.length) : text, `--${name}`);
  return { unit: isIcount ? 'icount' : 'ordinal', at };
}

/** A part that begins behind the end is none: the option that is wrong is known. */
function requireWithin(trace: Trace, from: Place | undefined, vcpu: number | undefined): void {
  if (from === undefined) return;
  const isIcount = from.unit === 'icount';
  // Ordinals end one before their number; what delivers an interrupt has the icount behind the last instruction.
  const last = isIcount
    ? lastIcount(trace, vcpu)
    : trace.chunks.reduce((most, one) => Math.max(most, one.firstOrdinal + one.accessCount - 1), 0);
  if (from.at <= last) return;
  throw new TraceError(
    'empty-selection',
    `--from is behind the last ${isIcount ? 'instruction' : 'access'}`,
    {
      expected: `at most ${formatCount(last)}`,
      found: formatCount(from.at),
      remedy: 'an earlier --from, or none',
    },
  );
}

/** --to; or --until, or --count behind --from. */
function endFrom(
  input: CommandInput,
  trace: Trace,
  from: Place | undefined,
  name: 'to' | 'until',
): Place | undefined {
  const to = placeFrom(input, trace, name);
  const count = name === 'until' ? findCount(input, 'count', '--count') : undefined;
  if (count === undefined) return to;
  if (to !== undefined || from?.unit === 'icount') {
    throw new TraceError('bad-argument', `--count counts from an ordinal, and not with --${name}`, {
      remedy: `say where it ends: --${name} N, or --${name} icount:N`,
    });
  }
  if (count === 0) {
    throw new TraceError('bad-argument', '--count selects nothing', {
      expected: 'at least 1',
      found: '0',
      remedy: 'a larger --count, or none for all',
    });
  }
  return { unit: 'ordinal', at: (from?.at ?? 0) + count };
}

function spanOf(
  unit: Place['unit'],
  from: Place | undefined,
  to: Place | undefined,
  endName: 'to' | 'until',
): Span | undefined {
  const begin = from?.unit === unit ? from.at : undefined;
  const end = to?.unit === unit ? to.at : undefined;
  if (begin === undefined && end === undefined) return undefined;
  const span = { begin: begin ?? 0, end: end ?? Number.POSITIVE_INFINITY };
  if (span.begin < span.end) return span;
  throw new TraceError('bad-argument', `--from is not before --${endName}`, {
    expected: `less than ${span.end}`,
    found: String(span.begin),
    remedy: `a later --${endName}, which is not in the part itself, or an earlier --from`,
  });
}

function vcpuFrom(input: CommandInput, trace: Trace): number | undefined {
  const text = findText(input, 'vcpu');
  if (text === undefined) return undefined;
  const vcpu = parseCount(text, '--vcpu');
  // The reader knows which there are, and says so.
  try {
    trace.accesses({ columns: [], vcpu });
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw error.withFacts({
      remedy: 'one of those, or no --vcpu for all; "loadstore counts FILE" shows what each did',
    });
  }
  return vcpu;
}

function cplFrom(input: CommandInput, trace: Trace): number | undefined {
  const text = findText(input, 'cpl');
  if (text === undefined) return undefined;
  if (!/^[0-3]$/.test(text)) {
    throw new TraceError('bad-argument', '--cpl is no privilege level', {
      expected: '0 to 3',
      found: text,
      remedy: '--cpl 0 for the kernel, --cpl 3 for user code',
    });
  }
  requireCapability(trace, 'cpl', '--cpl');
  return Number(text);
}

function physicalFrom(input: CommandInput, trace: Trace): AddressSpan | undefined {
  const flag = '--physical-address';
  const span = addressesFrom(input, 'physicalAddress', flag);
  if (span !== undefined) requireCapability(trace, 'paddr', flag);
  return span;
}

function addressesFrom(input: CommandInput, name: string, flag: string): AddressSpan | undefined {
  const text = findText(input, name);
  return text === undefined ? undefined : parseAddressRange(text, flag);
}

/** "0x1000-0x2000", half open, or "0x1000+4K". */
function parseAddressRange(text: string, what: string): AddressSpan {
  const match = /^(?<begin>[^-+]+)(?<sign>[-+])(?<rest>.+)$/.exec(text.trim());
  if (match === null) {
    throw new TraceError('bad-argument', `${what} is not a range of addresses`, {
      expected: '0x1000-0x2000 or 0x1000+4K',
      found: text,
      remedy: `begin and end, ${what} 0x1000-0x2000, or begin and length: ${what} 0x1000+4K`,
    });
  }
  const [, beginText = '', sign = '', rest = ''] = match;
  const begin = requireAddress(beginText, what);
  const first = bigintFromU64(begin.lo, begin.hi);
  const endAt = (): bigint => {
    if (sign === '+') return first + BigInt(parseSize(rest, what));
    const { lo, hi } = requireAddress(rest, what);
    return bigintFromU64(lo, hi);
  };
  const end = endAt();
  if (end <= first || end > 2n ** 64n) {
    throw new TraceError('bad-argument', `${what} holds no address`, {
      expected: 'an end behind the begin, at most 2^64',
      found: text,
      remedy: `of one byte at that address: ${what} ${beginText.trim()}+1`,
    });
  }
  const last = u64FromBigint(end - 1n);
  return { beginLo: begin.lo, beginHi: begin.hi, lastLo: last.lo, lastHi: last.hi };
}
