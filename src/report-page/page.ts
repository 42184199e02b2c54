// SPDX-License-Identifier: Apache-2.0
// What a report does in the browser: draws its charts from the data that stands in the page.

import type { ChartData } from '../report/index.ts';
import { requireElement } from './elements.ts';
import { drawHeatMap } from './heat-map.ts';
import { drawSeriesChart } from './series-chart.ts';
import { startTheme } from './theme.ts';

function isChartData(value: unknown): value is ChartData {
  return typeof value === 'object' && value !== null && 'series' in value && 'heat' in value;
}

function readData(): ChartData {
  const data: unknown = JSON.parse(requireElement('data').textContent ?? '');
  if (!isChartData(data)) throw new Error('the page has no data to draw');
  return data;
}

const data = readData();
const charts = [...data.series.map(drawSeriesChart), drawHeatMap(data.heat)];

function redrawAll(): void {
  for (const chart of charts) chart.redraw();
}

const button = requireElement('theme');
if (button instanceof HTMLButtonElement) startTheme(button, redrawAll);

let width = innerWidth;
addEventListener('resize', () => {
  if (innerWidth === width) return;
  width = innerWidth;
  redrawAll();
});
