// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount } from '../../base/index.ts';
import { describeAccounts, quoteWord } from '../../query/index.ts';
import type { DemoResult } from '../results.ts';
import { renderHotFunctions, renderHotPlaces } from './hot.ts';
import { drawTable } from './table.ts';
import { renderAudit, renderNotHeld } from './trace-facts.ts';

export function renderDemo(result: DemoResult, program: string): string {
  const { trace, hot } = result;
  const { totals } = trace;
  const instructionBytes = totals.instructions === 0 ? 0 : trace.fileBytes / totals.instructions;
  const file = quoteWord(trace.file);
  const facts = [
    ['instructions', formatCount(totals.instructions)],
    ['loads', formatCount(totals.loads)],
    ['stores', formatCount(totals.stores)],
    [
      'file',
      `${trace.file}, ${formatBytes(trace.fileBytes)}: ${(trace.bytesPerAccess ?? 0).toFixed(3)} bytes per access, ${instructionBytes.toFixed(3)} per instruction`,
    ],
    [
      'slowdown',
      `${result.slowdown.toFixed(2)}x: ${result.tracedSeconds.toFixed(2)} s recorded, ${result.untracedSeconds.toFixed(2)} s untraced, ${result.recorderPeakBytes === null ? 'extra memory unknown' : `${formatBytes(result.recorderPeakBytes)} more memory`}`,
    ],
    ['', `(of one run on this machine as it was; to measure: ${program} bench record)`],
    ['counted', describeAccounts(trace)],
  ];
  return [
    `Linux ${result.kernelVersion} in QEMU ${result.qemu.version}, from the first instruction of the firmware to power-off\n\n`,
    drawTable(facts, []),
    `\nmost accesses: ${renderHotFunctions(hot)}`,
    `\n${renderHotPlaces('pages', hot.pages, totals.accesses)}`,
    `\nnot in this trace:\n${renderNotHeld(trace)}${renderAudit(trace)}`,
    `\nAll of it, drawn: ${result.report}\n`,
    `Next: ${program} view ${file}; ${program} info ${file}; ${program} dump ${file} --count 20\n`,
  ].join('');
}
