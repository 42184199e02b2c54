// SPDX-License-Identifier: Apache-2.0
// What the end of a recording means: a trace to use, or a failure with QEMU's own words and what to do. Pure.

import { ExitCode, UserError } from '../base/index.ts';
import type { RecordOutcome } from './recording.ts';

export type RecordCause =
  /** QEMU ended by itself: the guest powered off, or someone closed QEMU. */
  | 'guest-exit'
  | 'limit'
  /** Ctrl-C, a signal, or `loadstore ctl stop`. */
  | 'stopped'
  /** The trace could not be written further; what was written is readable. */
  | 'write-error'
  /** QEMU died before the trace was closed; what was flushed is readable. */
  | 'cut';

export interface RecordVerdict {
  /** A limit looks like the guest's end from outside; causeOf tells them apart. */
  readonly cause: Exclude<RecordCause, 'limit'>;
  /** One sentence for the user; '' when there is nothing to say. */
  readonly explanation: string;
  readonly remedy: string | undefined;
  readonly exitCode: ExitCode;
}

/** Throws UserError 'environment' when there is no trace to speak of. */
export function judgeOutcome(outcome: RecordOutcome): RecordVerdict {
  const { status, qemu } = outcome;
  if (status.state === 'not-loaded') throw neverLoaded(outcome);
  if (status.state === 'failed' || status.errno !== 0) {
    const reason = `${status.message}${status.errno === 0 ? '' : ` (errno ${status.errno})`}`;
    if (status.instructions === 0 && status.accesses === 0) {
      throw new UserError(ExitCode.environment, `the recorder did not start: ${reason}`);
    }
    return {
      cause: 'write-error',
      explanation: `recording ended early: ${reason}`,
      remedy:
        status.errno === ERRNO_NO_SPACE
          ? 'make room or write elsewhere (-o FILE); what was written can be read'
          : `what was written can be read; see: loadstore check ${outcome.file}`,
      exitCode: ExitCode.environment,
    };
  }
  if (!outcome.closed) {
    const how = qemu.signal === null ? `with exit code ${qemu.exitCode}` : `by ${qemu.signal}`;
    return {
      cause: 'cut',
      explanation: `QEMU ended ${how} before the trace was closed${quote(qemu.said)}`,
      remedy: `what reached the file can be read; see: loadstore check ${outcome.file}`,
      exitCode: ExitCode.environment,
    };
  }
  if (status.instructions === 0 && (qemu.exitCode ?? 1) !== 0 && !outcome.stopRequested) {
    throw new UserError(
      ExitCode.environment,
      `QEMU ended with exit code ${qemu.exitCode} before the guest ran${quote(qemu.said)}`,
      'try the QEMU arguments without recording first',
    );
  }
  if (outcome.stopRequested || status.command === 'stop') {
    const exitCode = outcome.stopRequested ? ExitCode.interrupted : ExitCode.ok;
    return { cause: 'stopped', explanation: status.message, remedy: undefined, exitCode };
  }
  const exit =
    qemu.exitCode === 0 || qemu.exitCode === null ? '' : `QEMU's exit code is ${qemu.exitCode}`;
  return {
    cause: 'guest-exit',
    explanation: [status.message, exit].filter((part) => part !== '').join('; '),
    remedy: undefined,
    exitCode: ExitCode.ok,
  };
}

/**
 * The cause with the trace's own word for its end, which alone knows of limits. A Ctrl-C in the terminal
 * reaches QEMU too, so that "the guest ended" and "stopped" may be the same event.
 */
export function causeOf(verdict: RecordVerdict, stated: string | null): RecordCause {
  return stated === 'limit' && verdict.cause === 'guest-exit' ? 'limit' : verdict.cause;
}

const ERRNO_NO_SPACE = 28;

function neverLoaded({ qemu, status }: RecordOutcome): UserError {
  const { said } = qemu;
  if (/(?:requires API version|minimum version)/.test(said)) {
    return new UserError(
      ExitCode.environment,
      `QEMU refused the plugin${quote(said)}`,
      'its version does not say which plugin interface it has; set LOADSTORE_PLUGIN_API=N',
    );
  }
  if (
    /-plugin\b.*(?:invalid option|not (?:enabled|supported))|invalid option.*-plugin/s.test(said)
  ) {
    return new UserError(
      ExitCode.environment,
      `this QEMU is built without plugins${quote(said)}`,
      'use another: "loadstore doctor" lists those that are here',
    );
  }
  if (/could not load plugin/i.test(said)) {
    return new UserError(
      ExitCode.environment,
      `QEMU could not load the plugin${quote(said)}`,
      'npm run build; then: loadstore doctor',
    );
  }
  const how = qemu.signal === null ? `with exit code ${qemu.exitCode}` : `by ${qemu.signal}`;
  const more = status.message === '' ? '' : `: ${status.message}`;
  return new UserError(
    ExitCode.environment,
    `QEMU ended ${how} before recording began${more}${quote(said)}`,
    'try the QEMU arguments without recording first',
  );
}

/** QEMU's own last words, or that there were none. */
function quote(said: string): string {
  const lines = said.trim().split('\n').slice(-6);
  return said.trim() === '' ? '; it said nothing' : `; it said:\n  ${lines.join('\n  ')}`;
}
