// SPDX-License-Identifier: Apache-2.0
// The two runs of the micro-guest: by QEMU alone, which logs what it translates, and recorded. They may be side by side.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ExitCode, UserError } from '../base/index.ts';
import { isAtLeast, type QemuProgram, runBounded } from '../capture/index.ts';
import { type GuestFile, type GuestMachine, guestArguments, recordGuest } from '../guests/index.ts';
import { type Fate, type GuestPlaces, parseReport } from './guest-image.ts';
import type { CodeBits } from './machine-state.ts';
import { type RecordedWork, readRecordedWork } from './recorded.ts';
import { parseTranslationLog, type TranslatedInstruction } from './translation-log.ts';

export interface GuestTask {
  /** Its image holds the instruction. */
  readonly guest: GuestFile;
  readonly bits: CodeBits;
  readonly places: GuestPlaces;
  readonly instructionBytes: number;
  readonly qemu: QemuProgram;
  readonly parallel: boolean;
  /** For files, of this task alone. */
  readonly folder: string;
  readonly signal: AbortSignal | undefined;
}

/** How long the guest may take; it takes a tenth of a second. */
const LIMIT_MS = 10_000;
/** The guest itself has less than 400,000 accesses and 20,000 instructions; one that jumps to itself has no end. */
const LIMITS = { accesses: 1_000_000, instructions: 1_000_000 } as const;

export interface PlainResult {
  readonly fate: Fate;
  /** What the guest wrote of it. */
  readonly report: Uint8Array;
  /** Each translation of the instruction. */
  readonly translations: readonly TranslatedInstruction[];
}

/** Throws UserError 'environment' when QEMU does not run the guest. */
export async function runPlain(task: GuestTask): Promise<PlainResult> {
  const { places, qemu } = task;
  const log = path.join(task.folder, 'translation.log');
  const report = path.join(task.folder, 'report');
  const last = places.instruction + BigInt(task.instructionBytes) - 1n;
  const range = `0x${places.instruction.toString(16)}..0x${last.toString(16)}`;
  const args = [
    ...guestArguments(task.guest, machineFor(task, report)),
    ...['-d', 'in_asm,op', '-dfilter', range, '-D', log],
  ];
  const { said, timedOut } = await runBounded(qemu, args, LIMIT_MS, task.signal);
  const text = await readFile(log, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new UserError(
      ExitCode.environment,
      `${qemu.path} did not run the micro-guest; it said: ${said.trim()}`,
      'loadstore doctor tells which QEMUs are here',
    );
  }
  const written = await readFile(report);
  return {
    report: written,
    fate: parseReport(written, task.bits, places, task.instructionBytes) ?? {
      kind: 'no-report',
      why: timedOut ? 'time' : 'end',
    },
    translations: parseTranslationLog(text)
      .flatMap(({ instructions }) => instructions)
      .filter(({ address }) => address === places.instruction),
  };
}

/** The trace's account; `refused` when this QEMU cannot be recorded so. */
export async function runRecorded(
  task: GuestTask,
  pluginFile: string,
): Promise<RecordedWork | { readonly refused: string }> {
  if (task.parallel && !isAtLeast(task.qemu.version, 10)) {
    return {
      refused: `QEMU ${task.qemu.version.text} with one thread for each vCPU is not safe with a plugin that watches accesses`,
    };
  }
  const run = await recordGuest({
    guest: task.guest,
    machine: machineFor(task, path.join(task.folder, 'recorded-report')),
    qemu: task.qemu,
    pluginFile,
    limitMs: LIMIT_MS,
    limits: LIMITS,
    ...(task.signal === undefined ? {} : { signal: task.signal }),
  });
  try {
    const work = await readRecordedWork(run, task.places, task.instructionBytes);
    return work ?? { refused: `the instruction was not reached: ${run.problem ?? 'unknown'}` };
  } finally {
    await run.close();
  }
}

function machineFor({ parallel }: GuestTask, report: string): GuestMachine {
  return {
    name: '',
    vcpus: parallel ? 2 : 1,
    thread: parallel ? 'multi' : 'single',
    machine: 'pc',
    memoryMib: 64,
    accelerator: '',
    extraArguments: ['-debugcon', `file:${report.replaceAll(',', ',,')}`],
    needs: undefined,
  };
}
