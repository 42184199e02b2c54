// SPDX-License-Identifier: Apache-2.0
// The words of a question, narrowed: whole numbers within bounds, addresses, names. What is not understood is
// refused, and so is a parameter that nobody asked for: a misspelled one would otherwise be taken for one left out.

import type { Space, WindowQuery } from './protocol.ts';

import { Refusal } from './refusal.ts';

export interface Bounds {
  readonly least: number;
  readonly most: number;
  /** When it is left out; without it, it must be there. */
  readonly otherwise?: number;
}

export interface Parameters {
  whole(name: string, bounds: Bounds): number;
  /** Any finite number within the bounds. */
  number(name: string, bounds: Bounds): number;
  oneOf<T extends string>(name: string, names: readonly T[]): T;
  text(name: string, mostLength: number): string;
  /** Undefined when it is left out. */
  findAddress(name: string): bigint | undefined;
  has(name: string): boolean;
  /** Throws for parameters that nobody has asked for. */
  finish(): void;
}

/** Of an access in its stream. */
export const ORDINAL: Bounds = { least: 0, most: Number.MAX_SAFE_INTEGER };
export const SPACES: readonly Space[] = ['virtual', 'physical'];
const ADDRESS_LIMIT = 2n ** 64n;
const MOST_STREAMS = 4096;

export function parametersOf(query: URLSearchParams): Parameters {
  const asked = new Set<string>();
  const find = (name: string): string | undefined => {
    asked.add(name);
    const values = query.getAll(name);
    if (values.length > 1) throw refused(name, 'once', `${values.length} times`);
    return values[0];
  };
  const require = (name: string): string => {
    const text = find(name);
    if (text === undefined) throw new Refusal('bad-request', `${name} is missing`);
    return text;
  };
  const number = (name: string, bounds: Bounds, pattern: RegExp, kind: string): number => {
    const text = bounds.otherwise === undefined ? require(name) : find(name);
    if (text === undefined) return bounds.otherwise ?? 0;
    const value = Number(text);
    if (!pattern.test(text) || !(value >= bounds.least && value <= bounds.most)) {
      throw refused(name, `a ${kind} from ${bounds.least} to ${bounds.most}`, text);
    }
    return value;
  };
  return {
    whole: (name, bounds) => number(name, bounds, /^\d{1,16}$/, 'whole number'),
    number: (name, bounds) =>
      number(name, bounds, /^-?\d{1,16}(?:\.\d{1,20})?(?:e-?\d{1,2})?$/, 'number'),
    oneOf(name, names) {
      const text = require(name);
      const found = names.find((one) => one === text);
      if (found === undefined) throw refused(name, names.join(' or '), text);
      return found;
    },
    text(name, mostLength) {
      const text = require(name);
      if (text.length > mostLength) {
        throw refused(name, `at most ${mostLength} characters`, `${text.length}`);
      }
      return text;
    },
    findAddress(name) {
      const text = find(name);
      if (text === undefined) return undefined;
      const isAddress = /^(?:\d{1,20}|0x[0-9a-f]{1,17})$/i.test(text);
      const value = isAddress ? BigInt(text) : ADDRESS_LIMIT + 1n;
      if (value > ADDRESS_LIMIT) throw refused(name, 'an address: 0xffffffff81000000', text);
      return value;
    },
    has: (name) => query.has(name),
    finish() {
      const unknown = [...query.keys()].find((name) => !asked.has(name));
      if (unknown !== undefined) {
        throw refused('the parameters', [...asked].join(', ') || 'none', unknown);
      }
    },
  };
}

const SHOWN_LENGTH = 60;

function refused(what: string, expected: string, found: string): Refusal {
  const shown = found.length > SHOWN_LENGTH ? `${found.slice(0, SHOWN_LENGTH)}...` : found;
  return new Refusal(
    'bad-request',
    `${what}: expected ${expected}, found ${JSON.stringify(shown)}`,
  );
}

/** A WindowQuery as it is asked of a trace. */
export interface TraceWindow {
  readonly stream: number;
  readonly from: number;
  readonly to: number;
  /** Half open; undefined: all addresses. */
  readonly addresses: AddressRange | undefined;
}

export interface AddressRange {
  readonly space: Space;
  readonly low: bigint;
  readonly high: bigint;
}

export function streamFrom(parameters: Parameters): number {
  return parameters.whole('stream', { least: 0, most: MOST_STREAMS, otherwise: 0 });
}

export function timeFrom(parameters: Parameters): { readonly from: number; readonly to: number } {
  const bounds = { least: 0, most: Number.MAX_SAFE_INTEGER };
  const from = parameters.whole('from', bounds);
  const to = parameters.whole('to', bounds);
  if (from >= to) throw refused('to', `more than from, ${from}`, String(to));
  return { from, to };
}

export function windowFrom(parameters: Parameters): TraceWindow {
  const low = parameters.findAddress('lowAddress' satisfies keyof WindowQuery);
  const high = parameters.findAddress('highAddress' satisfies keyof WindowQuery);
  const hasSpace = parameters.has('space') || low !== undefined || high !== undefined;
  const space = hasSpace ? parameters.oneOf('space', SPACES) : 'virtual';
  const time = { stream: streamFrom(parameters), ...timeFrom(parameters) };
  if (low === undefined && high === undefined) return { ...time, addresses: undefined };
  if (low === undefined || high === undefined || low >= high) {
    throw new Refusal(
      'bad-request',
      'lowAddress and highAddress: both or neither, and in this order',
    );
  }
  return { ...time, addresses: { space, low, high } };
}
