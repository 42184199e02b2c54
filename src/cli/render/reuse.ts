// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount, formatQuantity, formatRatio } from '../../base/index.ts';
import type { NamedLine, ReuseReport } from '../reuse-report.ts';
import { drawTable } from './table.ts';

type Drawn = Pick<ReuseReport, 'parameters' | 'result'>;

export function renderReuse({ parameters, result }: ReuseReport): string {
  return [
    drawSummary({ parameters, result }),
    '\n',
    drawHistogram(result),
    '\n',
    drawCurve(result),
    `\n${drawLines('most referenced lines', result.topReferenced)}`,
    result.distant.references === null
      ? ''
      : `\n${drawLines('lines with the most distant references', result.topDistant)}`,
    `\n${drawNotes({ parameters, result })}`,
  ].join('');
}

/** Estimates are not whole. */
function count(value: number): string {
  return formatCount(Math.round(value));
}

function drawSummary({ parameters, result }: Drawn): string {
  const { references, compulsory, distances, distant, sampling } = result;
  const rows = [
    ['references to lines', count(references), ''],
    ['first ones (compulsory)', count(compulsory), formatRatio(compulsory, references)],
    [
      `distant (more than ${formatCount(parameters.distanceThreshold)})`,
      ...(distant.references === null
        ? ['not known', '']
        : [count(distant.references), formatRatio(distant.references, references)]),
    ],
  ];
  if (distances !== null) {
    rows.push(
      ['mean distance', distances.mean.toFixed(2), ''],
      ['standard deviation', distances.standardDeviation.toFixed(2), ''],
      ['median distance', medianText(result), ''],
      ['largest distance', formatCount(distances.max), ''],
    );
  }
  const estimated =
    sampling === null || sampling.rate === 1
      ? ''
      : `Estimated from ${formatRatio(sampling.rate, 1)} of the lines: what is nearer than ${formatQuantity(sampling.leastLines, 'line')} is not told apart.\n`;
  return `${drawTable(rows, ['left', 'right', 'right'])}${estimated}`;
}

function medianText({ distances, sampling }: Drawn['result']): string {
  const { median = null } = distances ?? {};
  return median === null ? `below ${formatCount(sampling?.leastLines ?? 0)}` : formatCount(median);
}

/** Powers of two: the JSON has finer bins. */
function drawHistogram({ histogram, references }: ReuseReport['result']): string {
  const octaves = new Map<number, number>();
  for (const bin of histogram) {
    const from = bin.from === 0 ? 0 : 2 ** Math.floor(Math.log2(bin.from));
    octaves.set(from, (octaves.get(from) ?? 0) + bin.references);
  }
  // Of a sample the first bin reaches into an octave.
  const near = histogram[0]?.from === 0 ? histogram[0].to : 0;
  let before = 0;
  const rows = [...octaves].map(([octave, inside]) => {
    before += inside;
    const [from, to] = octave === 0 ? [0, near] : [Math.max(octave, near), 2 * octave];
    const range = to - from === 1 ? String(from) : `${formatCount(from)} to ${formatCount(to - 1)}`;
    return [range, count(inside), formatRatio(inside, references), formatRatio(before, references)];
  });
  return drawTable(
    [['distance', 'references', '', 'up to here'], ...rows],
    ['right', 'right', 'right', 'right'],
  );
}

function drawCurve({ missRatioCurve, references }: ReuseReport['result']): string {
  const rows = missRatioCurve
    .filter(({ lines }) => Number.isInteger(Math.log2(lines)))
    .map(({ lines, sizeBytes, misses }) => [
      formatBytes(sizeBytes),
      formatCount(lines),
      count(misses),
      formatRatio(misses, references),
    ]);
  return drawTable(
    [['LRU cache of', 'lines', 'misses', ''], ...rows],
    ['right', 'right', 'right', 'right'],
  );
}

function drawLines(title: string, lines: readonly NamedLine[]): string {
  if (lines.length === 0) return `${title}: none\n`;
  const rows = lines.map(({ address, name, references, distant }) => [
    address,
    formatCount(references),
    distant === null ? '' : formatCount(distant),
    name ?? '',
  ]);
  return drawTable(
    [[title, 'references', 'distant', ''], ...rows],
    ['left', 'right', 'right', 'left'],
  );
}

function drawNotes({ parameters, result }: Drawn): string {
  const { excluded, accesses, sampling } = result;
  const notes = [
    `${formatQuantity(accesses, 'access', 'accesses')}; lines of ${parameters.lineBytes} bytes, ${parameters.usePhysical ? 'physical' : 'virtual'} addresses.`,
  ];
  if (sampling !== null) notes.push('The lists have sampled lines only.');
  if (excluded.device > 0) {
    notes.push(`Left out: ${formatQuantity(excluded.device, 'access', 'accesses')} to devices.`);
  }
  if (excluded.noAddress > 0) {
    const which = parameters.usePhysical ? 'whose physical address is not known' : 'of page walks';
    notes.push(`Left out: ${formatQuantity(excluded.noAddress, 'access', 'accesses')} ${which}.`);
  }
  return `${notes.join('\n')}\n`;
}
