// SPDX-License-Identifier: Apache-2.0
// Every command, in the order of --help and of docs/cli.md.

import type { CommandSpec } from './command-spec.ts';
import { addressSpacesCommand } from './commands/address-spaces.ts';
import { auditCommand } from './commands/audit.ts';
import { benchAnalyseCommand } from './commands/bench-analyse.ts';
import { benchDecodeCommand } from './commands/bench-decode.ts';
import { benchRecordCommand } from './commands/bench-record.ts';
import { benchViewCommand } from './commands/bench-view.ts';
import { cacheCommand } from './commands/cache.ts';
import { checkCommand } from './commands/check.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { countsCommand } from './commands/counts.ts';
import { ctlCommand } from './commands/ctl.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { dumpCommand } from './commands/dump.ts';
import { eventsCommand } from './commands/events.ts';
import { explainCommand } from './commands/explain.ts';
import { exportCommand } from './commands/export.ts';
import { footprintCommand } from './commands/footprint.ts';
import { heatCommand } from './commands/heat.ts';
import { hotCommand } from './commands/hot.ts';
import { infoCommand } from './commands/info.ts';
import { queryCommand } from './commands/query.ts';
import { recordCommand } from './commands/record.ts';
import { reportCommand } from './commands/report.ts';
import { reuseCommand } from './commands/reuse.ts';
import { runCommand } from './commands/run.ts';
import { sharingCommand } from './commands/sharing.ts';
import { stridesCommand } from './commands/strides.ts';
import { tlbCommand } from './commands/tlb.ts';
import { viewCommand } from './commands/view.ts';

export const PROGRAM_SUMMARY =
  'Records every load and store of an x86 guest operating system in stock QEMU, and reads the trace.';

export const COMMANDS: readonly CommandSpec[] = [
  demoCommand,
  doctorCommand,
  explainCommand,
  conformanceCommand,
  recordCommand,
  ctlCommand,
  infoCommand,
  checkCommand,
  auditCommand,
  dumpCommand,
  eventsCommand,
  reportCommand,
  viewCommand,
  addressSpacesCommand,
  countsCommand,
  cacheCommand,
  tlbCommand,
  reuseCommand,
  sharingCommand,
  stridesCommand,
  footprintCommand,
  heatCommand,
  hotCommand,
  runCommand,
  queryCommand,
  exportCommand,
  benchRecordCommand,
  benchDecodeCommand,
  benchAnalyseCommand,
  benchViewCommand,
];

/** Exit codes that mean the same for every command. */
export const COMMON_EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done'],
  [1, 'the command ran and its answer is no: a check failed, a difference was found'],
  [2, 'the request was wrong: unknown option, missing file name, a file that exists'],
  [3, 'the trace file is damaged, cut, or not a trace'],
  [4, 'the machine lacks something or refused: no QEMU, full disk, no permission, no such file'],
  [70, 'a bug in loadstore'],
  [130, 'interrupted'],
];
