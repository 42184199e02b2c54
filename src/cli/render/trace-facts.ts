// SPDX-License-Identifier: Apache-2.0
// The parts of text that several reports share: totals, and what a trace does not hold.

import { formatBytes, formatCount, formatHex64 } from '../../base/index.ts';
import type { TraceFacts } from '../trace-facts.ts';
import { drawTable, fillText } from './table.ts';

const TEXT_WIDTH = 92;
const NAME_WIDTH = 16;
const DOUBT_TEXTS: Readonly<Record<string, string>> = {
  unknownPaddr: 'accesses without a known physical address',
  mapMismatches: 'self-checks of physical addresses that failed',
  viewMismatches: 'times that the CPU state located in QEMU was not what QEMU reported',
  gaps: 'resumed after a pause: what ran before is not in the trace',
  injectedFaults: 'accesses that are wrong on purpose: this trace was made for a test',
  strays: 'accesses that QEMU reported outside any block',
  missingDeliveries: 'events whose memory accesses could not be worked out',
  walkMismatches: 'page table entries that were changed by neither the guest nor the MMU',
  deliveryMismatches: 'events after which memory did not hold what was pushed',
  unresolvedCuts: 'blocks that ended early at a place that could not be told',
};

export function renderTotals(facts: TraceFacts): string {
  const { totals } = facts;
  const rows = [
    ['instructions', formatCount(totals.instructions), ''],
    ['loads', formatCount(totals.loads), ''],
    ['stores', formatCount(totals.stores), ''],
    ['accesses', formatCount(totals.accesses), aboutAborted(totals.aborted)],
    ...(totals.userAccesses === null
      ? []
      : [['by user code', formatCount(totals.userAccesses), '(CPL 3)']]),
    ['block executions', formatCount(totals.blocks), ''],
    ['events', formatCount(totals.events), '(interrupts, exceptions)'],
  ];
  const size =
    facts.bytesPerAccess === null
      ? formatBytes(facts.fileBytes)
      : `${formatBytes(facts.fileBytes)}, ${facts.bytesPerAccess.toFixed(3)} bytes per access, instruction stream included`;
  return `${drawTable(rows, ['left', 'right', 'left'])}file size         ${size}\n`;
}

function aboutAborted(count: number): string {
  return count === 0 ? '' : `(${formatCount(count)} more of instructions that did not complete)`;
}

/** What the trace does not hold, one entry a paragraph; capabilities first, then counts. */
export function renderNotHeld(facts: TraceFacts): string {
  const entries = Object.entries(facts.capabilities)
    .filter(([, { status }]) => status !== 'yes')
    .map(([name, { status, why }]): [string, string] => [
      name,
      `${status === 'partial' ? 'in part' : 'not recorded'}${why === '' || why === 'not recorded' ? '' : `: ${why}`}`,
    ]);
  entries.push(...Object.entries(facts.outside));
  for (const [name, count] of Object.entries(facts.doubts)) {
    entries.push([name, `${formatCount(count)} ${DOUBT_TEXTS[name] ?? 'times'}`]);
  }
  return entries
    .map(([name, text]) => {
      const indent = ' '.repeat(2 + NAME_WIDTH + 1);
      return `  ${name.padEnd(NAME_WIDTH)} ${fillText(text, TEXT_WIDTH - indent.length, indent)}\n`;
    })
    .join('');
}

/** A warning in front of all else; '' for a trace that is what it seems. */
export function renderDeliberateFault(fault: string | null): string {
  return fault === null ? '' : `WRONG ON PURPOSE: made for a test with the fault ${fault}\n`;
}

/** What the memory audit found; '' when there was none. */
export function renderAudit({ memoryAudit: audit }: TraceFacts): string {
  if (audit === null) return '';
  const bytes = (count: number): string => `${formatCount(count)} byte${count === 1 ? '' : 's'}`;
  const causes = Object.entries(audit.byCause)
    .filter(([name, count]) => count > 0 && name !== 'unknown')
    .map(([name, count]) => `${name} ${bytes(count)}`);
  const ranges = audit.ranges.map(
    ({ paddr, bytes: length }) =>
      `${formatHex64(paddr % 2 ** 32, Math.floor(paddr / 2 ** 32))}+${length}`,
  );
  return `
memory audit: ${formatBytes(audit.auditedBytes)} of RAM compared ${formatCount(audit.comparisons)} times with the stores that were seen
  ${bytes(audit.differingBytes)} written by others${causes.length === 0 ? '' : `: ${causes.join(', ')}`}
  ${bytes(audit.unknownBytes)} unknown${ranges.length === 0 ? '' : `, at ${ranges.join(', ')}`}
`;
}

/** "captured = encoded = written = 600,000", or how they differ. */
export function renderAccounts(facts: TraceFacts): string {
  const { captured, encoded, written } = facts.totals;
  if (captured === null || encoded === null || written === null) {
    return 'recording was cut: what was captured and did not reach the file is not known';
  }
  if (captured === encoded && encoded === written) {
    return `captured = encoded = written = ${formatCount(captured)} records`;
  }
  return `THE COUNTS DIFFER: captured ${formatCount(captured)}, encoded ${formatCount(encoded)}, written ${formatCount(written)}`;
}
