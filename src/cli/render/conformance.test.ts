// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { renderConformance } from './conformance.ts';

it('says which columns were not compared, on which QEMU, and why', () => {
  const text = renderConformance({
    qemus: [
      {
        path: '/a',
        version: '7.2.22',
        notCompared: [{ column: 'paddr', why: 'not known', thread: null }],
      },
      {
        path: '/b',
        version: '10.0.2',
        notCompared: [{ column: 'icount', why: 'no events', thread: 'multi' }],
      },
    ],
    ...{ cases: [], matrix: [], unexplained: 0, problems: [] },
  });
  expect(text).toContain('\nnot compared on 7.2.22: paddr: not known\n');
  expect(text).toContain('\nnot compared on 10.0.2 with thread=multi: icount: no events\n');
  expect(text).not.toContain('compared on 10.0.2: ');
});
