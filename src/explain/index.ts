// SPDX-License-Identifier: Apache-2.0
// How QEMU makes an instruction reach memory, and what of that a trace has.

export { parseBytes } from './assemble.ts';
export { type ExplainRequest, explainInstruction } from './explain.ts';
export { type CodeBits } from './machine-state.ts';
export type { MemoryPath } from './memory-paths.ts';
export {
  type ExplainResult,
  LISTED_OCCURRENCES,
  type OperationResult,
  type RecordedResult,
} from './results.ts';
