// SPDX-License-Identifier: Apache-2.0
// Figures along time, as steps, or along the size of a cache: lines, or areas upon each other. uPlot draws and
// owns the cursor.

import uPlot from 'uplot';
import { formatBytes, formatCountShort, formatRatio } from '../base/index.ts';
import type { SeriesChart } from '../report/index.ts';
import { requireElement } from './elements.ts';
import { themeColour } from './theme.ts';

/** Cursors of all charts of time go together. */
const CURSOR_KEY = 'time';
const AXIS_FONT = '12px system-ui, sans-serif';

export interface DrawnChart {
  /** Draws it again, in the place and the colours that there are now. */
  redraw(): void;
}

export function drawSeriesChart(chart: SeriesChart): DrawnChart {
  const place = requireElement(chart.id);
  const legend = createLegend(chart, requireElement(`${chart.id}-legend`));
  const { tops, order } = chart.stacked ? stack(chart) : unstacked(chart);
  let plot: uPlot | undefined;
  const redraw = (): void => {
    plot?.destroy();
    const size = { width: place.clientWidth, height: place.clientHeight };
    const options = optionsOf(chart, order, size, legend.show);
    // Each value holds until the next begins; the end of the last is a point of its own.
    const ys = order.map((i) =>
      isTime(chart) ? [...(tops[i] ?? []), tops[i]?.at(-1) ?? 0] : [...(tops[i] ?? [])],
    );
    plot = new uPlot(options, [[...chart.x], ...ys], place);
  };
  redraw();
  return { redraw };
}

function isTime({ along }: SeriesChart): boolean {
  return along === 'instructions';
}

interface Drawn {
  /** By series, what is drawn. */
  readonly tops: readonly (readonly number[])[];
  /** Series in the order in which they are drawn. */
  readonly order: readonly number[];
}

/** The highest area is drawn first and the lower ones over it. */
function stack({ series }: SeriesChart): Drawn {
  const tops: number[][] = [];
  for (const { values } of series) {
    const below = tops.at(-1);
    tops.push(values.map((value, w) => value + (below?.[w] ?? 0)));
  }
  return { tops, order: series.map((_, i) => i).reverse() };
}

function unstacked({ series }: SeriesChart): Drawn {
  return { tops: series.map(({ values }) => values), order: series.map((_, i) => i) };
}

function optionsOf(
  chart: SeriesChart,
  order: readonly number[],
  size: { readonly width: number; readonly height: number },
  show: (window: number | undefined) => void,
): uPlot.Options {
  const paths = isTime(chart) ? uPlot.paths.stepped?.({ align: 1 }) : uPlot.paths.linear?.();
  if (paths === undefined) throw new Error('internal: no such paths');
  const axis: uPlot.Axis = {
    stroke: themeColour('soft'),
    font: AXIS_FONT,
    grid: { stroke: themeColour('line'), width: 1 },
    ticks: { stroke: themeColour('line'), width: 1, size: 4 },
  };
  const format = formatOf(chart);
  return {
    ...size,
    legend: { show: false },
    cursor: {
      ...(isTime(chart) ? { sync: { key: CURSOR_KEY } } : {}),
      drag: { setScale: true, x: true, y: false },
    },
    scales: {
      x: isTime(chart) ? { time: false } : { time: false, distr: 3, log: 2 },
      y: { range: (_plot, _low, high) => [0, high * 1.05 || 1] },
    },
    axes: [
      {
        ...axis,
        size: 44,
        label: isTime(chart) ? 'instructions' : 'size of the cache',
        labelFont: AXIS_FONT,
        labelSize: 18,
        values: (_plot, ticks) => ticks.map(isTime(chart) ? formatCountShort : formatPower),
      },
      {
        ...axis,
        size: 66,
        ...(chart.unit === 'bytes' ? { incrs: BYTE_STEPS } : {}),
        values: (_plot, ticks) => ticks.map(format),
      },
    ],
    series: [
      {},
      ...order.map((i): uPlot.Series => {
        const colour = colourOf(chart, i);
        return {
          stroke: colour,
          width: chart.stacked ? 0.5 : 1.75,
          ...(chart.stacked ? { fill: colour } : {}),
          paths,
          points: { show: false },
        };
      }),
    ],
    hooks: {
      setCursor: [
        ({ cursor }) => {
          show(cursor.idx ?? undefined);
        },
      ],
    },
  };
}

/** 1 KiB to 8 TiB, so that ticks are whole numbers of units. */
const BYTE_STEPS = Array.from({ length: 34 }, (_, i) => 2 ** (i + 10));

function colourOf({ series }: SeriesChart, i: number): string {
  return themeColour(`s${series[i]?.colour ?? 0}`);
}

function formatOf({ unit }: SeriesChart): (value: number) => string {
  if (unit === 'percent') return (value) => formatRatio(value, 100);
  return unit === 'bytes' ? formatBytes : formatCountShort;
}

/** "64 KiB"; every second power of two has a name on a logarithmic axis. */
function formatPower(sizeBytes: number): string {
  return Math.log2(sizeBytes) % 2 === 0 ? formatBytes(sizeBytes).replace('.00', '') : '';
}

/** Names and colours; of the window under the cursor, also values. */
function createLegend(
  chart: SeriesChart,
  place: HTMLElement,
): { readonly show: (window: number | undefined) => void } {
  const format = formatOf(chart);
  const where = document.createElement('span');
  const values = chart.series.map(({ label, colour }) => {
    const item = document.createElement('span');
    const mark = document.createElement('i');
    mark.style.background = `var(--s${colour})`;
    const value = document.createElement('b');
    item.append(mark, `${label} `, value);
    place.append(item);
    return value;
  });
  place.append(where);
  return {
    show: (window) => {
      const isInside = window !== undefined && chart.series[0]?.values[window] !== undefined;
      const x = window === undefined ? 0 : (chart.x[window] ?? 0);
      const at = isTime(chart) ? `from ${formatCountShort(x)}` : formatBytes(x);
      where.textContent = isInside ? at : '';
      values.forEach((value, i) => {
        value.textContent = isInside ? format(chart.series[i]?.values[window] ?? 0) : '';
      });
    },
  };
}
