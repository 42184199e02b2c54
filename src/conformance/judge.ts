// SPDX-License-Identifier: Apache-2.0
// The verdict on one case of one run.

import { requireDefined } from '../base/index.ts';
import type { Access, GuestRun, SourceLine } from '../guests/index.ts';
import { lineWriterFor, recordedHappenings } from './compare.ts';
import { type Expectation, expectationOf, type Happening } from './expected.ts';
import { HOLES, type HoleName, type RuleName } from './explanations.ts';
import type { GuestCase, GuestSource } from './guest-source.ts';
import type { Target } from './version-range.ts';
import { evaluate, type Lookup } from './words.ts';

export type Verdict = 'observed' | 'reconstructed' | 'missing' | 'not-applicable';

export interface Judgement {
  readonly verdict: Verdict;
  /** '' for what was observed. "unexplained: ..." for what contradicts what the guest's source says. */
  readonly reason: string;
  readonly holes: readonly HoleName[];
  readonly rules: readonly RuleName[];
  /** The first lines that differ, of what is unexplained. */
  readonly details: Difference | undefined;
}

export interface Difference {
  readonly expected: readonly string[];
  readonly recorded: readonly string[];
}

export const UNEXPLAINED = 'unexplained: ';

export function unexplained(what: string, details?: Difference): Judgement {
  return { verdict: 'missing', reason: `${UNEXPLAINED}${what}`, holes: [], rules: [], details };
}

export function notApplicable(reason: string): Judgement {
  return { verdict: 'not-applicable', reason, holes: [], rules: [], details: undefined };
}

/** Throws Error that names the line of a mistake in the guest's source. */
export function judgeCase(
  run: GuestRun,
  thread: Target['thread'],
  source: GuestSource,
  guestCase: GuestCase,
): Judgement {
  const missingFeature = findMissingFeature(run, guestCase);
  if (missingFeature !== undefined) {
    return notApplicable(`the CPU of this QEMU has no ${missingFeature} (CPUID)`);
  }
  const expectation = expectationOf(run.guest, source, guestCase, {
    version: run.qemu.version,
    thread,
  });
  const begin = findMark(run, guestCase, guestCase.begin);
  if (typeof begin === 'string') return unexplained(begin);
  const end = findMark(run, guestCase, guestCase.end);
  if (typeof end === 'string') return unexplained(end);

  const { happenings, unordered } = expectation;
  const writer = lineWriterFor(run.guest, run.trace.capabilities);
  const instructions = end.icount - begin.icount - 1;
  const recorded = writer.lines(recordedHappenings(run, begin, end), unordered, instructions);
  const linesOf = (wanted: readonly Happening[]): string[] =>
    writer.lines(wanted, unordered, expectation.instructions);
  const shown = happenings.filter(({ hole }) => hole === undefined);
  const expected = linesOf(shown);
  if (isEqual(expected, recorded)) return judgeShown(expectation, shown);
  const holes = holesOf(happenings);
  if (holes.length > 0 && isEqual(linesOf(happenings), recorded)) {
    return unexplained(`${holes.join(', ')} is declared, and the accesses are there`);
  }
  return unexplained(
    'what was recorded is not what the case does',
    findDifference(expected, recorded),
  );
}

function judgeShown({ happenings, rules }: Expectation, shown: readonly Happening[]): Judgement {
  const holes = holesOf(happenings);
  const isReconstructed = shown.some(
    (each) => each.kind === 'access' && each.access.origin !== 'instruction',
  );
  const verdict = holes.length > 0 ? 'missing' : isReconstructed ? 'reconstructed' : 'observed';
  const reason = holes.map((name) => HOLES[name].reason).join('; ');
  return { verdict, reason, holes, rules: [...rules], details: undefined };
}

function holesOf(happenings: readonly Happening[]): HoleName[] {
  const names = happenings.flatMap(({ hole }) => (hole === undefined ? [] : [hole]));
  return [...new Set(names)];
}

/** The store at the begin or the end of a case; a sentence when it is not there once. */
function findMark(run: GuestRun, guestCase: GuestCase, line: SourceLine): Access | string {
  const pc = placeOf(run, guestCase, line);
  const [found, ...others] = run.accesses.filter((access) => access.store && access.pc === pc);
  if (found !== undefined && others.length === 0) return found;
  const times = others.length + (found === undefined ? 0 : 1);
  return `the mark at ${line.file}:${line.number} is ${times} times in the trace`;
}

function placeOf(run: GuestRun, { before }: GuestCase, line: SourceLine): bigint {
  const label = requireDefined(line.label, `a label at ${line.file}:${line.number}`);
  const address = requireDefined(run.guest.symbols.get(label), `an address of ${label}`);
  const code = before.find(({ kind }) => kind === 'code');
  const lookup: Lookup = (name) => run.guest.symbols.get(name);
  return address + (code?.kind === 'code' ? evaluate(code.value, lookup) : 0n);
}

/** What the guest found to be absent before it left out the case. */
function findMissingFeature(run: GuestRun, guestCase: GuestCase): string | undefined {
  const { needs, begin } = guestCase;
  if (needs === undefined) return undefined;
  const skip = run.guest.symbols.get('SKIP_MARK');
  const [from, to] = [placeOf(run, guestCase, needs), placeOf(run, guestCase, begin)];
  const isSkipped = run.accesses.some(
    ({ vaddr, store, pc }) => store && vaddr === skip && pc >= from && pc < to,
  );
  return isSkipped ? /"([^"]*)"/.exec(needs.text)?.[1] : undefined;
}

function isEqual(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((line, i) => line === right[i]);
}

const SHOWN_LINES = 6;

/** From the last equal line on. */
function findDifference(expected: readonly string[], recorded: readonly string[]): Difference {
  const first = expected.findIndex((line, i) => line !== recorded[i]);
  const from = Math.max(0, (first < 0 ? expected.length : first) - 1);
  return {
    expected: expected.slice(from, from + SHOWN_LINES),
    recorded: recorded.slice(from, from + SHOWN_LINES),
  };
}
