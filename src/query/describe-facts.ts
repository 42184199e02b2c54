// SPDX-License-Identifier: Apache-2.0
// What a trace says of itself in words: of `info`, `record`, `demo` and the report.

import { formatCount, formatQuantity } from '../base/index.ts';
import type { TraceFacts } from './trace-facts.ts';

/** What one is, what several are, and what is said of them. */
const DOUBT_TEXTS: Readonly<Record<string, readonly [one: string, many: string, text: string]>> = {
  unknownPaddr: ['access', 'accesses', 'without a known physical address'],
  mapMismatches: ['self-check', 'self-checks', 'of physical addresses that failed'],
  viewMismatches: [
    'time',
    'times',
    'that the CPU state located in QEMU was not what QEMU reported',
  ],
  gaps: ['pause', 'pauses', 'of the recording: what ran meanwhile is not in the trace'],
  injectedFaults: ['access', 'accesses', 'wrong on purpose: this trace was made for a test'],
  strays: ['access', 'accesses', 'that QEMU reported outside any block'],
  missingDeliveries: ['event', 'events', 'whose memory accesses could not be worked out'],
  missingOrApart: [
    'event',
    'events',
    'without memory accesses: of SMM and nested guests, which have none, or lost (an older recorder counted them together)',
  ],
  walkMismatches: [
    'page table entry',
    'page table entries',
    'changed by neither the guest nor the MMU',
  ],
  deliveryMismatches: ['event', 'events', 'after which memory did not hold what was pushed'],
  unresolvedCuts: ['block', 'blocks', 'that ended early at a place that could not be told'],
};

/** Names of doubts in words. */
const DOUBT_NAMES: Readonly<Record<string, string>> = {
  unknownPaddr: 'unknown paddr',
  mapMismatches: 'wrong paddr',
  viewMismatches: 'CPU state',
  injectedFaults: 'injected faults',
  missingDeliveries: 'lost deliveries',
  missingOrApart: 'no deliveries',
  walkMismatches: 'table entries',
  deliveryMismatches: 'wrong deliveries',
  unresolvedCuts: 'cut blocks',
};

/** What a trace does not hold and what was counted as doubtful; capabilities first, then counts. */
export function describeNotHeld(
  facts: TraceFacts,
): { readonly name: string; readonly text: string }[] {
  const { capabilities, outside, doubts } = facts;
  return [
    ...Object.entries(capabilities)
      .filter(([, { status }]) => status !== 'yes')
      .map(([name, { status, why }]) => ({
        name,
        text: `${status === 'partial' ? 'in part' : 'not recorded'}${why === '' || why === 'not recorded' ? '' : `: ${why}`}`,
      })),
    // What a capability says of itself, in part, is not told twice.
    ...Object.entries(outside)
      .filter(([name]) => name !== 'page walks' || capabilities['page-walk']?.status !== 'partial')
      .map(([name, text]) => ({ name, text })),
    ...Object.entries(doubts).map(([name, count]) => ({
      name: nameDoubt(name),
      text: describeDoubt(name, count),
    })),
  ];
}

function describeDoubt(name: string, count: number): string {
  const [one, many, text] = DOUBT_TEXTS[name] ?? ['time', 'times', ''];
  return `${formatQuantity(count, one, many)} ${text}`.trimEnd();
}

/** "lost deliveries" for missingDeliveries. */
export function nameDoubt(field: string): string {
  return DOUBT_NAMES[field] ?? field;
}

/** A command line, quoted as a shell wants it. */
export function describeCommand(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** "captured = encoded = written = 600,000", or how they differ. */
export function describeAccounts(facts: TraceFacts): string {
  const { captured, encoded, written } = facts.totals;
  if (captured === null || encoded === null || written === null) {
    return 'recording was cut: what was captured and did not reach the file is not known';
  }
  if (captured === encoded && encoded === written) {
    return `captured = encoded = written = ${formatCount(captured)} records`;
  }
  return `THE COUNTS DIFFER: captured ${formatCount(captured)}, encoded ${formatCount(encoded)}, written ${formatCount(written)}`;
}
