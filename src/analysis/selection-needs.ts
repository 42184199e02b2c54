// SPDX-License-Identifier: Apache-2.0
// What a trace must tell for a selection to mean something.

import { TraceError } from '../base/index.ts';
import type { CapabilityName, Trace } from '../format/index.ts';
import type { Selection } from './selection.ts';

const NEEDS = {
  icounts: ['icount', 'instruction counts'],
  cpl: ['cpl', 'privilege'],
  addressSpace: ['address-space', 'address space'],
  physical: ['paddr', 'physical address'],
} as const satisfies Partial<Record<keyof Selection, readonly [CapabilityName, string]>>;

const CRITERIA = ['icounts', 'cpl', 'addressSpace', 'physical'] as const;

/** Throws TraceError 'missing-capability' for what the trace does not tell: such a choice would be one by chance. */
export function requireSelectable(
  { capabilities, path }: Pick<Trace, 'capabilities' | 'path'>,
  selection: Selection,
): void {
  for (const criterion of CRITERIA) {
    const [name, words] = NEEDS[criterion];
    const { status, why } = capabilities[name];
    if (selection[criterion] === undefined || status !== 'no') continue;
    throw new TraceError(
      'missing-capability',
      `a selection by ${words} needs ${name}, which this trace does not have: ${why}`,
      { file: path },
    );
  }
}
