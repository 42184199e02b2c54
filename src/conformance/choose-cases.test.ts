// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { type CaseRun, caseId, chooseCases } from './choose-cases.ts';
import type { Kind } from './kinds.ts';

function run(
  guest: string,
  name: string,
  ...cases: readonly [string, Kind][]
): CaseRun<{ id: string; kind: Kind }> {
  return { guest, run: name, cases: cases.map(([id, kind]) => ({ id, kind })) };
}

const RUNS = [
  run('plain', '', ['load-1', 'load'], ['lock-add', 'lock']),
  run('lock', '', ['lock-xadd', 'lock'], ['lock-fault', 'fault']),
  run('lock', 'multi', ['lock-xadd', 'lock'], ['lock-fault', 'fault']),
];

function chosen(...words: readonly string[]): string[] {
  return chooseCases(RUNS, words).flatMap((one) => one.cases.map(({ id }) => caseId(id, one.run)));
}

describe('chooseCases', () => {
  it.each([
    [[], ['load-1', 'lock-add', 'lock-xadd', 'lock-fault', 'lock-xadd/multi', 'lock-fault/multi']],
    [['plain'], ['load-1', 'lock-add']],
    [['fault'], ['lock-fault', 'lock-fault/multi']],
    // The guest and the kind.
    [['lock'], ['lock-add', 'lock-xadd', 'lock-fault', 'lock-xadd/multi', 'lock-fault/multi']],
    [['lock-xadd'], ['lock-xadd', 'lock-xadd/multi']],
    [
      ['lock-xadd/multi', 'load-1'],
      ['load-1', 'lock-xadd/multi'],
    ],
  ])('%j', (words, ids) => {
    expect(chosen(...words)).toEqual(ids);
  });

  it('refuses what is none of them', () => {
    for (const word of ['fxsav', 'lock-xadd/single', 'lock-add/multi', 'smm']) {
      expect(() => chosen('plain', word)).toThrow(UserError);
    }
  });
});
