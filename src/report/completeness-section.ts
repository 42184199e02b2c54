// SPDX-License-Identifier: Apache-2.0
// What the trace holds and what it does not, with its numbers.

import {
  formatBytes,
  formatCount,
  formatHex64,
  formatQuantity,
  u64FromNumber,
} from '../base/index.ts';
import {
  type AuditResult,
  describeAccounts,
  describeCommand,
  describeNotHeld,
  type TraceFacts,
  type TraceReport,
} from '../query/index.ts';
import { type Html, html } from './html.ts';
import { factTable } from './tables.ts';

export function completenessSection({ file, result }: TraceReport): Html {
  const { facts, instructionAudit } = result;
  const held = Object.entries(facts.capabilities)
    .filter(([, { status }]) => status === 'yes')
    .map(([name]) => name);
  const doubts = Object.keys(facts.doubts).length;
  return html`<section>
<h2>What this trace can and cannot say: ${verdict(facts)}${doubts === 0 ? '' : `, ${formatQuantity(doubts, 'doubt')}`}</h2>
${factTable([
  ['recording', html`${describeAccounts(facts)}`],
  ['of each access', html`${held.join(', ')}`],
  ['RAM audit', memoryAudit(facts)],
  ['instruction audit', instructionAuditText(file, instructionAudit)],
])}
<h3>Not in this trace</h3>
${factTable(describeNotHeld(facts).map(({ name, text }) => [name, html`${text}`] as const))}
</section>`;
}

function verdict({ complete, totals }: TraceFacts): string {
  if (!complete) return 'cut short';
  return totals.captured === totals.written ? 'nothing was dropped' : 'records are missing';
}

function memoryAudit({ memoryAudit: audit }: TraceFacts): Html {
  if (audit === null) {
    return html`<span class="soft">not made; <code>loadstore record --audit-memory</code> compares RAM with the recorded stores</span>`;
  }
  const causes = Object.entries(audit.byCause)
    .filter(([name, count]) => count > 0 && name !== 'unknown')
    .map(([name, count]) => `${name} ${formatQuantity(count, 'byte')}`);
  const ranges = audit.ranges.map(({ paddr, bytes }) => {
    const { lo, hi } = u64FromNumber(paddr);
    return `${formatHex64(lo, hi)}+${bytes}`;
  });
  return html`${formatBytes(audit.auditedBytes)} compared ${formatQuantity(audit.comparisons, 'time')} with the stores that were seen:
${formatQuantity(audit.differingBytes, 'byte')} written by others${causes.length === 0 ? '' : ` (${causes.join(', ')})`},
<span class="${audit.unknownBytes === 0 ? 'good' : 'bad'}">${formatQuantity(audit.unknownBytes, 'byte')} unexplained</span>${ranges.length === 0 ? '' : `, at ${ranges.join(', ')}`}`;
}

function instructionAuditText(file: string, audit: AuditResult | null): Html {
  if (audit === null) {
    const command = describeCommand(['loadstore', 'report', file, '--audit']);
    return html`<span class="soft">not made; <code class="wrap">${command}</code> compares each instruction with what the manual says it accesses</span>`;
  }
  const isClean = audit.unexplained === 0 && audit.addressMismatches === 0;
  return html`${formatQuantity(audit.recorded, 'access', 'accesses')} of ${formatQuantity(audit.executions, 'instruction')} compared with what the manual prescribes:
<span class="${isClean ? 'good' : 'bad'}">${formatCount(audit.unexplained)} unexplained, ${formatQuantity(audit.addressMismatches, 'wrong address', 'wrong addresses')}</span>;
${formatCount(audit.explained)} differ for a known reason, ${formatQuantity(audit.addressesChecked, 'address', 'addresses')} followed from the code`;
}
