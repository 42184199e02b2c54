// SPDX-License-Identifier: Apache-2.0
// The words in which accesses are written, and the expressions in them: docs/conformance.md.

import { requireDefined } from '../base/index.ts';

export type Word =
  | AccessWord
  | { readonly kind: 'repeat'; readonly count: string; readonly words: readonly Word[] }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly string[] };

export interface AccessWord {
  readonly kind: 'access';
  readonly store: boolean;
  readonly size: number;
  readonly where: string;
  /** Physical addresses of the first and the second page; undefined: as `where`, the frames in a row. */
  readonly frame: string | undefined;
  readonly secondFrame: string | undefined;
  readonly origin: 'instruction' | 'pageWalk';
  readonly device: boolean;
  readonly aborted: boolean;
}

/** Of the number of an element in `N{...}`. */
export const ELEMENT = 'i';

const ACCESS =
  /^(walk:)?([rw])(\d+):([^@!]+)(?:@([^,!]+)(?:,([^!]+))?)?((?:!(?:device|aborted))*)$/;

/** Throws Error for what is not words. */
export function parseWords(text: string): Word[] {
  return splitOutside(text, ' ').map(parseWord);
}

function parseWord(text: string): Word {
  const repeat = /^([\w.+*-]+)\{(.*)\}$/.exec(text);
  if (repeat !== null) {
    const [, count = '', inner = ''] = repeat;
    return { kind: 'repeat', count, words: parseWords(inner) };
  }
  const call = findCall(text);
  if (call !== undefined) return { kind: 'call', ...call };
  const match = ACCESS.exec(text);
  if (match === null) throw new Error(`"${text}" is no access`);
  const [, walk, direction, size, where = '', frame, secondFrame, marks = ''] = match;
  return {
    kind: 'access',
    store: direction === 'w',
    size: Number(size),
    where,
    frame,
    secondFrame,
    origin: walk === undefined ? 'instruction' : 'pageWalk',
    device: marks.includes('!device'),
    aborted: marks.includes('!aborted'),
  };
}

/** "name(a, b)" */
export function findCall(text: string): { name: string; args: string[] } | undefined {
  const [, name, args] = /^([a-zA-Z_]\w*)\((.*)\)$/.exec(text.trim()) ?? [];
  if (name === undefined || args === undefined) return undefined;
  return { name, args: splitOutside(args, ',') };
}

/** At separators outside of brackets; no empty parts. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  for (const character of text) {
    if (character === '(' || character === '{') depth++;
    if (character === ')' || character === '}') depth--;
    if (character === separator && depth === 0) {
      parts.push(part);
      part = '';
    } else {
      part += character;
    }
  }
  parts.push(part);
  return parts.map((each) => each.trim()).filter((each) => each !== '');
}

export type Lookup = (name: string) => bigint | undefined;

/** Sums of products of numbers and names: "top-8*i+0x10". Throws Error for a name that is none. */
export function evaluate(text: string, lookup: Lookup): bigint {
  let sum = 0n;
  const compact = text.replace(/\s+/g, '');
  for (const [, sign, product = ''] of compact.matchAll(/([+-]?)([^+-]+)/g)) {
    const value = product
      .split('*')
      .map((factor) =>
        /^\d/.test(factor)
          ? BigInt(factor)
          : requireDefined(lookup(factor), `"${factor}" in "${text}" is a symbol`),
      )
      .reduce((left, right) => left * right, 1n);
    sum += sign === '-' ? -value : value;
  }
  return sum;
}
