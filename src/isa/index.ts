// SPDX-License-Identifier: Apache-2.0
// What an instruction should access: decoding, disassembly and the accesses that the manual prescribes.

export { type CpuMode, cpuModeOfHflags, usualMode } from './cpu-mode.ts';
export { type ControlFlow, type DataFlow, dataFlowOf } from './data-flow.ts';
export {
  decodeInstruction,
  formatInstruction,
  nameInstruction,
  neededFeatures,
} from './decode-instruction.ts';
export { formatAddress, registerName } from './format-address.ts';
export type {
  AccessKind,
  AddressExpression,
  ArchitecturalAccess,
  DecodedInstruction,
  Direction,
  MaskedElements,
  Occurrence,
  RegisterMove,
  StateField,
} from './instruction.ts';
export {
  QEMU_DIFFERENCES,
  QEMU_OMISSIONS,
  type QemuDifference,
  type QemuDifferenceName,
  type QemuOmission,
  type QemuOmissionName,
  qemuOmission,
  UNKEPT_POINTERS,
} from './qemu-differences.ts';
export { UNKEPT_COMPONENT } from './state-area.ts';
export { TSS_FORMATS, type TssAccesses, type TssFormat, tssAccesses } from './task-switch.ts';
