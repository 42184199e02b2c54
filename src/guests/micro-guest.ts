// SPDX-License-Identifier: Apache-2.0
// Records a micro-guest and decodes all of its accesses.

import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  judgeOutcome,
  type QemuProgram,
  type RecordLimits,
  type RecordOutcome,
  scratchParent,
  startRecording,
} from '../capture/index.ts';
import { checkTrace, openTrace, type Trace, type TraceNote } from '../format/index.ts';
import { type Access, readAccesses } from './guest-accesses.ts';
import { findPlaceOf, type GuestFile, type GuestMachine } from './guest-file.ts';

/** What a guest's image tells by QEMU's exit code, value * 2 + 1: guests/boot.inc. */
const PASSED = 0x21 * 2 + 1;
const FAILED = 0x20 * 2 + 1;
const UNEXPECTED = 0x2f * 2 + 1;

/** A guest is done in less than a second; one that hangs is ended, and then has not passed. */
const DEADLINE_MS = 60_000;

export interface GuestRun {
  readonly guest: GuestFile;
  readonly qemu: QemuProgram;
  readonly outcome: RecordOutcome;
  readonly trace: Trace;
  /** Stream by stream, aborted ones too. */
  readonly accesses: readonly Access[];
  /** Of vCPUs, CR3, events and cuts. */
  readonly notes: readonly TraceNote[];
  /** Why what is recorded is not to be relied on: the guest failed, or its trace is not good. */
  readonly problem: string | undefined;
  close(): Promise<void>;
}

export interface GuestRequest {
  readonly guest: GuestFile;
  readonly machine: GuestMachine;
  readonly qemu: QemuProgram;
  readonly pluginFile: string;
  readonly auditMemory?: boolean;
  /** KIND:N (CONTRIBUTING.md). */
  readonly fault?: string;
  /** A guest that takes longer is stopped, and its trace closed. Default: a minute. */
  readonly limitMs?: number;
  /** Where recording ends before the guest does. Default: nowhere. */
  readonly limits?: RecordLimits;
  readonly signal?: AbortSignal;
}

/** Throws when there is no trace that could be read, with what QEMU said, and what stopped it when the signal did. */
export async function recordGuest(request: GuestRequest): Promise<GuestRun> {
  const {
    guest,
    machine,
    qemu,
    pluginFile,
    limitMs = DEADLINE_MS,
    limits = {},
    auditMemory = false,
    fault,
    signal,
  } = request;
  signal?.throwIfAborted();
  const folder = await mkdtemp(path.join(scratchParent(), 'loadstore-guest-'));
  try {
    const recording = await startRecording({
      qemu,
      pluginFile,
      outputFile: path.join(folder, `${guest.name}.memtrace`),
      force: false,
      guestArguments: guestArguments(guest, machine),
      limits,
      startPaused: false,
      auditMemory,
      fault,
      events: machine.thread === 'single',
      terminal: 'none',
    });
    const kill = (): void => {
      for (let firmness = 0; firmness < 3; firmness++) recording.stop();
    };
    // Asked once: that closes the trace, and ends a QEMU that does not answer too.
    const deadline = setTimeout(() => {
      recording.stop();
    }, limitMs);
    signal?.addEventListener('abort', kill);
    const outcome = await recording.ended.finally(() => {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', kill);
    });
    signal?.throwIfAborted();
    judgeOutcome(outcome); // without a trace, what QEMU said is why
    const { ok, complete, problems } = await checkTrace(outcome.file);
    const trace = await openTrace(outcome.file);
    const notes: TraceNote[] = [];
    for await (const note of trace.notes()) notes.push(note);
    const accesses = await readAccesses(trace);
    const failure = findFailure(guest, outcome, accesses, notes);
    const damage = ok && complete ? undefined : `its trace: ${problems[0]?.message ?? 'cut'}`;
    return {
      ...{ guest, qemu, outcome, trace, accesses, notes },
      problem: failure ?? damage,
      async close() {
        await trace.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A machine without firmware and without devices that write to memory. */
export function guestArguments(guest: GuestFile, machine: GuestMachine): string[] {
  const { accelerator, thread } = machine;
  const properties = accelerator === '' ? '' : `,${accelerator}`;
  return [
    ...['-M', machine.machine, '-cpu', 'max', '-m', `${machine.memoryMib}`],
    ...['-smp', `${machine.vcpus}`, '-accel', `tcg,thread=${thread}${properties}`],
    ...['-nodefaults', '-display', 'none', '-no-reboot', '-bios', guest.image],
    ...['-device', 'isa-debug-exit,iobase=0x501,iosize=4'],
    ...machine.extraArguments,
  ];
}

function findFailure(
  guest: GuestFile,
  { qemu }: RecordOutcome,
  accesses: readonly Access[],
  notes: readonly TraceNote[],
): string | undefined {
  if (qemu.exitCode === PASSED) return undefined;
  const place = (address: bigint): string =>
    findPlaceOf(guest, address) ?? `0x${address.toString(16)}`;
  if (qemu.exitCode === FAILED) {
    const mark = guest.symbols.get('FAIL_MARK');
    const failed = accesses.findLast(({ vaddr, store }) => store && vaddr === mark);
    return `its check failed at ${failed === undefined ? 'an unknown place' : place(failed.pc)}`;
  }
  if (qemu.exitCode === UNEXPECTED) {
    const last = notes.findLast(({ kind }) => kind === 'event');
    const what = last?.kind === 'event' ? ` ${last.vector} at ${place(last.ip)}` : '';
    return `an exception or interrupt that it did not expect${what}`;
  }
  const end = qemu.exitCode === null ? `signal ${qemu.signal}` : `exit code ${qemu.exitCode}`;
  return `it did not pass: ${end}. ${qemu.said}`.trim();
}
