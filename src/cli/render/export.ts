// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount, formatQuantity } from '../../base/index.ts';
import { LOSS_NAMES, LOSSES } from '../../export/index.ts';
import type { ExportResult } from '../results.ts';

export function renderExport({
  format,
  output,
  records,
  bytes,
  lost,
  covered,
}: ExportResult): string {
  const size = `${formatQuantity(records, 'record')}, ${formatBytes(bytes)}`;
  const names = LOSS_NAMES.filter((name) => (lost[name] ?? 0) > 0);
  const left = names.map(
    (name) => `  ${formatCount(lost[name] ?? 0).padStart(13)}  ${LOSSES[name]}\n`,
  );
  const whole = (covered ?? []).map(
    ({ from, until }) =>
      `whole block executions: accesses ${formatCount(from)} up to, not including, ${formatCount(until)}\n`,
  );
  return `${output}: ${format}, ${size}\n${whole.join('')}${left.length === 0 ? '' : `left out:\n${left.join('')}`}`;
}
