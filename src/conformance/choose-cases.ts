// SPDX-License-Identifier: Apache-2.0
// Which cases words mean: names of guests, kinds of access, ids of cases. Pure.

import { ExitCode, UserError } from '../base/index.ts';
import type { GuestCase } from './guest-source.ts';
import { KINDS } from './kinds.ts';

/** One run of a guest: `run` is '' where there is no other. */
export interface CaseRun<Case extends Pick<GuestCase, 'id' | 'kind'>> {
  readonly guest: string;
  readonly run: string;
  readonly cases: readonly Case[];
}

/** As it is reported: ids of the cases of a named run end in its name. */
export function caseId(id: string, run: string): string {
  return run === '' ? id : `${id}/${run}`;
}

/**
 * Of each run the cases that any of the words means; all when there are none. A word may be a guest and a kind: then it
 * means both. Throws UserError 'usage' for a word that means nothing.
 */
export function chooseCases<Run extends CaseRun<Pick<GuestCase, 'id' | 'kind'>>>(
  runs: readonly Run[],
  words: readonly string[],
): Run[] {
  if (words.length === 0) return [...runs];
  for (const word of words) {
    const isKnown = runs.some((run) => run.cases.some((each) => isMeant(run, each, word)));
    if (isKnown) continue;
    throw new UserError(
      ExitCode.usage,
      `there is no guest, kind of access or case "${word}"`,
      `a guest: ${[...new Set(runs.map(({ guest }) => guest))].join(', ')}; a kind: ${Object.keys(KINDS).join(', ')}; or the id of a case (docs/completeness.md)`,
    );
  }
  return runs.map((run) => ({
    ...run,
    cases: run.cases.filter((each) => words.some((word) => isMeant(run, each, word))),
  }));
}

function isMeant(
  { guest, run }: Pick<CaseRun<GuestCase>, 'guest' | 'run'>,
  { id, kind }: Pick<GuestCase, 'id' | 'kind'>,
  word: string,
): boolean {
  return [guest, kind, id, caseId(id, run)].includes(word);
}
