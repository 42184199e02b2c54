// SPDX-License-Identifier: Apache-2.0
import { assertNever } from '../../base/index.ts';
import { describeAccounts } from '../../query/index.ts';
import type { RecordResult } from '../results.ts';
import { renderBytes } from './table.ts';
import { renderAudit, renderNotHeld, renderTotals } from './trace-facts.ts';

export function renderRecord(result: RecordResult): string {
  const { trace } = result;
  const notHeld = renderNotHeld(trace);
  const explanation = result.explanation === '' ? '' : `: ${result.explanation}`;
  return [
    `${trace.file}: ${causeText(result.cause)}${explanation}\n\n`,
    renderTotals(trace),
    `${describeAccounts(trace)}\n`,
    `QEMU ${result.qemu.version} ran ${result.wallSeconds.toFixed(1)} s, peak memory ${renderBytes(result.qemu.peakRssBytes)}\n`,
    notHeld === '' ? '' : `\nnot in this trace:\n${notHeld}`,
    renderAudit(trace),
  ].join('');
}

function causeText(cause: RecordResult['cause']): string {
  switch (cause) {
    case 'guest-exit':
      return 'complete, the guest ended';
    case 'limit':
      return 'complete up to the limit';
    case 'stopped':
      return 'complete up to the stop';
    case 'write-error':
      return 'ended early';
    case 'cut':
      return 'cut';
    default:
      return assertNever(cause);
  }
}
