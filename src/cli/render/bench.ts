// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount, formatCountShort } from '../../base/index.ts';
import type { BenchAnalyseResult } from '../analysis-results.ts';
import type { Machine } from '../machine.ts';
import type { BenchRecordResult, BenchViewResult, Spread } from '../results.ts';
import { drawTable, renderBytes } from './table.ts';

export function renderBenchRecord(result: BenchRecordResult): string {
  const rows = [
    ['slowdown', `${drawSpread(result.slowdown, 'x')} of ${result.runs.length} pairs`],
    ['untraced', drawSpread(result.untracedSeconds, ' s')],
    ['recorded', drawSpread(result.tracedSeconds, ' s')],
    [
      'accesses',
      `${formatCount(result.totals.accesses)}, ${formatCountShort(Math.round(result.accessesPerSecond))}/s`,
    ],
    ['bytes per access', result.bytesPerAccess?.toFixed(4) ?? '-'],
    ['bytes per insn', result.bytesPerInstruction?.toFixed(4) ?? '-'],
    ['recorder memory', renderBytes(result.recorderPeakBytes)],
    ['guest', `Linux ${result.kernelVersion} in QEMU ${result.qemuVersion}`],
    ['machine', drawMachine(result.machine)],
  ];
  return drawTable(rows, []);
}

export function renderBenchDecode(result: {
  readonly accessesPerSecond: number;
  readonly machine: Machine;
}): string {
  return drawTable(
    [
      [
        'decoded',
        `${formatCountShort(Math.round(result.accessesPerSecond))} accesses/s on one core`,
      ],
      ['machine', drawMachine(result.machine)],
    ],
    [],
  );
}

export function renderBenchAnalyse({ analyses, machine, runs }: BenchAnalyseResult): string {
  const rows = Object.entries(analyses).map(([name, figures]) => [
    name,
    `${formatCountShort(Math.round(figures.accessesPerSecond))} accesses/s`,
    `${formatCountShort(Math.round(figures.accessesPerCpuSecond))} by processor time`,
    `${figures.scalingTwoWorkers.toFixed(2)}x with two threads`,
    `${formatBytes(figures.peakBytes)} at most`,
  ]);
  const align = ['left', 'right', 'right', 'right', 'right'] as const;
  return `${drawTable(rows, align)}medians of ${runs}; ${drawMachine(machine)}\n`;
}

export function renderBenchView(result: BenchViewResult): string {
  const rows = [
    [
      'index',
      `${formatCountShort(Math.round(result.indexAccessesPerSecond))} accesses/s, ${result.indexBytesPerAccess.toFixed(4)} bytes per access`,
    ],
    ['page ready', `${result.pageReadyMs.toFixed(0)} ms`],
    ['tiles', `${result.tileP95Ms.toFixed(1)} ms (p95)`],
    ['frames', `${result.framesPerSecond.toFixed(1)}/s`],
    ['browser heap', formatBytes(result.browserHeapBytes)],
    ['server memory', formatBytes(result.serverPeakBytes)],
    ['trace', `${formatCount(result.accesses)} accesses; runs: ${result.runs}`],
    ['machine', drawMachine(result.machine)],
  ];
  return drawTable(rows, []);
}

function drawSpread({ median, lowest, highest }: Spread, unit: string): string {
  return `${median.toFixed(3)}${unit} (median; ${lowest.toFixed(3)} to ${highest.toFixed(3)})`;
}

function drawMachine(machine: Machine): string {
  return `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}, Linux ${machine.kernel}, node ${machine.node}, load ${machine.loadAverage.toFixed(1)}`;
}
