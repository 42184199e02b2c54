// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readVerdicts, renderCompleteness, verdictLetters } from './completeness.ts';
import type { Verdict } from './judge.ts';
import type { CaseResult, ConformanceResult } from './run-conformance.ts';

function caseOf(
  id: string,
  qemu: string,
  verdict: Verdict,
  rest: Partial<CaseResult> = {},
): CaseResult {
  return {
    ...{ id, qemu, verdict, title: 'or | and', guest: 'plain', kind: 'load', mode: '64-bit' },
    ...{ reason: '', holes: [], rules: [] },
    ...rest,
  };
}

const RESULT: ConformanceResult = {
  qemus: [
    {
      path: '/a',
      version: '7.2.22',
      notCompared: [{ column: 'paddr', why: 'it is not known', thread: null }],
    },
    {
      path: '/b',
      version: '10.0.2',
      notCompared: [{ column: 'icount', why: 'no events', thread: 'multi' }],
    },
  ],
  cases: [
    caseOf('one', '7.2.22', 'observed', { rules: ['lock-neg-loads-twice'] }),
    caseOf('two', '7.2.22', 'not-applicable', { reason: 'no such CPU' }),
    caseOf('one', '10.0.2', 'reconstructed'),
    caseOf('two', '10.0.2', 'missing', { holes: ['device-dma'] }),
  ],
  matrix: [
    {
      kind: 'load',
      title: 'loads',
      counts: [
        { observed: 1, reconstructed: 0, missing: 0, 'not-applicable': 1 },
        { observed: 0, reconstructed: 1, missing: 1, 'not-applicable': 0 },
      ],
    },
  ],
  unexplained: 0,
  problems: [],
};

describe('docs/completeness.md', () => {
  const document = renderCompleteness(RESULT);

  it('gives back the verdicts of each QEMU', () => {
    for (const { version } of RESULT.qemus) {
      const cases = RESULT.cases.filter(({ qemu }) => qemu === version);
      expect(readVerdicts(document, version)).toEqual(verdictLetters(cases));
    }
    expect(readVerdicts(document, '10.0.11')).toEqual(readVerdicts(document, '10.0.2'));
    expect(readVerdicts(document, '10.1.0')).toBeUndefined();
  });

  it('has matrix, holes, rules and what is not compared', () => {
    expect(document).toContain('| loads | 1 o, 1 - | 1 r, 1 **m** |');
    expect(document).toMatch(/\*\*device-dma\*\* \(10\.0\): .* Cases: two\./);
    expect(document).toMatch(/\*\*lock-neg-loads-twice\*\*: .* Cases: 1\./);
    expect(document).toMatch(/^- \*\*no-segment-limits\*\*: /m);
    expect(document).toMatch(/^- \*\*null-task-register\*\*: ltr takes a null selector/m);
    expect(document).toContain('- 7.2: no such CPU. Cases: 1.');
    expect(document).toContain('- 7.2, paddr: it is not known');
    expect(document).toContain('- 10.0, thread=multi, icount: no events');
  });
});
