// SPDX-License-Identifier: Apache-2.0
// Runs analyses over a trace: several in one pass, in this thread or in worker threads.

export { affordableThreads } from './affordable-threads.ts';
export { analyse } from './analyse.node.ts';
export { loadAnalysis } from './load-analysis.node.ts';
export {
  type AnalysisRequest,
  type AnyAnalysis,
  type AnyRequest,
  type PassOptions,
  type ResultsOf,
  shapeOfTrace,
} from './pass.ts';
export { prepareThreads } from './threads.node.ts';
