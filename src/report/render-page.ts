// SPDX-License-Identifier: Apache-2.0
// The report as one file of HTML that needs nothing else: style, scripts and data are in it.

import { formatBytes, formatCountShort, formatQuantity, formatRatio } from '../base/index.ts';
import {
  describeAccounts,
  describeCommand,
  describeWindows,
  type TraceReport,
} from '../query/index.ts';

import { chartData } from './charts.ts';
import { completenessSection } from './completeness-section.ts';
import { findingsOf } from './findings.ts';
import { type Html, html, NOTHING, scriptJson } from './html.ts';
import { PAGE_STYLE } from './style.ts';
import { addressSpaceTable, factTable, hotTables, mixTable } from './tables.ts';

/** vCPUs whose part stands in a title. */
const TOLD_VCPUS = 4;

/** What the page runs and is styled with, beside its own. */
export interface PageAssets {
  readonly styles: readonly string[];
  readonly scripts: readonly PageScript[];
}

export interface PageScript {
  readonly text: string;
  /** SHA-256 of the text in base64: the page runs no other script. */
  readonly sha256: string;
}

/** Throws when a script would end its element. */
export function renderPage(report: TraceReport, assets: PageAssets): string {
  const { result, parameters } = report;
  const { facts, counts, addressSpaces } = result;
  const findings = findingsOf(result);
  const window = formatCountShort(parameters.windowInstructions);
  const title = report.file.split('/').at(-1) ?? report.file;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policyOf(assets)}">
<title>${title}: loadstore report</title>
<style>${[...assets.styles, PAGE_STYLE].map(rawStyle)}</style>
</head>
<body>
<header>
<div>
<h1>${title}: ${headline(report)}</h1>
<p class="soft">${subtitle(report)}</p>
</div>
<button id="theme" type="button" hidden>Dark</button>
</header>
<main>
${warnings(report)}
<div class="tiles">
${tile(formatCountShort(counts.accesses), 'accesses')}
${tile(formatCountShort(counts.loads), `loads, ${formatBytes(counts.bytes.loads)}`)}
${tile(formatCountShort(counts.stores), `stores, ${formatBytes(counts.bytes.stores)}`)}
${tile(formatCountShort(counts.instructions), 'instructions')}
${touchedTile(report)}
${tile(formatBytes(facts.fileBytes), facts.bytesPerAccess === null ? 'file' : `file, ${facts.bytesPerAccess.toFixed(3)} bytes per access`)}
</div>
<section>
<h2>What ran</h2>
${factTable(whatRan(report))}
</section>
<div class="pair">
${chart('rate', `Accesses over time: ${findings.rate}`, `accesses in each window of ${window} instructions, by privilege`)}
${addressSpaces === null ? noSpaces(report) : chart('spaces', `By address space: ${findings.spaces}`, `accesses in each window of ${window} instructions, by the page table that CR3 named`)}
</div>
${vcpuSection(report)}
${heatSection(report, findings.heat)}
<div class="pair">
${chart('footprint', `Working set: ${findings.footprint}`, footprintAbout(report))}
${chart('reuse', `Miss ratio by cache size: ${findings.reuse}`, reuseAbout(report, findings.reuseSampling))}
</div>
${hotTables(result.hot, findings, parameters)}
<div class="pair">
<section>
<h2>Instruction mix: ${findings.mix}</h2>
${mixTable(counts)}
</section>
${addressSpaces === null ? NOTHING : addressSpaceTable(addressSpaces.rows)}
</div>
${completenessSection(report)}
</main>
<footer class="soft">Made by ${facts.recorder.producer ?? 'loadstore'} from ${report.file}. Every figure is
exact unless it says that it is an estimate. The same figures as JSON: <code>${describeCommand(['loadstore', 'report', report.file, '--json'])}</code></footer>
<script type="application/json" id="data">${scriptJson(chartData(result))}</script>
${assets.scripts.map(script)}
</body>
</html>
`.html;
}

/** Nothing is fetched, and no script runs but those of the page. */
function policyOf({ scripts }: PageAssets): string {
  const sources = scripts.map(({ sha256 }) => `'sha256-${sha256}'`).join(' ');
  return `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src ${sources || "'none'"}`;
}

function script({ text }: PageScript): Html {
  if (/<\/script|<!--/i.test(text)) throw new Error('internal: a script of the page would end it');
  return { html: `<script>${text}</script>\n` };
}

function rawStyle(text: string): Html {
  return { html: text };
}

function headline({ result: { counts } }: TraceReport): string {
  return `${formatQuantity(counts.accesses, 'memory access', 'memory accesses')} of ${formatQuantity(counts.instructions, 'instruction')}`;
}

function subtitle({ result: { facts } }: TraceReport): string {
  const { recorder, plugin } = facts;
  const parts = [
    recorder.qemu.version === undefined ? undefined : `QEMU ${recorder.qemu.version}`,
    plugin.vcpus === undefined ? undefined : formatQuantity(plugin.vcpus, 'vCPU'),
    recorder.startedAt === undefined ? undefined : `recorded ${recorder.startedAt}`,
    describeAccounts(facts),
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

function warnings({ result: { facts } }: TraceReport): Html {
  const texts = [
    facts.deliberateFault === null
      ? []
      : [`Wrong on purpose: made for a test with the fault ${facts.deliberateFault}.`],
    facts.complete
      ? []
      : ['The recording was cut: this is about what is there, the end is missing.'],
  ].flat();
  return texts.length === 0
    ? NOTHING
    : html`${texts.map((text) => html`<p class="warning">${text}</p>`)}`;
}

function tile(figure: string, what: string): Html {
  return html`<div class="tile"><b>${figure}</b><span>${what}</span></div>\n`;
}

function whatRan({ result: { facts, counts } }: TraceReport): [string, Html][] {
  const { recorder, plugin } = facts;
  const rows: [string, Html | undefined][] = [
    [
      'command',
      recorder.command && html`<code class="wrap">${describeCommand(recorder.command)}</code>`,
    ],
    ...recorder.images.map(({ path, sha256, bytes }): [string, Html] => [
      'image',
      html`<code class="wrap">${path}</code> <span class="soft wrap">${[
        bytes === undefined ? 'size not known' : formatBytes(bytes),
        sha256 === undefined ? 'no digest' : `sha256 ${sha256}`,
      ].join(', ')}</span>`,
    ]),
    [
      'QEMU',
      recorder.qemu.version === undefined
        ? undefined
        : html`${recorder.qemu.version}${plugin.api === undefined ? '' : `, plugin interface ${plugin.api}`}`,
    ],
    [
      'length',
      html`${formatQuantity(counts.instructions, 'instruction')}, ${formatQuantity(counts.blockExecutions, 'block execution')},
${formatQuantity(facts.totals.events, 'event')} (interrupts, exceptions, SMM); ended: ${facts.cause ?? 'not known'}`,
    ],
    [
      'accesses',
      html`${formatQuantity(counts.loads, 'load')}, ${formatQuantity(counts.stores, 'store')};
${formatRatio(counts.device.loads + counts.device.stores, counts.accesses)} to devices;
${formatQuantity(counts.byOrigin.eventDelivery.loads + counts.byOrigin.eventDelivery.stores, 'access', 'accesses')} of event delivery,
${formatQuantity(counts.byOrigin.pageWalk.loads + counts.byOrigin.pageWalk.stores, 'access', 'accesses')} of page walks;
${formatQuantity(facts.totals.aborted, 'more access', 'more accesses')} of instructions that did not complete`,
    ],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

function chart(id: string, title: string, about: string): Html {
  return html`<section>
<h2>${title}</h2>
<p class="about">${about}</p>
<div class="chart" id="${id}" role="img" aria-label="${title}"></div>
<div class="legend" id="${id}-legend"></div>
</section>`;
}

function noSpaces({ result: { facts } }: TraceReport): Html {
  return html`<section><h2>By address space: not known</h2>
<p class="about">${facts.capabilities['address-space'].why}</p></section>`;
}

/** What several vCPUs did is added up by window everywhere else. */
function vcpuSection({ result: { rate }, parameters }: TraceReport): Html {
  const note = describeWindows(parameters.windowVcpus);
  if (note === undefined) return NOTHING;
  const total = rate.vcpus.reduce((sum, { accesses }) => sum + sumOf(accesses), 0);
  const shares = rate.vcpus.map(
    ({ vcpu, accesses }) => `vCPU ${vcpu} makes ${formatRatio(sumOf(accesses), total)}`,
  );
  const told = shares.slice(0, TOLD_VCPUS).join(', ');
  const title = `By vCPU: ${told}${shares.length > TOLD_VCPUS ? ' ...' : ''}`;
  return chart('vcpus', title, `${note}; that holds for every picture over time on this page`);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function touchedTile({ result: { footprint } }: TraceReport): Html {
  const { total, lineBytes, pageBytes, sampledOneIn } = footprint;
  const { pages, lines } = total.all;
  return tile(
    formatBytes(pages * pageBytes),
    `in pages touched (${formatCountShort(pages)}); ${formatBytes(lines * lineBytes)} in lines touched${sampledOneIn === 1 ? '' : '; estimated'}`,
  );
}

function footprintAbout({ result: { footprint }, parameters }: TraceReport): string {
  const sampled =
    footprint.sampledOneIn === 1
      ? ''
      : `; estimated from one page in ${footprint.sampledOneIn}, since there are too many lines`;
  return `different lines of ${formatBytes(footprint.lineBytes)} of virtual memory, in bytes, touched in each window of ${formatCountShort(parameters.windowInstructions)} instructions${sampled}`;
}

function reuseAbout({ parameters }: TraceReport, sampling: string): string {
  return `references that a fully associative LRU cache of that size would miss, in lines of ${formatBytes(parameters.lineBytes)} of virtual memory, first uses included${sampling}`;
}

function heatSection({ result: { heat }, parameters }: TraceReport, finding: string): Html {
  const title = `Addresses over time: ${finding}`;
  return html`<section>
<h2>${title}</h2>
<p class="about">virtual memory in bands of ${formatBytes(heat.unitBytes)}, lowest address on top; bands that nothing
accessed are left out, a line is where they were; each column is ${formatCountShort(parameters.windowInstructions)} instructions</p>
<div class="heat" id="heat"><canvas role="img" aria-label="${title}"></canvas></div>
<div class="legend" id="heat-legend"></div>
<p class="readout soft" id="heat-readout">Point at a place to see what it is.</p>
</section>`;
}
