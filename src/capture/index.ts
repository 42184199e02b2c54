// SPDX-License-Identifier: Apache-2.0
// Finds QEMU, starts it with the plugin, watches and stops it.

export { type BoundedRun, runBounded } from './bounded-run.ts';
export type { RecordLimits } from './command-line.ts';
export {
  type ControlCommand,
  type ControlPage,
  openControlPage,
  type RecorderState,
  type RecorderStatus,
} from './control-page.ts';
export { type Capability, type DoctorResult, examineMachine, type QemuReport } from './doctor.ts';
export { chooseQemu, type QemuProgram, type QemuSearch } from './find-qemu.ts';
export { causeOf, judgeOutcome, type RecordCause, type RecordVerdict } from './outcome.ts';
export { isStandardOutput, requireFreeOutput, requireWritableFolder } from './output-file.ts';
export { type PlainRun, runUntraced } from './plain-run.ts';
export {
  cacheFolderFrom,
  findPluginFile,
  PROJECT_FOLDER,
  requirePluginFile,
} from './plugin-file.ts';
export { isAtLeast } from './qemu-version.ts';
export {
  type Recording,
  type RecordOutcome,
  type RecordRequest,
  startRecording,
} from './recording.ts';
export {
  findRunEntry,
  isAlive,
  listRunEntries,
  openRunFolder,
  type RunEntry,
  requireRunEntry,
  runFolderPath,
  scratchParent,
  sweepRunEntries,
} from './run-folder.ts';
