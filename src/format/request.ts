// SPDX-License-Identifier: Apache-2.0
// Checks what a caller asks for against what there is: a request that cannot be answered is refused by
// name instead of answered with nothing.

import { TraceError } from '../base/index.ts';
import { MAX_VCPUS } from './layout.ts';

/** Numbers that a request may name, ascending. */
export interface Inventory {
  /** Undefined when the trace does not say which vCPUs there are. */
  readonly vcpus: readonly number[] | undefined;
  readonly streams: readonly number[];
}

/**
 * The vCPUs of the machine at its start and every one that was seen to run. Of a trace that was cut
 * nobody says which ran last: any that the machine can have may be there.
 */
export function takeInventory(
  header: {
    readonly plugin: {
      readonly vcpus: number | undefined;
      readonly maxVcpus: number | undefined;
    };
  },
  totals:
    | {
        readonly vcpus: readonly { readonly vcpu: number }[];
        readonly streams: readonly { readonly stream: number }[];
      }
    | undefined,
  chunks: readonly {
    readonly stream: number;
    readonly vcpu: number;
    readonly vcpuStates: readonly { readonly vcpu: number }[];
  }[],
): Inventory {
  const { vcpus = 0, maxVcpus = 0 } = header.plugin;
  const stated = totals === undefined ? Math.max(vcpus, maxVcpus) : vcpus;
  const ran = [
    ...chunks.flatMap(({ vcpu, vcpuStates }) => [vcpu, ...vcpuStates.map((one) => one.vcpu)]),
    ...(totals?.vcpus.map(({ vcpu }) => vcpu) ?? []),
  ];
  const machine = Array.from({ length: Math.min(stated, MAX_VCPUS) }, (_, vcpu) => vcpu);
  const streams = [...chunks, ...(totals?.streams ?? [])].map(({ stream }) => stream);
  return {
    vcpus: totals === undefined && stated === 0 ? undefined : ascending([...machine, ...ran]),
    streams: ascending([0, ...streams]),
  };
}

function ascending(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** What accesses() and blocks() both take. */
export interface RangeOptions {
  readonly vcpu?: number;
  readonly from?: number;
  readonly to?: number;
  readonly stream?: number;
}

export interface RangePlan {
  readonly vcpu: number | undefined;
  readonly from: number;
  readonly to: number;
  readonly stream: number | undefined;
}

/** Throws 'bad-argument'. A range beyond the end is empty, not wrong. */
export function planRange(options: RangeOptions, { vcpus, streams }: Inventory): RangePlan {
  const from = requireWhole(options.from ?? 0, 'from');
  const to = requireWhole(options.to ?? Number.MAX_SAFE_INTEGER, 'to');
  if (from > to) {
    throw new TraceError('bad-argument', `from ${from} is behind to ${to}`, {
      expected: `from 0 to ${to}`,
      found: String(from),
    });
  }
  return {
    vcpu: options.vcpu === undefined ? undefined : requireOneOf(options.vcpu, 'vCPU', vcpus),
    from,
    to,
    stream:
      options.stream === undefined ? undefined : requireOneOf(options.stream, 'stream', streams),
  };
}

export function requireWhole(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TraceError('bad-argument', `${what} is not a whole number from 0`, {
    found: String(value),
  });
}

function requireOneOf(value: number, what: string, there: readonly number[] | undefined): number {
  requireWhole(value, what);
  if (there?.includes(value) ?? true) return value;
  throw new TraceError('bad-argument', `the trace has no ${what} ${value}`, {
    expected: describeNumbers(there ?? []),
    found: String(value),
  });
}

function describeNumbers(numbers: readonly number[]): string {
  const first = numbers.at(0) ?? 0;
  const isRun = numbers.length > 1 && numbers.every((one, i) => one === first + i);
  return isRun ? `${first} to ${first + numbers.length - 1}` : numbers.join(', ');
}

/** A misspelled option would otherwise be taken for one left out. */
export function requireKnownOptions(options: object, known: object, method: string): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  throw new TraceError('bad-argument', `${method} has no such option`, {
    expected: Object.keys(known).join(', '),
    found: unknown,
  });
}
