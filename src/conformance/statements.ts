// SPDX-License-Identifier: Apache-2.0
// One statement of the language in which guests say what they access: docs/conformance.md.

import type { SourceLine } from '../guests/index.ts';
import { type HoleName, isHoleName, isRuleName, RULES, type RuleName } from './explanations.ts';
import { sourceError } from './source-error.ts';
import { findCall, parseWords, type Word } from './words.ts';

/** An exception, an interrupt, INT n and its kin; the others lead through no table. */
export type EventBy =
  | 'exception'
  | 'interrupt'
  | 'software'
  | 'smm-enter'
  | 'smm-leave'
  | 'reset'
  | 'restored'
  | 'guest-exit';

export type Statement =
  | InstructionStatement
  | {
      readonly kind: 'event';
      readonly line: SourceLine;
      readonly vector: string;
      readonly by: EventBy;
      readonly error: string | undefined;
      readonly cr2: string | undefined;
      /** Undefined: the event says no place. */
      readonly at: string | undefined;
      readonly words: Word[];
      readonly hole: HoleUse | undefined;
    }
  | { readonly kind: 'silent'; readonly line: SourceLine; readonly count: string }
  | {
      readonly kind: 'repeat';
      readonly line: SourceLine;
      readonly count: string;
      readonly variable: string;
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: 'run';
      readonly line: SourceLine;
      readonly name: string;
      readonly args: readonly string[];
    }
  | {
      readonly kind: 'cpl' | 'cr3' | 'code';
      readonly line: SourceLine;
      readonly value: string;
    }
  | {
      readonly kind: 'when';
      readonly line: SourceLine;
      readonly rule: RuleUse;
      /** Whether the statement stands when the rule applies, or when it does not. */
      readonly applies: boolean;
      readonly statement: Statement;
    };

export interface InstructionStatement {
  readonly kind: 'instruction';
  readonly line: SourceLine;
  /** A symbol, or a sum with one. */
  readonly at: string;
  /** It did not complete. */
  readonly attempt: boolean;
  readonly accesses: AccessList;
  /** What QEMU does instead; of those whose rules apply the first. */
  readonly deviations: readonly Deviation[];
  readonly hole: HoleUse | undefined;
  /** Its accesses behind those that the hole is for. */
  readonly shown: AccessList;
}

export interface Deviation {
  readonly rule: RuleUse;
  readonly accesses: AccessList;
}

export interface AccessList {
  readonly words: Word[];
  /** The manual does not say in what order. */
  readonly unordered: boolean;
}

export interface RuleUse {
  readonly name: RuleName;
  /** Narrower than the rule's own; '' is that. */
  readonly range: string;
}

export interface HoleUse {
  readonly name: HoleName;
  readonly range: string;
  /** Of an event: the event itself is in the trace. */
  readonly accessesOnly: boolean;
}

/** The parts of a line: code, what follows `;=`, each `;~`, and `;!`; undefined when it is not there. */
export interface LineParts {
  readonly code: string;
  readonly says: string | undefined;
  readonly rules: readonly string[];
  readonly hole: string | undefined;
}

export function splitLine(line: SourceLine): LineParts {
  let says: string | undefined;
  const rules: string[] = [];
  let hole: string | undefined;
  const [, code = '', comment = ''] = /^((?:"[^"]*"|'[^']*'|[^;"'])*)(;.*)?$/.exec(line.text) ?? [];
  for (const segment of comment.split(';').slice(1)) {
    const text = segment.slice(1).trim();
    if (segment.startsWith('=')) says = text;
    else if (segment.startsWith('~')) rules.push(text);
    else if (segment.startsWith('!')) hole = text;
    else break; // prose, to the end of the line
  }
  return { code: code.trim(), says, rules, hole };
}

/** The instruction in a line of code. Undefined when no instruction is in it. */
export function parseCodeLine(line: SourceLine, parts: LineParts): Statement | undefined {
  const { says = '' } = parts;
  if (line.label === undefined) return undefined;
  if (says.startsWith('-')) return { kind: 'silent', line, count: countOf(says) };
  const attempt = says.startsWith('?');
  return {
    kind: 'instruction',
    line,
    at: line.label,
    attempt,
    accesses: parseAccesses(attempt ? says.slice(1) : says, line),
    deviations: parts.rules.map((rule) => parseDeviation(rule, line)),
    hole: parseHole(parts.hole, line),
    shown: { words: [], unordered: false },
  };
}

/** A statement in a line without code; `repeat` comes without its body. */
export function parseStatement(line: SourceLine, parts: LineParts): Statement {
  const { says, rules, hole } = parts;
  if (says === undefined) return parseWhen(rules[0] ?? '', line);
  const [first = '', second = ''] = says.split(/\s+/);
  const rest = says.slice(first.length).trim();
  if (first === '-') return { kind: 'silent', line, count: countOf(says) };
  if (first === 'run') {
    const call = findCall(rest) ?? { name: second, args: [] };
    return { kind: 'run', line, ...call };
  }
  if (first === 'cpl' || first === 'cr3' || first === 'code') {
    return { kind: first, line, value: rest };
  }
  if (first === 'repeat') {
    const [, count = '', variable = 'i'] = /^(\S+)(?: as (\w+))?$/.exec(rest) ?? [];
    if (count === '') throw sourceError(line, 'not "repeat COUNT [as NAME]"');
    return { kind: 'repeat', line, count, variable, body: [] };
  }
  if (first === 'event') return parseEvent(rest, hole, line);
  const attempt = first === '?';
  const [at = '', ...words] = (attempt ? rest : says).split(/\s+/);
  return {
    kind: 'instruction',
    line,
    at,
    attempt,
    accesses: parseAccesses(words.join(' '), line),
    deviations: rules.map((rule) => parseDeviation(rule, line)),
    hole: parseHole(hole, line),
    shown: { words: [], unordered: false },
  };
}

const EVENT =
  /^(\S+)( software| interrupt| guest-exit)?(?: error (\S+))?(?: cr2 (\S+))? at ([^\s:]+)(?:: *(.*))?$/;

const CAUSES: Readonly<Record<string, EventBy>> = {
  ' software': 'software',
  ' interrupt': 'interrupt',
  ' guest-exit': 'guest-exit',
};

const OTHER_EVENT = /^(smm-enter|smm-leave)(?:: *(.*))?$/;

function parseEvent(text: string, hole: string | undefined, line: SourceLine): Statement {
  const other = OTHER_EVENT.exec(text);
  if (other !== null) {
    return {
      ...{ kind: 'event', line, vector: '0', error: undefined, cr2: undefined, at: undefined },
      by: other[1] === 'smm-enter' ? 'smm-enter' : 'smm-leave',
      words: parseAccesses(other[2] ?? '', line).words,
      hole: parseHole(hole, line),
    };
  }
  const [, vector, by = '', error, cr2, at, words = ''] = EVENT.exec(text) ?? [];
  if (vector === undefined || at === undefined) {
    throw sourceError(
      line,
      'not "event VECTOR [software|interrupt|guest-exit] [error N] [cr2 ADDRESS] at PLACE: ...", "event smm-enter: ..." or "event smm-leave: ..."',
    );
  }
  return {
    kind: 'event',
    line,
    vector,
    by: CAUSES[by] ?? 'exception',
    error,
    cr2,
    at,
    words: parseAccesses(words, line).words,
    hole: parseHole(hole, line),
  };
}

function countOf(text: string): string {
  return text.slice(1).trim() === '' ? '1' : text.slice(1).trim();
}

export function parseAccesses(text: string, line: SourceLine): AccessList {
  const trimmed = text.trim();
  const unordered = /^unordered\b/.test(trimmed);
  try {
    return { unordered, words: parseWords(unordered ? trimmed.slice(9) : trimmed) };
  } catch (error) {
    throw sourceError(line, error instanceof Error ? error.message : String(error));
  }
}

const RULE = /^(not )?([\w-]+)(?: \[([^\]]*)\])?:\s*(.*)$/;

function parseRuleUse(
  text: string,
  line: SourceLine,
): { use: RuleUse; isNegated: boolean; rest: string } {
  const [, negation, name = '', range = '', rest = ''] = RULE.exec(text) ?? [];
  if (!isRuleName(name)) throw sourceError(line, `"${name}" is no rule`);
  return { use: { name, range }, isNegated: negation !== undefined, rest };
}

function parseDeviation(text: string, line: SourceLine): Deviation {
  const { use, rest } = parseRuleUse(text, line);
  if (!['more', 'less', 'order'].includes(RULES[use.name].allows)) {
    throw sourceError(line, `rule ${use.name} is for statements of their own`);
  }
  return { rule: use, accesses: parseAccesses(rest, line) };
}

function parseHole(text: string | undefined, line: SourceLine): HoleUse | undefined {
  if (text === undefined) return undefined;
  const [, accesses, name = '', range = ''] =
    /^(accesses )?([\w-]+)(?: \[([^\]]*)\])?$/.exec(text) ?? [];
  if (!isHoleName(name)) throw sourceError(line, `"${name}" is no hole`);
  return { name, range, accessesOnly: accesses !== undefined };
}

/** "RULE: STATEMENT" or "not RULE: STATEMENT" */
function parseWhen(text: string, line: SourceLine): Statement {
  const { use, isNegated, rest } = parseRuleUse(text, line);
  const { allows } = RULES[use.name];
  const parts = { code: '', says: rest, rules: [], hole: undefined };
  const statement = parseStatement(line, parts);
  const isAttempt = statement.kind === 'instruction' && statement.attempt && !isNegated;
  if (allows !== 'steps' && !(allows === 'attempt' && isAttempt)) {
    throw sourceError(line, `rule ${use.name} does not allow this statement`);
  }
  return { kind: 'when', line, rule: use, applies: !isNegated, statement };
}
