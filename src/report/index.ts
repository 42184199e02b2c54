// SPDX-License-Identifier: Apache-2.0
// The report as a page of HTML. What the page runs in the browser is src/report-page.

export type { ChartData, HeatChart, SeriesChart } from './charts.ts';
export { findingsOf } from './findings.ts';
export { type PageAssets, type PageScript, renderPage } from './render-page.ts';
