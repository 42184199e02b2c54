// SPDX-License-Identifier: Apache-2.0
// A recording with this program's signals and status line around it; `record`, `demo` and `bench` use it.

import { formatBytes, formatCountShort } from '../base/index.ts';
import {
  judgeOutcome,
  type RecorderStatus,
  type RecordOutcome,
  type RecordRequest,
  type RecordVerdict,
  startRecording,
} from '../capture/index.ts';
import type { CliContext } from './command-spec.ts';
import { withSignals } from './interrupts.ts';
import { statusLine } from './status-line.ts';

export interface WatchedOutcome {
  readonly outcome: RecordOutcome;
  readonly verdict: RecordVerdict;
}

/**
 * Records until QEMU ends. Ctrl-C stops, SIGUSR1 pauses and resumes. Throws UserError when there is no trace
 * to speak of.
 */
export async function recordWatched(
  request: Omit<RecordRequest, 'onStatus' | 'onQemuText'>,
  context: CliContext,
  quiet: boolean,
): Promise<WatchedOutcome> {
  const guestOnTerminal = (): boolean => recording.usesTerminal && request.terminal !== 'none';
  const line = statusLine(context, !quiet);
  const speed = speedometer();
  const recording = await startRecording({
    ...request,
    onStatus: (status) => {
      // A line drawn over a guest's console would tear it.
      if (!guestOnTerminal()) line.show(drawStatus(status, speed(status)));
    },
    onQemuText: (text) => {
      line.clear();
      context.writeErr(text);
    },
  });
  for (const note of recording.notes) context.writeErr(`loadstore: note: ${note}\n`);
  const outcome = await withSignals(
    {
      onStop: () => {
        recording.stop();
      },
      onToggle: () => {
        recording.pauseOrResume();
      },
    },
    async () => recording.ended,
  );
  line.clear();
  try {
    const verdict = judgeOutcome(outcome);
    recording.keepOutput();
    return { outcome, verdict };
  } catch (error) {
    // Nothing was recorded: an empty trace would only be in the way of the next attempt.
    recording.discardOutput();
    throw error;
  }
}

function drawStatus(status: RecorderStatus, accessesPerSecond: number): string {
  const parts = [
    status.state,
    `${formatCountShort(status.instructions)} instructions`,
    `${formatCountShort(status.accesses)} accesses`,
    formatBytes(status.bytesWritten),
    `${formatCountShort(Math.round(accessesPerSecond))} accesses/s`,
  ];
  return parts.join('  ');
}

/** Accesses per second over the last second or so. */
function speedometer(): (status: RecorderStatus) => number {
  const past: { readonly ms: number; readonly accesses: number }[] = [];
  return (status) => {
    const now = { ms: performance.now(), accesses: status.accesses };
    past.push(now);
    while (past.length > 2 && now.ms - (past[1]?.ms ?? now.ms) > 1000) past.shift();
    const first = past[0] ?? now;
    const elapsedMs = now.ms - first.ms;
    return elapsedMs === 0 ? 0 : ((now.accesses - first.accesses) * 1000) / elapsedMs;
  };
}
