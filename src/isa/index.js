// SPDX-License-Identifier: Apache-2.0
// What an instruction should access: decoding, disassembly and the accesses that the manual prescribes.
export { cpuModeOfHflags, usualMode } from './cpu-mode.js';
export { decodeInstruction, formatInstruction, nameInstruction } from './decode-instruction.js';
export { formatAddress } from './format-address.js';
//# sourceMappingURL=index.js.map
