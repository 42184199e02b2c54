// SPDX-License-Identifier: Apache-2.0
// The generated part of docs/completeness.md, from a result.

import { HOLES, OUTSIDE_CASES, RULES } from './explanations.ts';
import type { Verdict } from './judge.ts';
import type { CaseResult, ConformanceResult, VerdictCounts } from './run-conformance.ts';

const LETTERS: Readonly<Record<Verdict, string>> = {
  observed: 'o',
  reconstructed: 'r',
  missing: '**m**',
  'not-applicable': '-',
};

/** Behind it the document goes on, in words that are not generated (scripts/write-completeness.mjs). */
const GENERATED_END = '<!-- end -->';

/** "10.0" of "10.0.2": the column of the table of cases that a QEMU belongs to. */
function seriesOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

export function renderCompleteness(result: ConformanceResult): string {
  const series = result.qemus.map(({ version }) => seriesOf(version));
  const matrix = result.matrix.map(({ title, counts }) => [title, ...counts.map(drawCounts)]);
  const total = result.cases.length / result.qemus.length;
  return [
    `## What each QEMU shows

${total} cases on QEMU ${result.qemus.map(({ version }) => version).join(', ')}. o: observed; r: reconstructed; m: missing; -: not
applicable.
`,
    drawTable(['kind of access', ...series], matrix),
    '\nColumns that a trace does not have, or not always; there they are not compared:\n',
    ...result.qemus.flatMap(({ version, notCompared }) =>
      notCompared.map(
        ({ column, why, thread }) =>
          `- ${seriesOf(version)}${thread === null ? '' : `, thread=${thread}`}, ${column}: ${why}`,
      ),
    ),
    '\n## What is missing\n',
    ...listHoles(result.cases),
    '\n## What is not applicable\n',
    ...listReasons(result.cases.filter(({ verdict }) => verdict === 'not-applicable')),
    `
## Where QEMU differs from the manual

The trace says what QEMU did. Each rule is checked: the cases that name it have exactly these accesses, and fewer than the
manual prescribes only where the rule says which are left out.
`,
    ...Object.entries(RULES).flatMap(([name, { reason, source }]) => {
      const ids = new Set(result.cases.filter(({ rules }) => rules.includes(name)).map(idOf));
      return ids.size === 0 ? [] : [`- **${name}**: ${reason} (${source}). Cases: ${ids.size}.`];
    }),
    `
No case has these, but \`loadstore explain\` and the instruction audit, where they concern it, tell them; nothing is missing in the trace:
`,
    ...Object.entries(OUTSIDE_CASES).map(
      ([name, { what, source }]) => `- **${name}**: ${what} (${source}).`,
    ),
    '\n## Cases\n',
    drawTable(['case', 'mode', 'what', ...series], caseRows(result)),
  ].join('\n');
}

function drawCounts(counts: VerdictCounts): string {
  const parts = (['observed', 'reconstructed', 'missing', 'not-applicable'] as const).flatMap(
    (verdict) => (counts[verdict] === 0 ? [] : [`${counts[verdict]} ${LETTERS[verdict]}`]),
  );
  return parts.length === 0 ? '' : parts.join(', ');
}

function listHoles(cases: readonly CaseResult[]): string[] {
  return Object.entries(HOLES).flatMap(([name, { reason }]) => {
    const found = cases.filter(({ holes }) => holes.includes(name));
    if (found.length === 0) return [];
    const versions = new Set(found.map(({ qemu }) => seriesOf(qemu)));
    const ids = new Set(found.map(idOf));
    return [
      `- **${name}** (${[...versions].join(', ')}): ${reason}. Cases: ${[...ids].join(', ')}.`,
    ];
  });
}

function listReasons(cases: readonly CaseResult[]): string[] {
  const groups = new Map<string, string[]>();
  for (const each of cases) {
    const key = `${seriesOf(each.qemu)}: ${each.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), each.id]);
  }
  return [...groups].map(([reason, ids]) => `- ${reason}. Cases: ${ids.length}.`);
}

function idOf({ id }: CaseResult): string {
  return id;
}

function caseRows({ cases, qemus }: ConformanceResult): string[][] {
  const [first] = qemus;
  return cases
    .filter(({ qemu }) => qemu === first?.version)
    .map(({ id, mode, title }) => [
      id,
      mode,
      title,
      ...qemus.map(({ version }) => {
        const found = cases.find((each) => each.id === id && each.qemu === version);
        return found === undefined ? '' : LETTERS[found.verdict];
      }),
    ]);
}

function drawTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The verdicts of a QEMU in the document, as letters by case; undefined when it has no column. */
export function readVerdicts(document: string, version: string): Map<string, string> | undefined {
  const [generated = ''] = document.split(GENERATED_END);
  const rows = generated
    .slice(generated.indexOf('## Cases'))
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '));
  const [head = [], , ...body] = rows;
  const column = head.indexOf(seriesOf(version));
  if (column < 0) return undefined;
  return new Map(body.map((cells) => [cells[0] ?? '', cells[column] ?? '']));
}

/** As in the document. */
export function verdictLetters(cases: readonly CaseResult[]): Map<string, string> {
  return new Map(cases.map(({ id, verdict }) => [id, LETTERS[verdict]]));
}
