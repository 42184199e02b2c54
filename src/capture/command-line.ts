// SPDX-License-Identifier: Apache-2.0
// The command line of a recording: the user's arguments, then what recording adds. Pure.

import { ExitCode, UserError } from '../base/index.ts';
import { type Acceleration, escapeCommas, inspectQemuArguments } from './qemu-arguments.ts';
import { isAtLeast, type QemuVersion } from './qemu-version.ts';

/** Where recording stops by itself; exact. */
export interface RecordLimits {
  readonly accesses?: number;
  readonly instructions?: number;
  readonly bytes?: number;
}

export interface CommandLineRequest {
  readonly version: QemuVersion;
  /** QEMU can write trace events into its log. */
  readonly logsTraces: boolean;
  readonly guestArguments: readonly string[];
  readonly pluginFile: string;
  readonly outputFile: string;
  readonly metaFile: string;
  readonly controlFile: string;
  /** Where QEMU logs interrupts and exceptions for the plugin; undefined records no events. */
  readonly eventLogFile: string | undefined;
  readonly limits: RecordLimits;
  readonly startPaused: boolean;
  /** Compare guest RAM with the stores that were seen. */
  readonly auditMemory?: boolean;
  /** A deliberate fault for tests, KIND:N (CONTRIBUTING.md). */
  readonly fault?: string | undefined;
}

/** That a snapshot is loaded. */
const RESTORE_TRACE = 'loadvm_state_setup';

/** QEMU events that tell the memory audit what devices are asked to write. */
const AUDIT_TRACES = [
  ...['memory_region_ops_write', 'virtio_queue_notify', 'virtqueue_pop'],
  ...['map_addr', 'mmio_aqattr', 'mmio_acqaddr', 'mmio_acqaddr_hi', 'create_cq'].map(
    (name) => `pci_nvme_${name}`,
  ),
  'pci_nvme_enqueue_req_completion',
];

const NO_TRACES_TO_AUDIT =
  'this QEMU has no trace events in its log (-d help names no "trace:"): the memory audit cannot tell what devices write, or that a snapshot was loaded, from what is unknown';

export interface CommandLine {
  readonly args: readonly string[];
  /** What the user should know about the result, a sentence each. */
  readonly notes: readonly string[];
  readonly usesTerminal: boolean;
}

/** Throws UserError 'usage' for arguments that cannot be recorded. */
export function buildCommandLine(request: CommandLineRequest): CommandLine {
  const facts = inspectQemuArguments(request.guestArguments);
  const notes: string[] = [];
  if (facts.daemonize) {
    throw new UserError(
      ExitCode.usage,
      'QEMU with -daemonize cannot be recorded: it would leave the process that is watched',
      'leave out -daemonize and put the whole command in the background',
    );
  }

  const args = [...request.guestArguments];
  switch (facts.acceleration.kind) {
    case 'default':
      args.push('-accel', 'tcg,thread=single');
      break;
    case 'tcg':
      if (facts.acceleration.thread === 'multi') notes.push(acceptMultiThread(request.version));
      break;
    case 'other':
      throw new UserError(
        ExitCode.usage,
        `the accelerator "${facts.acceleration.name}" runs guest code where no plugin sees it`,
        'leave the accelerator out, or write: -accel tcg,thread=single',
      );
  }

  if (request.eventLogFile !== undefined) {
    if (facts.logFile !== undefined || facts.logItems !== undefined) {
      const option = facts.logFile === undefined ? `-d ${facts.logItems}` : `-D ${facts.logFile}`;
      throw new UserError(
        ExitCode.usage,
        `"${option}" is in conflict with recording: QEMU has one log, and interrupts and exceptions are read from it`,
        'leave out -d and -D, or record without events: --no-events',
      );
    }
    args.push('-d', 'int', '-D', request.eventLogFile);
    if (request.logsTraces) args.push('-trace', RESTORE_TRACE);
  }
  if (request.auditMemory === true) {
    requireAuditable(request, facts.acceleration);
    if (request.logsTraces) args.push(...auditTraceArguments(request.version));
    else notes.push(NO_TRACES_TO_AUDIT);
  }
  args.push('-plugin', pluginArgument(request));
  return { args, notes, usesTerminal: facts.usesTerminal };
}

function auditTraceArguments(version: QemuVersion): string[] {
  // What devices map to write to; QEMU 7.2 cannot say.
  const events = isAtLeast(version, 10) ? [...AUDIT_TRACES, 'address_space_map'] : AUDIT_TRACES;
  return events.flatMap((event) => ['-trace', event]);
}

function requireAuditable(request: CommandLineRequest, acceleration: Acceleration): void {
  if (request.eventLogFile === undefined) {
    throw new UserError(
      ExitCode.usage,
      'the memory audit needs events: what interrupts and exceptions push would be unknown writes',
      'leave out --no-events, or --audit-memory',
    );
  }
  if (acceleration.kind === 'tcg' && acceleration.thread === 'multi') {
    throw new UserError(
      ExitCode.usage,
      'the memory audit needs one thread for all vCPUs: with several, a store may be made before it is told',
      'write: -accel tcg,thread=single',
    );
  }
}

function acceptMultiThread(version: QemuVersion): string {
  if (!isAtLeast(version, 10)) {
    throw new UserError(
      ExitCode.usage,
      `QEMU ${version.text} with one thread for each vCPU uses freed memory when a plugin watches accesses: it crashes or records accesses under the wrong instruction`,
      'write: -accel tcg,thread=single (or use QEMU 10.0 or newer)',
    );
  }
  return 'thread=multi: each vCPU has its own order of accesses; the order between vCPUs is not in the trace';
}

function pluginArgument(request: CommandLineRequest): string {
  const { limits } = request;
  const parts = [
    request.pluginFile,
    `out=${request.outputFile}`,
    `meta=${request.metaFile}`,
    `control=${request.controlFile}`,
  ];
  if (request.eventLogFile !== undefined) {
    parts.push(`events=${request.eventLogFile}`);
    if (request.logsTraces) parts.push('restores=logged');
  }
  if (request.startPaused) parts.push('start=paused');
  if (request.auditMemory === true) parts.push('audit=memory');
  if (request.fault !== undefined) parts.push(`fault=${request.fault}`);
  if (limits.accesses !== undefined) parts.push(`max-accesses=${limits.accesses}`);
  if (limits.instructions !== undefined) parts.push(`max-instructions=${limits.instructions}`);
  if (limits.bytes !== undefined) parts.push(`max-bytes=${limits.bytes}`);
  return parts.map(escapeCommas).join(',');
}
