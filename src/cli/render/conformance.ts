// SPDX-License-Identifier: Apache-2.0
import { formatQuantity } from '../../base/index.ts';
import type { CaseResult, ConformanceResult, VerdictCounts } from '../../conformance/index.ts';
import { drawTable, fillText } from './table.ts';

export function renderConformance(result: ConformanceResult): string {
  const { qemus, cases, matrix, problems } = result;
  const rows = matrix.map(({ title, counts }) => [title, ...counts.map(drawCounts)]);
  const parts = [
    drawTable([['kind of access', ...qemus.map(({ version }) => version)], ...rows], []),
  ];
  for (const [reason, ids] of groupByReason(cases)) {
    parts.push(`\n${fillText(`${reason}: ${ids.join(', ')}`, 100, '  ')}\n`);
  }
  for (const { version, notCompared } of qemus) {
    for (const { column, why, thread } of notCompared) {
      const where = thread === null ? version : `${version} with thread=${thread}`;
      parts.push(`\n${fillText(`not compared on ${where}: ${column}: ${why}`, 100, '  ')}\n`);
    }
  }
  for (const each of cases) if (each.details !== undefined) parts.push(drawDetails(each));
  for (const problem of problems) parts.push(`\n${problem}\n`);
  const count = `${formatQuantity(cases.length, 'case', 'cases')}, ${result.unexplained} unexplained`;
  parts.push(`\n${count}${problems.length === 0 ? '' : `, ${problems.length} problems`}\n`);
  return parts.join('');
}

/** "12 observed, 3 missing" */
function drawCounts(counts: VerdictCounts): string {
  const parts = [
    [counts.observed, 'observed'],
    [counts.reconstructed, 'reconstructed'],
    [counts.missing, 'missing'],
    [counts['not-applicable'], 'not applicable'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return shown.length === 0 ? '-' : shown.join(', ');
}

function groupByReason(cases: readonly CaseResult[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { id, qemu, verdict, reason } of cases) {
    if (reason === '') continue;
    const key = `${verdict === 'not-applicable' ? 'not applicable' : verdict} on ${qemu}: ${reason}`;
    groups.set(key, [...(groups.get(key) ?? []), id]);
  }
  return groups;
}

function drawDetails({ id, guest, qemu, details }: CaseResult): string {
  const list = (lines: readonly string[] = []): string =>
    lines.map((line) => `    ${line}\n`).join('');
  return `\n${id} (${guest}.asm) on ${qemu}, from the first difference on
  expected\n${list(details?.expected)}  recorded\n${list(details?.recorded)}`;
}
