// SPDX-License-Identifier: Apache-2.0
// What is known of an instruction from its bytes and the CPU's mode. Plain data: nothing of the decoder.
export {};
//# sourceMappingURL=instruction.js.map
