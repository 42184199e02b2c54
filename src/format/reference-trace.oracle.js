// SPDX-License-Identifier: Apache-2.0
// What the reference encoder takes and the reference decoder gives: plain objects, one per access.
// Test support; shares nothing with the reader.
export const NO_ADDRESS = 0xffffffffffffffffn;
export function signExtend48(value) {
  return BigInt.asUintN(64, BigInt.asIntN(48, value));
}
//# sourceMappingURL=reference-trace.oracle.js.map
