// SPDX-License-Identifier: Apache-2.0
// Tables of the page. One that was cut says how many more there are.

import {
  formatBytes,
  formatCount,
  formatCountShort,
  formatQuantity,
  formatRatio,
} from '../base/index.ts';
import {
  type AddressSpaceRate,
  type CountsFigures,
  describeRan,
  type HotFigures,
  type HotPlaces,
  type TraceReport,
} from '../query/index.ts';
import type { Findings } from './findings.ts';
import { type Html, html, NOTHING } from './html.ts';

const SHOWN_MNEMONICS = 12;
const SHOWN_SPACES = 12;

export function factTable(rows: readonly (readonly [name: string, value: Html])[]): Html {
  return html`<table class="facts">${rows.map(
    ([name, value]) => html`<tr><td>${name}</td><td>${value}</td></tr>\n`,
  )}</table>`;
}

export function hotTables(
  hot: HotFigures,
  findings: Findings,
  { reportTop }: TraceReport['parameters'],
): Html {
  const total = hot.loads + hot.stores;
  const most = (rows: readonly Count[]): number => Math.max(1, ...rows.map(accessesOf));
  const { functions, instructions, pages, lines } = hot;
  const place = ({ unitBytes, count, top }: HotPlaces, what: string): Html =>
    tableOf(
      [`${what} of ${formatBytes(unitBytes)}, virtual`, 'what it is', ...COUNT_HEADS],
      top.map((one) => [
        html`<td><code>${one.address}</code></td><td class="wrap">${one.name}</td>`,
        ...countCells(one, total, most(top)),
      ]),
      count - top.length,
      what,
    );
  return html`<div class="pair">
<section>
<h2>Top functions: ${findings.functions}</h2>
${tableOf(
  ['function', ...COUNT_HEADS],
  functions.top.map((one) => [
    html`<td class="wrap"><code class="wrap">${one.name}</code></td>`,
    ...countCells(one, total, most(functions.top)),
  ]),
  functions.count - functions.top.length,
  'function',
)}
</section>
<section>
<h2>Top pages: ${findings.pages}</h2>
${place(pages, 'page')}
</section>
</div>
<section>
<h2>Top instructions: ${findings.instructions}</h2>
${tableOf(
  ['address', 'instruction', 'in', ...COUNT_HEADS],
  instructions.top.map((one) => [
    html`<td><code>${one.address}</code></td><td><code>${one.text}</code></td><td class="wrap">${one.function}</td>`,
    ...countCells(one, total, most(instructions.top)),
  ]),
  instructions.count - instructions.top.length,
  'instruction',
)}
<h3>The ${formatQuantity(Math.min(reportTop, lines.top.length), 'line')} with the most accesses</h3>
${place(lines, 'line')}
</section>`;
}

export function mixTable({ byMnemonic, instructions }: CountsFigures): Html {
  const shown = byMnemonic.slice(0, SHOWN_MNEMONICS);
  const most = shown[0]?.executions ?? 1;
  return tableOf(
    ['instruction', 'completed', 'share'],
    shown.map(({ mnemonic, executions }) => [
      html`<td><code>${mnemonic}</code></td><td class="n">${formatCount(executions)}</td>`,
      shareCell(executions, instructions, most),
    ]),
    byMnemonic.length - shown.length,
    'kind',
  );
}

export function addressSpaceTable(rows: readonly AddressSpaceRate[]): Html {
  const shown = rows.toSorted((a, b) => b.accesses - a.accesses).slice(0, SHOWN_SPACES);
  const total = rows.reduce((sum, { accesses }) => sum + accesses, 0);
  const most = shown[0]?.accesses ?? 1;
  return html`<section>
<h2>Address spaces with the most accesses</h2>
<p class="about">numbered in the order of their first use; a page table that was filled anew is another address space;
a program is recognised by its code, since a trace has no values: all applets of one busybox are “busybox”</p>
${tableOf(
  ['no.', 'CR3', 'ran', 'first icount', 'last icount', 'accesses', 'share'],
  shown.map((row) => [
    html`<td>${row.number}</td><td><code>${row.cr3}</code></td><td class="wrap">${describeRan(row)}</td>
<td class="n">${formatCountShort(row.first.icount)}</td><td class="n">${formatCountShort(row.last.icount)}</td>
<td class="n">${formatCountShort(row.accesses)}</td>`,
    shareCell(row.accesses, total, most),
  ]),
  rows.length - shown.length,
  'address space',
)}
</section>`;
}

interface Count {
  readonly loads: number;
  readonly stores: number;
}

function accessesOf({ loads, stores }: Count): number {
  return loads + stores;
}

/** Names of columns whose cells are numbers. */
const COUNT_HEADS = ['loads', 'stores', 'share'] as const;
const NUMBER_HEADS = new Set([
  ...COUNT_HEADS,
  'completed',
  'accesses',
  'first icount',
  'last icount',
]);

function countCells(count: Count, total: number, most: number): Html[] {
  return [
    html`<td class="n">${formatCountShort(count.loads)}</td><td class="n">${formatCountShort(count.stores)}</td>`,
    shareCell(accessesOf(count), total, most),
  ];
}

/** A bar of its part of the largest, behind its part of all. */
function shareCell(count: number, total: number, most: number): Html {
  const percent = Math.round((100 * count) / Math.max(1, most));
  return html`<td class="n share" style="--part: ${percent}%">${formatRatio(count, total)}</td>`;
}

function tableOf(
  heads: readonly string[],
  rows: readonly (readonly Html[])[],
  moreCount: number,
  one: string,
): Html {
  return html`<div class="scroll"><table>
<tr>${heads.map((head) => (NUMBER_HEADS.has(head) ? html`<th class="n">${head}</th>` : html`<th>${head}</th>`))}</tr>
${rows.map((cells) => html`<tr>${cells}</tr>\n`)}</table></div>
${moreCount <= 0 ? NOTHING : html`<p class="about">and ${formatQuantity(moreCount, `more ${one}`)}</p>`}`;
}
