// SPDX-License-Identifier: Apache-2.0
// What a trace holds and what it does not, line by line, with numbers: of the viewer.

import { formatCount } from '../base/index.ts';
import type { CapabilityName } from '../format/index.ts';
import { describeAccounts, describeNotHeld, nameDoubt } from './describe-facts.ts';
import type { TraceFacts } from './trace-facts.ts';

export interface StatementLine {
  readonly name: string;
  readonly status: 'yes' | 'partial' | 'no';
  readonly text: string;
}

const HELD: Readonly<Record<CapabilityName, string>> = {
  vaddr: 'the linear address of each access',
  paddr: 'the guest-physical address of each access',
  pc: 'the instruction that made each access',
  icount: 'how many instructions its vCPU had completed before',
  cpl: 'the privilege level of each access',
  mode: 'the CPU mode of all code',
  'address-space': 'CR3 at each access',
  device: 'which accesses went to devices',
  region: 'the names of device regions',
  events: 'every interrupt and exception',
  'event-delivery': 'what the delivery of events reads and writes',
  'page-walk': 'what the MMU writes to page tables',
  'page-attributes': 'what the page tables allow of each page',
  'port-io': 'every in and out',
  vcpu: 'the vCPU of each access',
  'global-order': 'one order of the accesses of all vCPUs',
  values: 'the values that were read and written',
};

/** What is there, what is there in part, what is not; counts of doubts among the second. */
export function completenessStatement(facts: TraceFacts): StatementLine[] {
  const { capabilities, outside, doubts, complete, totals } = facts;
  const notHeld = new Map(describeNotHeld(facts).map(({ name, text }) => [name, text]));
  const lines: StatementLine[] = [
    {
      name: 'recording',
      status: complete ? 'yes' : 'partial',
      text: complete
        ? `closed in an orderly way; ${describeAccounts(facts)}`
        : `cut: what is here is good, what came later is not; ${describeAccounts(facts)}`,
    },
    {
      name: 'accesses',
      status: 'yes',
      text: `${formatCount(totals.loads)} loads and ${formatCount(totals.stores)} stores of ${formatCount(totals.instructions)} instructions`,
    },
  ];
  const stated = new Map(Object.entries(capabilities));
  for (const [name, held] of Object.entries(HELD)) {
    // The status says "in part" or "no": only the reason is added.
    const { status, why } = stated.get(name) ?? { status: 'no', why: '' };
    const isAdded = status !== 'yes' && why !== '' && why !== 'not recorded';
    lines.push({ name, status, text: isAdded ? `${held}: ${why}` : held });
  }
  for (const [names, status] of [
    [Object.keys(outside), 'no'],
    [Object.keys(doubts).map(nameDoubt), 'partial'],
  ] as const) {
    for (const name of names) {
      // What a capability says already has no words of its own.
      const text = notHeld.get(name);
      if (text !== undefined) lines.push({ name, status, text });
    }
  }
  if (facts.deliberateFault !== null) {
    lines.unshift({
      ...{ name: 'WRONG ON PURPOSE', status: 'partial' },
      text: `this trace was made wrong for a test: ${facts.deliberateFault}`,
    });
  }
  const order = { yes: 0, partial: 1, no: 2 };
  return lines.sort((a, b) => order[a.status] - order[b.status]);
}
