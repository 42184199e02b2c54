// SPDX-License-Identifier: Apache-2.0
// The report on one screen of a terminal.

import {
  formatBytes,
  formatCount,
  formatCountShort,
  formatQuantity,
  formatRatio,
} from '../../base/index.ts';
import {
  describeAccounts,
  describeNotHeld,
  describeWindows,
  quoteWord,
  type ReportResult,
  type TraceReport,
} from '../../query/index.ts';
import { findingsOf } from '../../report/index.ts';
import { drawTable } from './table.ts';
import { nameInstruction, renderDeliberateFault } from './trace-facts.ts';

const SHOWN = 5;
const SHOWN_VCPUS = 8;
const SPARKS = ' .:-=+*#%@';
const SPARK_WIDTH = 64;

export function renderReport({ file, parameters, result }: TraceReport, program: string): string {
  const { facts, counts, hot, rate, footprint, addressSpaces } = result;
  const findings = findingsOf(result);
  const total = hot.loads + hot.stores;
  const note = describeWindows(parameters.windowVcpus);
  const top = (
    title: string,
    rows: readonly { readonly loads: number; readonly stores: number }[],
    nameOf: (index: number) => string,
  ): string =>
    [
      `\n${title}\n`,
      drawTable(
        rows
          .slice(0, SHOWN)
          .map(({ loads, stores }, i) => [
            `  ${formatRatio(loads + stores, total).padStart(8)}`,
            nameOf(i),
          ]),
        [],
      ),
    ].join('');
  return [
    renderDeliberateFault(facts.deliberateFault),
    `${file}: ${formatQuantity(counts.accesses, 'access', 'accesses')} (${formatCountShort(counts.loads)} loads, ${formatCountShort(counts.stores)} stores) of ${formatQuantity(counts.instructions, 'instruction')}\n`,
    `QEMU ${facts.recorder.qemu.version ?? 'not known'}, ${formatBytes(facts.fileBytes)}; ${describeAccounts(facts)}\n`,
    `\naccesses over time: ${findings.rate}\n`,
    `  ${sparks(rate.windows.map(({ loads, stores }) => sumOf(loads) + sumOf(stores)))}\n`,
    ...vcpuLines(rate),
    note === undefined ? '' : `  ${note}\n`,
    `working set: ${findings.footprint}\n`,
    `  ${sparks(footprint.windows.map(({ all }) => all.lines))}\n`,
    `reuse, fully associative LRU caches: ${findings.reuse}${findings.reuseSampling}\n`,
    addressSpaces === null ? '' : `address spaces: ${findings.spaces}\n`,
    `addresses: ${findings.heat}\n`,
    `instructions: ${findings.mix}\n`,
    top(findings.functions, hot.functions.top, (i) => hot.functions.top[i]?.name ?? ''),
    top(findings.pages, hot.pages.top, (i) => {
      const page = hot.pages.top[i];
      return page === undefined ? '' : `${page.address}  ${page.name}`;
    }),
    top(findings.instructions, hot.instructions.top, (i) => {
      const one = hot.instructions.top[i];
      return one === undefined ? '' : nameInstruction(one);
    }),
    `\n${completeness(result, file, program)}`,
  ].join('');
}

function completeness(
  { facts, instructionAudit }: ReportResult,
  file: string,
  program: string,
): string {
  const names = describeNotHeld(facts).map(({ name }) => name);
  const audit =
    instructionAudit === null
      ? ''
      : `instruction audit: ${formatCount(instructionAudit.unexplained)} unexplained, ${formatQuantity(instructionAudit.addressMismatches, 'wrong address', 'wrong addresses')}, of ${formatQuantity(instructionAudit.recorded, 'access', 'accesses')}\n`;
  const memory = facts.memoryAudit;
  return [
    audit,
    memory === null
      ? ''
      : `memory audit: ${formatQuantity(memory.unknownBytes, 'byte')} unexplained of ${formatBytes(memory.auditedBytes)}\n`,
    `not in this trace, or in part: ${names.join(', ')}; ${program} info ${quoteWord(file)} says why\n`,
  ].join('');
}

/** Each vCPU along its own instructions, when there are several. */
function vcpuLines({ vcpus }: ReportResult['rate']): string[] {
  if (vcpus.length < 2) return [];
  const most = Math.max(...vcpus.flatMap(({ accesses }) => accesses));
  const lines = vcpus
    .slice(0, SHOWN_VCPUS)
    .map(({ vcpu, accesses }) => `  ${sparks(accesses, most)}  vCPU ${vcpu}\n`);
  const more = vcpus.length - SHOWN_VCPUS;
  return more > 0 ? [...lines, `  and ${formatQuantity(more, 'more vCPU')}\n`] : lines;
}

/** One character for each column, from nothing to the most. */
function sparks(values: readonly number[], most: number = Math.max(1, ...values)): string {
  const perColumn = Math.max(1, Math.ceil(values.length / SPARK_WIDTH));
  const columns = Array.from({ length: Math.ceil(values.length / perColumn) }, (_, c) =>
    Math.max(...values.slice(c * perColumn, (c + 1) * perColumn)),
  );
  const shade = (value: number): number => Math.ceil((value / most) * (SPARKS.length - 1));
  return columns.map((value) => SPARKS[shade(value)] ?? '').join('');
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
