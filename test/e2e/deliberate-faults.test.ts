// SPDX-License-Identifier: Apache-2.0
// Break it to believe it: the recorder is made wrong on purpose (CONTRIBUTING.md, LOADSTORE_FAULT), and the table in
// docs/completeness.md says which proof notices what. Every cell of it is tried here.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditTrace } from '../../src/audit/index.ts';
import { judgeCase, parseGuest } from '../../src/conformance/index.ts';
import type { GuestRun } from '../../src/guests/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

const DOCUMENT = path.join(import.meta.dirname, '..', '..', 'docs', 'completeness.md');

/** How each proof is seen to notice something in a run. */
const PROOFS: Readonly<Record<string, (run: GuestRun) => boolean | Promise<boolean>>> = {
  conformance(run) {
    const source = parseGuest(run.guest);
    return source.cases.some((each) =>
      judgeCase(run, 'single', source, each).reason.startsWith('unexplained'),
    );
  },
  'instruction audit': async (run) => {
    const { unexplained, addressMismatches } = await auditTrace(run.outcome.file, { workers: 0 });
    return unexplained + addressMismatches > 0;
  },
  'memory audit': ({ trace }) => (trace.totals?.memoryAudit?.unknownBytes ?? 0) > 0,
};

/** The table's rows: fault, what it does, and for each proof whether it notices. */
function documented(): ReadonlyMap<string, readonly boolean[]> {
  const rows = readFileSync(DOCUMENT, 'utf8').matchAll(
    /^\| `(\w+)` \| [^|]+\| (yes|no) \| (yes|no) \| (yes|no) \|$/gm,
  );
  return new Map(
    Array.from(rows, ([, fault = '', ...answers]) => [
      fault,
      answers.map((answer) => answer === 'yes'),
    ]),
  );
}

async function noticed(guest: string, fault?: string): Promise<readonly boolean[]> {
  const options = { auditMemory: true, ...(fault === undefined ? {} : { fault }) };
  const run = await recordGuestNamed(guest, '', options);
  try {
    const injected = run.trace.totals?.injectedFaults ?? 0;
    expect(injected > 0).toBe(fault !== undefined);
    const answers: boolean[] = [];
    for (const notices of Object.values(PROOFS)) answers.push(await notices(run));
    return answers;
  } finally {
    await run.close();
  }
}

/** One in so many accesses, or every delivery, in a guest that has them. */
const TRIALS = [
  ['drop', 'plain', 3],
  ['shift', 'plain', 3],
  ['neighbour', 'plain', 3],
  ['swap', 'plain', 3],
  ['frame', 'faults', 1],
] as const;

describe.skipIf(!PLUGIN_IS_BUILT)('the proofs', () => {
  it.each(['plain', 'faults'])(
    'have nothing to say of an honest run of guest %s',
    async (guest) => {
      expect(await noticed(guest)).toEqual([false, false, false]);
    },
  );

  it.each(TRIALS)('notice %s as documented', async (fault, guest, every) => {
    const answers = await noticed(guest, `${fault}:${every}`);
    expect(answers).toEqual(documented().get(fault));
    expect(answers).toContain(true);
  });

  it('have three faults each that they notice, and no fault is undocumented', () => {
    const table = documented();
    expect([...table.keys()]).toEqual(TRIALS.map(([fault]) => fault));
    for (const [i] of Object.keys(PROOFS).entries()) {
      expect([...table.values()].filter((answers) => answers[i]).length).toBeGreaterThanOrEqual(3);
    }
  });
});
