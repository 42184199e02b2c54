// SPDX-License-Identifier: Apache-2.0
// The options that choose a part of a trace, shared by all analyses: words to a Selection.

import type { AddressSpan, Selection, Span, TraceShape } from '../analysis/index.ts';
import { parseCount, parseHex64, parseSize, TraceError, u64FromBigint } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import type { CodeNames } from '../query/index.ts';
import { selectFunctions, withoutIdle } from './code-selection.ts';
import { type CommandInput, findText, type OptionSpec } from './command-spec.ts';

export const SELECTION_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--from <N>',
    description: 'from this ordinal on, or from this instruction: icount:N',
  },
  { flags: '--to <N>', description: 'up to this ordinal, or icount:N; half open' },
  { flags: '--vcpu <N>', description: 'accesses of this vCPU only' },
  { flags: '--cpl <N>', description: 'made at this privilege: 0 (kernel) to 3 (user)' },
  { flags: '--address-space <CR3>', description: 'made with this CR3, in hexadecimal' },
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

/** Throws TraceError 'bad-argument', and 'missing-capability' for what the trace cannot tell. */
export function selectionFrom(
  input: CommandInput,
  trace: Trace,
  shape: TraceShape,
  names: CodeNames,
): Selection {
  const from = placeFrom(input, 'from');
  const to = placeFrom(input, 'to');
  const pattern = findText(input, 'function');
  const code = pattern === undefined ? undefined : selectFunctions(shape, names, pattern);
  return {
    ordinals: spanOf('ordinal', from, to),
    icounts: spanOf('icount', from, to),
    vcpu: vcpuFrom(input, trace),
    cpl: cplFrom(input, trace),
    addressSpace: addressSpaceFrom(input, trace),
    addresses: addressesFrom(input, 'address', '--address'),
    physical: physicalFrom(input, trace),
    code: isIdleLeftOut(input) ? withoutIdle(shape, names, code) : code,
  };
}

/** Commander turns --no-idle into "idle", which is on unless given. */
function isIdleLeftOut(input: CommandInput): boolean {
  return input.options.get('idle') === false;
}

interface Place {
  readonly unit: 'ordinal' | 'icount';
  readonly at: number;
}

function placeFrom(input: CommandInput, name: 'from' | 'to'): Place | undefined {
  const text = findText(input, name);
  if (text === undefined) return undefined;
  const isIcount = text.startsWith('icount:');
  const at = parseCount(isIcount ? text.slice('icount:'.length) : text, `--${name}`);
  return { unit: isIcount ? 'icount' : 'ordinal', at };
}

function spanOf(
  unit: Place['unit'],
  from: Place | undefined,
  to: Place | undefined,
): Span | undefined {
  const begin = from?.unit === unit ? from.at : undefined;
  const end = to?.unit === unit ? to.at : undefined;
  if (begin === undefined && end === undefined) return undefined;
  const span = { begin: begin ?? 0, end: end ?? Number.POSITIVE_INFINITY };
  if (span.begin < span.end) return span;
  throw new TraceError('bad-argument', '--from is not before --to', {
    expected: `less than ${span.end}`,
    found: String(span.begin),
  });
}

function vcpuFrom(input: CommandInput, trace: Trace): number | undefined {
  const text = findText(input, 'vcpu');
  if (text === undefined) return undefined;
  const vcpu = parseCount(text, '--vcpu');
  // The reader knows which there are, and says so.
  trace.accesses({ columns: [], vcpu });
  return vcpu;
}

function cplFrom(input: CommandInput, trace: Trace): number | undefined {
  const text = findText(input, 'cpl');
  if (text === undefined) return undefined;
  const cpl = parseCount(text, '--cpl');
  if (cpl > 3) {
    throw new TraceError('bad-argument', '--cpl is no privilege level', {
      expected: '0 to 3',
      found: text,
    });
  }
  requireCapability(trace, 'cpl', '--cpl');
  return cpl;
}

function addressSpaceFrom(input: CommandInput, trace: Trace): Selection['addressSpace'] {
  const text = findText(input, 'addressSpace');
  if (text === undefined) return undefined;
  requireCapability(trace, 'address-space', '--address-space');
  return requireAddress(text, '--address-space');
}

function requireCapability(
  trace: Trace,
  name: 'cpl' | 'address-space' | 'paddr',
  flag: string,
): void {
  const { status, why } = trace.capabilities[name];
  if (status !== 'no') return;
  throw new TraceError('missing-capability', `${flag}: the trace has no ${name}: ${why}`, {
    file: trace.path,
  });
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
    });
  }
  const [, beginText = '', sign = '', rest = ''] = match;
  const begin = requireAddress(beginText, what);
  const first = join(begin);
  const end =
    sign === '+' ? first + BigInt(parseSize(rest, what)) : join(requireAddress(rest, what));
  if (end <= first || end > 2n ** 64n) {
    throw new TraceError('bad-argument', `${what} holds no address`, {
      expected: 'an end behind the begin, at most 2^64',
      found: text,
    });
  }
  const last = u64FromBigint(end - 1n);
  return { beginLo: begin.lo, beginHi: begin.hi, lastLo: last.lo, lastHi: last.hi };
}

function join({ lo, hi }: { readonly lo: number; readonly hi: number }): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo);
}

function requireAddress(text: string, what: string): { readonly lo: number; readonly hi: number } {
  const address = parseHex64(text.trim());
  if (address !== undefined) return address;
  throw new TraceError('bad-argument', `${what} is not an address`, {
    expected: 'a hexadecimal number: 0xffffffff81000000',
    found: text,
  });
}
