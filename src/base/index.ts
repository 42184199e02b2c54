// SPDX-License-Identifier: Apache-2.0
// Leaf module: no I/O, no clock, no dependency, the same in Node and in a browser.

export { assertNever, assertTrue, requireDefined } from './assert.ts';
export { bytesFromBase64 } from './base64.ts';
export {
  type Brand,
  type ChunkIndex,
  chunkIndexFromNumber,
  type Icount,
  icountFromNumber,
  type Ordinal,
  ordinalFromNumber,
  type VcpuIndex,
  vcpuIndexFromNumber,
} from './brand.ts';
export {
  describeSystemError,
  ExitCode,
  TraceError,
  type TraceErrorFacts,
  type TraceErrorKind,
  UserError,
  writeFailure,
} from './errors.ts';
export {
  formatBytes,
  formatCount,
  formatCountShort,
  formatFactor,
  formatPerThousand,
  formatProgress,
  formatQuantity,
  formatRatio,
  parseCount,
  parseSize,
} from './human-numbers.ts';
export { ModeBit } from './mode-bits.ts';
export { partialOf } from './partial-name.ts';
export { partitionPoint } from './partition-point.ts';
export { type Prng, prngFromSeed } from './prng.ts';
export { errorOfFailure, failureOf, type TraceFailure } from './trace-failure.ts';
export {
  add64,
  bigintFromU64,
  compare64,
  findNumberFromU64,
  formatHex64,
  formatHex64Padded,
  halves,
  parseHex64,
  shiftRight64,
  sub64,
  type U64,
  u64,
  u64FromBigint,
  u64FromNumber,
} from './u64.ts';
