// SPDX-License-Identifier: Apache-2.0
import type { MnemonicAudit, UnexplainedPlace } from '../../audit/index.ts';
import { formatCount, formatQuantity } from '../../base/index.ts';
import type { AuditCommandResult } from '../results.ts';
import { drawTable } from './table.ts';

const SHOWN_MNEMONICS = 24;

export function renderAudit(result: AuditCommandResult): string {
  const { byMnemonic, places, placeCount } = result;
  const shown = byMnemonic.filter(({ unexplained }, i) => i < SHOWN_MNEMONICS || unexplained > 0);
  const hidden = byMnemonic.length - shown.length;
  return [
    `${result.file}: ${renderVerdict(result)}\n`,
    result.complete ? '' : '  the recording was cut: this is of what is there\n',
    '\n',
    drawTable(
      [
        ['instruction', 'executions', 'expected', 'recorded', 'explained', 'unexplained', ''],
        ...shown.map(rowOf),
        rowOf({ ...result, mnemonic: 'all' }),
      ],
      ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
    ),
    hidden === 0 ? '' : `${formatCount(hidden)} more instructions: --json\n`,
    '\n',
    `${formatCount(result.addressesChecked)} addresses follow from the code, alone or beside another access: ${result.addressMismatches === 0 ? 'all are right' : `${formatCount(result.addressMismatches)} are WRONG`}\n`,
    renderDeliveries(result),
    `${formatQuantity(result.pageWalk, 'access', 'accesses')} of page walks ${result.pageWalk === 1 ? 'is' : 'are'} reconstructed: no instruction's, not audited here\n`,
    placeCount === 0 ? '' : '\nnot explained:\n',
    ...places.map(renderPlace),
    placeCount > places.length ? `  ${formatCount(placeCount - places.length)} more places\n` : '',
  ].join('');
}

function renderDeliveries({ deliveries, eventDelivery }: AuditCommandResult): string {
  const { deliveries: count, unfinished, wrong, places } = deliveries;
  const led = unfinished === 0 ? '' : ` (${formatCount(unfinished)} led to another event)`;
  const verdict = wrong === 0 ? 'each is whole' : `${formatCount(wrong)} are WRONG`;
  const lost = renderLost(deliveries);
  return [
    `${formatQuantity(count, 'delivery', 'deliveries')} of interrupts and exceptions, ${formatQuantity(eventDelivery, 'access', 'accesses')}: ${verdict}${led}\n`,
    ...places.map(
      ({ vector, ip, loads, stores }) =>
        `  ${vector === undefined ? 'of no event' : `vector ${vector}`} at ${ip ?? 'an unknown address'}: ${formatQuantity(loads, 'load', 'loads')}, ${formatQuantity(stores, 'store', 'stores')}\n`,
    ),
    lost,
  ].join('');
}

/** They were counted when they were recorded: missing, not wrong. */
function renderLost({ lost, lostOfUnknownVcpu }: AuditCommandResult['deliveries']): string {
  if (lost === 0) return '';
  const reasons = [
    {
      count: lostOfUnknownVcpu,
      why: "neither QEMU nor the vCPUs' state says which vCPU took it",
    },
    { count: lost - lostOfUnknownVcpu, why: 'what came of it, or its tables, could not be seen' },
  ].filter(({ count }) => count > 0);
  return [
    `${formatQuantity(lost, 'delivery', 'deliveries')} more LOST, the event alone is in the trace:\n`,
    ...reasons.map(({ count, why }) => `  ${formatCount(count)}: ${why}\n`),
  ].join('');
}

function renderVerdict(result: AuditCommandResult): string {
  const { unexplained, missing, extra, addressMismatches, executions, recorded, deliveries } =
    result;
  const { lost } = deliveries;
  const counts = [
    `${formatQuantity(recorded, 'access', 'accesses')} of ${formatQuantity(executions, 'instruction')}`,
    lost === 0 ? '' : `; ${formatQuantity(lost, 'delivery', 'deliveries')} LOST`,
  ].join('');
  if (unexplained === 0 && addressMismatches === 0)
    return `every difference is explained: ${counts}`;
  const accesses = formatQuantity(missing + extra, 'access', 'accesses');
  const addresses = formatQuantity(addressMismatches, 'wrong address', 'wrong addresses');
  const wrong = formatQuantity(deliveries.wrong, 'delivery', 'deliveries');
  return `NOT EXPLAINED: ${accesses}, ${addresses}${deliveries.wrong === 0 ? '' : `, ${wrong}`}; ${counts}`;
}

function rowOf(audit: MnemonicAudit): readonly string[] {
  const counts = [
    audit.executions,
    audit.expected,
    audit.recorded,
    audit.explained,
    audit.unexplained,
  ];
  const reasons = [
    ...Object.entries(audit.rules).map(([rule, count]) => `${rule} ${formatCount(count)}`),
    ...Object.entries(audit.inferred).map(([name, count]) => `by ${name} ${formatCount(count)}`),
    ...Object.entries(audit.omitted).map(
      ([name, count]) => `${name} ${formatQuantity(count, 'execution')}`,
    ),
  ];
  return [audit.mnemonic, ...counts.map(formatCount), reasons.join(', ')];
}

function renderPlace(place: UnexplainedPlace): string {
  const what = [
    place.missing === 0 ? [] : [`${formatCount(place.missing)} missing`],
    place.extra === 0 ? [] : [`${formatCount(place.extra)} too many`],
    place.addressMismatches === 0
      ? []
      : [formatQuantity(place.addressMismatches, 'wrong address', 'wrong addresses')],
  ].flat();
  return `  ${place.vaddr}  ${place.text}  (instruction ${place.instruction} of the block at ${place.blockVaddr}): ${what.join(', ')}\n`;
}
