// SPDX-License-Identifier: Apache-2.0
// The cases of a guest, from its source.

import type { GuestFile, SourceLine } from '../guests/index.ts';
import { isKind, type Kind } from './kinds.ts';
import { sourceError } from './source-error.ts';
import {
  type LineParts,
  parseAccesses,
  parseCodeLine,
  parseStatement,
  type Statement,
  splitLine,
} from './statements.ts';
import { findCall, type Word } from './words.ts';

export interface GuestCase {
  readonly id: string;
  readonly title: string;
  readonly kind: Kind;
  /** "64-bit", "real", ... */
  readonly mode: string;
  readonly begin: SourceLine;
  readonly end: SourceLine;
  /** `cpl`, `cr3` and `code` statements that stand before the case. */
  readonly before: readonly Statement[];
  readonly body: readonly Statement[];
  /** The NEEDS line that the case depends on. */
  readonly needs: SourceLine | undefined;
}

/** Instructions elsewhere that cases run. */
export interface Sequence {
  readonly params: readonly string[];
  readonly body: readonly Statement[];
}

export interface Definition {
  readonly params: readonly string[];
  readonly words: readonly Word[];
}

export interface GuestSource {
  readonly cases: readonly GuestCase[];
  readonly sequences: ReadonlyMap<string, Sequence>;
  readonly definitions: ReadonlyMap<string, Definition>;
}

const CASE = /\bCASE\s+([\w-]+)\s*,\s*"([^"]*)"\s*,\s*([\w-]+)/;

interface Draft {
  readonly opened: SourceLine;
  readonly close: (body: Statement[], end: SourceLine) => void;
  readonly isSequence: boolean;
}

/** Throws Error that names the line of a mistake. */
export function parseGuest(guest: GuestFile): GuestSource {
  const cases: GuestCase[] = [];
  const sequences = new Map<string, Sequence>();
  const definitions = new Map<string, Definition>();
  let before: Statement[] = [];
  const modeAfter = modesOfMacros(guest.lines);
  let mode = '64-bit';
  let needs: SourceLine | undefined;
  let draft: Draft | undefined;
  /** The body being filled, innermost last. */
  let bodies: Statement[][] = [];
  /** What a `;= +` line continues. */
  let last: { readonly words: Word[] } | undefined;

  const open = (opened: SourceLine, isSequence: boolean, close: Draft['close']): void => {
    if (draft !== undefined) throw sourceError(opened, 'inside another case or sequence');
    draft = { opened, close, isSequence };
    bodies = [[]];
  };
  const shut = (end: SourceLine, isSequence: boolean): void => {
    const [body, ...inner] = bodies;
    if (draft === undefined || body === undefined || draft.isSequence !== isSequence) {
      throw sourceError(end, 'nothing to end');
    }
    if (inner.length > 0) throw sourceError(end, 'a repeat is not ended');
    draft.close(body, end);
    draft = undefined;
  };
  const add = (statement: Statement): void => {
    bodies.at(-1)?.push(statement);
    last = growable(statement);
  };

  const takeStatement = (line: SourceLine, parts: LineParts): void => {
    const { says = '' } = parts;
    const [first = ''] = says.split(/\s+/);
    const rest = says.slice(first.length).trim();
    if (first === '+') {
      if (last === undefined) throw sourceError(line, 'nothing to continue');
      if (parts.hole !== undefined) throw sourceError(line, 'a continuation is never in a hole');
      last.words.push(...parseAccesses(rest, line).words);
    } else if (first === 'define') {
      const [, head = '', text = ''] = /^([^)]*\))\s*(.*)$/.exec(rest) ?? [];
      const call = requireCall(head, line);
      const words = [...parseAccesses(text, line).words];
      definitions.set(call.name, { params: call.args, words });
      last = { words };
    } else if (first === 'sequence') {
      const call = requireCall(rest, line);
      open(line, true, (body) => {
        sequences.set(call.name, { params: call.args, body });
      });
    } else if (first === 'endsequence') {
      shut(line, true);
    } else if (first === 'mode') {
      mode = rest;
    } else if (first === 'endrepeat') {
      if (bodies.length < 2) throw sourceError(line, 'no repeat to end');
      bodies.pop();
    } else {
      const statement = parseStatement(line, parts);
      if (draft === undefined) {
        if (!['cpl', 'cr3', 'code'].includes(statement.kind)) {
          throw sourceError(line, 'outside of a case or a sequence');
        }
        before = [...before.filter(({ kind }) => kind !== statement.kind), statement];
      } else {
        add(statement);
        if (statement.kind === 'repeat') {
          const body: Statement[] = [];
          bodies.at(-1)?.splice(-1, 1, { ...statement, body });
          bodies.push(body);
        }
      }
    }
  };

  for (const line of guest.lines) {
    const parts = splitLine(line);
    const bits = bitsOf(parts.code);
    const hasStatement = parts.says !== undefined || parts.rules.length > 0;
    if (parts.code.startsWith('%')) {
      // Macros are read where their definitions stand, not where they are used.
    } else if (bits !== undefined) {
      mode = bits;
    } else if (modeAfter.has(parts.code)) {
      mode = modeAfter.get(parts.code) ?? mode;
    } else if (/\bENDCASE\b/.test(parts.code)) {
      shut(line, false);
    } else if (/\bCASE\b/.test(parts.code)) {
      const [, id, title, kind = ''] = CASE.exec(parts.code) ?? [];
      if (id === undefined || title === undefined) throw sourceError(line, 'not a CASE');
      if (!isKind(kind)) throw sourceError(line, `"${kind}" is no kind`);
      const context = { before, mode, needs };
      open(line, false, (body, end) => {
        cases.push({ id, title, kind, begin: line, end, body, ...context });
      });
    } else if (/^NEEDS\b/.test(parts.code)) {
      needs = line;
    } else if (/^ENDNEEDS\b/.test(parts.code)) {
      needs = undefined;
    } else if (parts.code === '') {
      if (hasStatement) takeStatement(line, parts);
    } else if (draft !== undefined) {
      const statement = parseCodeLine(line, parts);
      if (statement !== undefined) add(statement);
      else if (hasStatement) throw sourceError(line, 'no instruction');
    } else if (hasStatement) {
      throw sourceError(line, 'outside of a case or a sequence');
    }
  }
  if (draft !== undefined) throw new Error(`${guest.name}: a case or a sequence is not ended`);
  return { cases, sequences, definitions };
}

/** "32-bit" of a line that says so. */
function bitsOf(code: string): string | undefined {
  const bits = /^\[?bits (\d+)\]?$/.exec(code)?.[1];
  return bits === undefined ? undefined : `${bits}-bit`;
}

/** What code is after macros without arguments that lead to another mode, by their names. */
function modesOfMacros(lines: readonly SourceLine[]): ReadonlyMap<string, string> {
  const modes = new Map<string, string>();
  let macro: string | undefined;
  for (const { text } of lines) {
    const code = text.replace(/;.*/, '').trim();
    const bits = bitsOf(code);
    if (code.startsWith('%')) macro = /^%macro (\w+) 0$/.exec(code)?.[1] ?? macro;
    if (code === '%endmacro') macro = undefined;
    if (macro !== undefined && bits !== undefined) modes.set(macro, bits);
  }
  return modes;
}

function requireCall(text: string, line: SourceLine): { name: string; args: string[] } {
  const call = findCall(text);
  if (call === undefined) throw sourceError(line, 'not NAME(PARAMETER, ...)');
  return call;
}

/** The word list that a continuation adds to. A hole is for the accesses of its own line alone. */
function growable(statement: Statement): { readonly words: Word[] } | undefined {
  if (statement.kind === 'instruction') {
    return statement.hole === undefined ? statement.accesses : statement.shown;
  }
  return statement.kind === 'event' ? statement : undefined;
}
