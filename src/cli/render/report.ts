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
import { cutText, drawTable, fillText } from './table.ts';
import { nameInstruction, renderDeliberateFault } from './trace-facts.ts';

/** Of a screen. */
const WIDTH = 100;
const LINES = 45;
/** Of a name, the rest of its line being figures. */
const NAME_WIDTH = 86;
const WORD_WIDTH = 60;
/** Rows of a table, when there is room. */
const SHOWN = 5;
const SHOWN_VCPUS = 4;
/** Of what is not held, and how long those are. */
const SHOWN_NAMES = 9;
const SHORT_NAME_WIDTH = 20;
const SPARKS = ' .:-=+*#%@';
const SPARK_WIDTH = 64;

interface TopRow {
  readonly name: string;
  readonly loads: number;
  readonly stores: number;
}

export function renderReport({ file, parameters, result }: TraceReport, program: string): string {
  const { facts, counts, hot, rate, footprint, addressSpaces } = result;
  const findings = findingsOf(result);
  const note = describeWindows(parameters.windowVcpus);
  const version = facts.recorder.qemu.version ?? 'not known';
  const head = [
    cutLine(renderDeliberateFault(facts.deliberateFault)),
    paragraph(
      `${cutText(file, WORD_WIDTH - 1, 'end')}: ${formatQuantity(counts.accesses, 'access', 'accesses')} (${formatCountShort(counts.loads)} loads, ${formatCountShort(counts.stores)} stores) of ${formatQuantity(counts.instructions, 'instruction')}`,
    ),
    paragraph(
      `QEMU ${cutText(version, WORD_WIDTH - 1)}, ${formatBytes(facts.fileBytes)}; ${describeAccounts(facts)}`,
    ),
    '\n',
    paragraph(`accesses over time: ${findings.rate}`),
    `  ${sparks(rate.windows.map(({ loads, stores }) => sumOf(loads) + sumOf(stores)))}\n`,
    ...seriesLines(cplSeries(rate)),
    ...vcpuLines(rate),
    note === undefined ? '' : paragraph(note, '  '),
    paragraph(`working set: ${findings.footprint}`),
    `  ${sparks(footprint.windows.map(({ all }) => all.lines))}\n`,
    paragraph(`reuse, fully associative LRU caches: ${findings.reuse}${findings.reuseSampling}`),
    addressSpaces === null ? '' : paragraph(`address spaces: ${findings.spaces}`),
    paragraph(`addresses: ${findings.heat}`),
    paragraph(`instructions: ${findings.mix}`, '', 1),
  ].join('');
  const tail = `\n${completeness(result, file, program)}`;
  const tables: readonly (readonly [title: string, rows: readonly TopRow[]])[] = [
    [findings.functions, hot.functions.top],
    [
      findings.pages,
      hot.pages.top.map((page) => ({ ...page, name: `${page.address}  ${page.name}` })),
    ],
    [
      findings.instructions,
      hot.instructions.top.map((one) => ({ ...one, name: nameInstruction(one) })),
    ],
  ];
  // Each table has an empty line and a title.
  const room = Math.floor((LINES - lineCount(head) - lineCount(tail)) / tables.length) - 2;
  const shown = Math.max(1, Math.min(SHOWN, room));
  const total = hot.loads + hot.stores;
  const drawn = tables.map(([title, rows]) => drawTop(title, rows.slice(0, shown), total));
  return [head, ...drawn, tail].join('');
}

function drawTop(title: string, rows: readonly TopRow[], total: number): string {
  const cells = rows.map(({ name, loads, stores }) => [
    `  ${formatRatio(loads + stores, total).padStart(8)}`,
    cutText(name, NAME_WIDTH),
  ]);
  return `\n${title}\n${drawTable(cells, [])}`;
}

function completeness(
  { facts, instructionAudit }: ReportResult,
  file: string,
  program: string,
): string {
  const names = describeNotHeld(facts).map(({ name }) => cutText(name, SHORT_NAME_WIDTH));
  const more = names.length - SHOWN_NAMES;
  const shown = names.slice(0, SHOWN_NAMES).join(', ');
  const command = `${program} info ${quoteWord(file)}`;
  const memory = facts.memoryAudit;
  return [
    instructionAudit === null
      ? ''
      : paragraph(
          `instruction audit: ${formatCount(instructionAudit.unexplained)} unexplained, ${formatQuantity(instructionAudit.addressMismatches, 'wrong address', 'wrong addresses')}, of ${formatQuantity(instructionAudit.recorded, 'access', 'accesses')}`,
        ),
    memory === null
      ? ''
      : paragraph(
          `memory audit: ${formatQuantity(memory.unknownBytes, 'byte')} unexplained of ${formatBytes(memory.auditedBytes)}`,
        ),
    paragraph(
      `not in this trace, or in part: ${shown}${more > 0 ? `, and ${more} more` : ''}`,
      '',
      3,
    ),
    // A command that is cut could not be run.
    `  ${command.length > WIDTH - 12 ? 'loadstore info FILE' : command} says why\n`,
  ].join('');
}

/** Filled into so many lines at most, those behind the first indented; words and what is beyond are cut, and seen to be. */
function paragraph(text: string, indent = '', most = 2): string {
  const words = text.split(/\s+/).map((word) => cutText(word, WORD_WIDTH));
  const inner = `${indent}  `;
  // Room for the ellipsis.
  const lines = fillText(words.join(' '), WIDTH - inner.length - 2, inner).split('\n');
  const end = lines.length > most ? ' …' : '';
  return `${indent}${lines.slice(0, most).join('\n')}${end}\n`;
}

function cutLine(line: string): string {
  return line === '' ? '' : `${cutText(line.trimEnd(), WIDTH)}\n`;
}

function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** Several on one scale; of one alone nothing is said beyond what all together do. */
function seriesLines(series: readonly Series[]): string[] {
  if (series.length < 2) return [];
  const most = Math.max(...series.flatMap(({ values }) => values));
  return series.map(({ name, values }) => `  ${sparks(values, most)}  ${name}\n`);
}

/** Each privilege that made accesses, along the windows. */
function cplSeries({ windows }: ReportResult['rate']): Series[] {
  const names = ['CPL 0', 'CPL 1', 'CPL 2', 'CPL 3', 'CPL not known'];
  return names
    .map((name, cpl) => ({
      name,
      values: windows.map(({ loads, stores }) => (loads[cpl] ?? 0) + (stores[cpl] ?? 0)),
    }))
    .filter(({ values }) => values.some((count) => count > 0));
}

/** Each vCPU along its own instructions. */
function vcpuLines({ vcpus }: ReportResult['rate']): string[] {
  const series = vcpus.map(({ vcpu, accesses }) => ({ name: `vCPU ${vcpu}`, values: accesses }));
  const lines = seriesLines(series).slice(0, SHOWN_VCPUS);
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
