// SPDX-License-Identifier: Apache-2.0
// What a trace says, as typed results with the names of code and data in them.

export type { AuditResult } from '../audit/index.ts';
export {
  type AddressSpaceRow,
  addressSpaceRows,
  addressSpacesParameters,
  describeRan,
} from './address-space-rows.ts';
export { type CodeNames, codeNames } from './code-names.ts';
export { completenessStatement, type StatementLine } from './completeness-statement.ts';
export { type CountsFigures, countsFigures } from './counts-figures.ts';
export { DEFAULT_CACHES, hotParameters, type LevelOption } from './default-parameters.ts';
export {
  describeAccounts,
  describeCommand,
  describeNotHeld,
  quoteWord,
} from './describe-facts.ts';
export { type HeatFigures, heatFigures, type NamedHeatRow } from './heat-figures.ts';
export { type HotFigures, type HotPlaces, hotFigures } from './hot-figures.ts';
export {
  type AddressSpaceRate,
  type ReportParameters,
  type ReportResult,
  type ReportSubject,
  type RunPass,
  readReport,
  type TraceReport,
} from './report.ts';
export { readTraceFacts, type TraceFacts, type TraceTotals, traceFactsOf } from './trace-facts.ts';
export { describeWindows, windowVcpus } from './window-vcpus.ts';
