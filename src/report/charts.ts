// SPDX-License-Identifier: Apache-2.0
// What the page's charts draw, as data that stands in the page.

import { formatBytes, formatCountShort } from '../base/index.ts';
import { type AddressSpaceRate, describeRan, type ReportResult } from '../query/index.ts';

/** Kinds of numbers along an axis. */
export type AxisUnit = 'count' | 'bytes' | 'percent';

export interface ChartSeries {
  readonly label: string;
  /** Number of its colour. */
  readonly colour: number;
  readonly values: readonly number[];
}

export interface SeriesChart {
  /** Of the element that it is drawn in. */
  readonly id: string;
  /**
   * What x is. Instructions: steps, value i holds from x[i] to x[i + 1], and x has one more. Bytes of a cache: a
   * line through a point for each x, on a logarithmic scale.
   */
  readonly along: 'instructions' | 'cache size';
  /** Each upon the one before. */
  readonly stacked: boolean;
  readonly x: readonly number[];
  readonly unit: AxisUnit;
  /** First series lowest. */
  readonly series: readonly ChartSeries[];
}

export interface HeatChart {
  readonly id: string;
  /** Windows begin there; one more for the end of the last. */
  readonly x: readonly number[];
  readonly unitText: string;
  readonly rows: readonly HeatChartRow[];
}

export interface HeatChartRow {
  readonly address: string;
  readonly name: string;
  readonly region: string;
  /** Nothing was accessed between the row before and this one's address. */
  readonly follows: boolean;
  /** By window. */
  readonly loads: readonly number[];
  readonly stores: readonly number[];
}

export interface ChartData {
  readonly series: readonly SeriesChart[];
  readonly heat: HeatChart;
}

/** Address spaces, or vCPUs, that have a colour of their own. */
const SHOWN_SERIES = 6;
const OTHER_COLOUR = 7;

export function chartData(result: ReportResult): ChartData {
  const { rate, footprint, heat, addressSpaces } = result;
  const { windowInstructions } = rate;
  const x = edges(rate.windows, windowInstructions);
  const charts: SeriesChart[] = [
    {
      id: 'rate',
      along: 'instructions',
      stacked: true,
      x,
      unit: 'count',
      series: privilegeSeries(result),
    },
  ];
  if (addressSpaces !== null) {
    const series = spaceSeries(addressSpaces.rows);
    charts.push({ id: 'spaces', along: 'instructions', stacked: true, x, unit: 'count', series });
  }
  if (rate.vcpus.length > 1) {
    const series = vcpuSeries(result);
    charts.push({ id: 'vcpus', along: 'instructions', stacked: true, x, unit: 'count', series });
  }
  const bytes = (who: 'kernel' | 'user' | 'all'): number[] =>
    footprint.windows.map((window) => window[who].lines * footprint.lineBytes);
  charts.push({
    id: 'footprint',
    along: 'instructions',
    stacked: false,
    x: edges(footprint.windows, windowInstructions),
    unit: 'bytes',
    series: [
      { label: 'all', colour: OTHER_COLOUR, values: bytes('all') },
      { label: 'kernel', colour: 0, values: bytes('kernel') },
      { label: 'user (CPL 3)', colour: 1, values: bytes('user') },
    ],
  });
  const { missRatioCurve } = result.reuse;
  if (missRatioCurve.length > 0) {
    charts.push({
      id: 'reuse',
      along: 'cache size',
      stacked: false,
      x: missRatioCurve.map(({ sizeBytes }) => sizeBytes),
      unit: 'percent',
      series: [
        {
          label: 'references that miss',
          colour: 0,
          values: missRatioCurve.map(({ missRatio }) => 100 * missRatio),
        },
      ],
    });
  }
  return {
    series: charts,
    heat: {
      id: 'heat',
      x: edges(
        heat.begins.map((begin) => ({ begin })),
        heat.windowInstructions,
      ),
      unitText: formatBytes(heat.unitBytes),
      rows: heat.rows.map(({ address, name, region, loads, stores }, i) => ({
        ...{ address, name, region, loads, stores },
        follows: follows(heat.rows[i - 1]?.address, address, heat.unitBytes),
      })),
    },
  };
}

function edges(windows: readonly { readonly begin: number }[], length: number): number[] {
  const begins = windows.map(({ begin }) => begin);
  return [...begins, (begins.at(-1) ?? 0) + length];
}

const PRIVILEGE_NAMES = ['kernel (CPL 0)', 'CPL 1', 'CPL 2', 'user (CPL 3)', 'CPL not known'];
const PRIVILEGE_COLOURS = [0, 3, 4, 1, OTHER_COLOUR];

function privilegeSeries({ rate }: ReportResult): ChartSeries[] {
  return PRIVILEGE_NAMES.map((label, p) => ({
    label,
    colour: PRIVILEGE_COLOURS[p] ?? OTHER_COLOUR,
    values: rate.windows.map(({ loads, stores }) => (loads[p] ?? 0) + (stores[p] ?? 0)),
  })).filter(({ values }) => values.some((count) => count > 0));
}

/** Each along its own instructions; those beyond the colours in one. */
function vcpuSeries({ rate }: ReportResult): ChartSeries[] {
  const shown = rate.vcpus.slice(0, SHOWN_SERIES);
  const others = rate.vcpus.slice(SHOWN_SERIES);
  const series = shown.map(({ vcpu, accesses }, colour) => ({
    ...{ label: `vCPU ${vcpu}`, colour, values: accesses },
  }));
  if (others.length === 0) return series;
  const values = sumSeries(others.map(({ accesses }) => accesses));
  return [...series, { label: `${others.length} others`, colour: OTHER_COLOUR, values }];
}

function sumSeries(lists: readonly (readonly number[])[]): readonly number[] {
  return lists.reduce((sum, list) => list.map((count, w) => count + (sum[w] ?? 0)), []);
}

function spaceSeries(rows: readonly AddressSpaceRate[]): ChartSeries[] {
  const ranked = rows.toSorted((a, b) => b.accesses - a.accesses);
  const shown = ranked.slice(0, SHOWN_SERIES).toSorted((a, b) => a.number - b.number);
  const others = ranked.slice(SHOWN_SERIES);
  const series = shown.map((row, colour) => ({
    label: spaceLabel(row),
    colour,
    values: row.byWindow,
  }));
  if (others.length === 0) return series;
  const sums = sumSeries(others.map(({ byWindow }) => byWindow));
  return [...series, { label: `${others.length} others`, colour: OTHER_COLOUR, values: sums }];
}

/** "4: CR3 0x2a10000, no user code, 238 M"; "13: CR3 0x5614000, busybox, 19.1 M". */
function spaceLabel(row: AddressSpaceRate): string {
  return `${row.number}: CR3 ${row.cr3}, ${describeRan(row)}, ${formatCountShort(row.accesses)}`;
}

function follows(before: string | undefined, address: string, unitBytes: number): boolean {
  return before !== undefined && BigInt(before) + BigInt(unitBytes) === BigInt(address);
}
