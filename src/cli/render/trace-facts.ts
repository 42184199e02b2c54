// SPDX-License-Identifier: Apache-2.0
// The parts of text that several reports share: totals, what a trace does not hold, names.

import { formatBytes, formatCount, formatHex64, formatQuantity } from '../../base/index.ts';
import { describeNotHeld, describeWindows, type TraceFacts } from '../../query/index.ts';
import { drawTable, fillText } from './table.ts';

const TEXT_WIDTH = 92;
const NAME_WIDTH = 16;
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
    ['events', formatCount(totals.events), '(interrupts, exceptions, SMM)'],
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
  const indent = ' '.repeat(2 + NAME_WIDTH + 1);
  return describeNotHeld(facts)
    .map(
      ({ name, text }) =>
        `  ${name.padEnd(NAME_WIDTH)} ${fillText(text, TEXT_WIDTH - indent.length, indent)}\n`,
    )
    .join('');
}

/** A warning in front of all else; '' for a trace that is what it seems. */
export function renderDeliberateFault(fault: string | null): string {
  return fault === null ? '' : `WRONG ON PURPOSE: made for a test with the fault ${fault}\n`;
}

/**
 * "0xfe05b  jmp 0xf000  (main)"; of a function without a name, who runs it. Event delivery is no instruction: it has
 * neither an address nor a function.
 */
export function nameInstruction(one: {
  readonly address: string;
  readonly text: string;
  readonly function: string;
}): string {
  if (one.text === one.function) return one.text;
  const name = one.function.startsWith('(') ? one.function : `(${one.function})`;
  return `${one.address}  ${one.text}  ${name}`;
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
memory audit: ${formatBytes(audit.auditedBytes)} of RAM compared ${formatQuantity(audit.comparisons, 'time')} with the stores that were seen
  ${bytes(audit.differingBytes)} written by others${causes.length === 0 ? '' : `: ${causes.join(', ')}`}
  ${bytes(audit.unknownBytes)} unknown${ranges.length === 0 ? '' : `, at ${ranges.join(', ')}`}
`;
}

/** A line on what a window of several vCPUs is; nothing for one. */
export function noteOfWindows(vcpus: readonly number[]): string {
  const note = describeWindows(vcpus);
  return note === undefined ? '' : `${note}; --vcpu N chooses one\n`;
}
