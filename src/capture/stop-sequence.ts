// SPDX-License-Identifier: Apache-2.0
// How a recording is brought to its end: ask the plugin, then QEMU, then the kernel; each step only when
// the one before had its time, and never while the plugin is still writing. Pure: the clock comes in.

import type { RecorderStatus } from './control-page.ts';

export type StopStep = 'sigterm' | 'sigkill';

export interface StopSequence {
  /** Someone wants the end. A second request does not wait, a third kills. */
  request(nowMs: number): StopStep | undefined;
  /** To be called at every look at the control page. */
  next(nowMs: number, status: RecorderStatus): StopStep | undefined;
  readonly requested: boolean;
}

/**
 * The plugin's control thread sees the command within 10 ms, even if the guest sleeps; closing it is then a
 * matter of writing. A plugin that does not begin to in this time never will.
 */
const PATIENCE_ASKED_MS = 2000;
/** A plugin that closed by itself ends QEMU itself. */
const PATIENCE_CLOSED_MS = 1000;
/** Without a byte written or a state changed for so long, QEMU hangs. */
const PATIENCE_SILENT_MS = 15_000;

export function stopSequence(): StopSequence {
  let requests = 0;
  let requestedMs: number | undefined;
  let endedMs: number | undefined;
  let termSentMs: number | undefined;
  let lastSign = '';
  let lastSignMs = 0;

  const sendTerm = (nowMs: number): StopStep | undefined => {
    if (termSentMs !== undefined) return undefined;
    termSentMs = nowMs;
    lastSignMs = nowMs;
    return 'sigterm';
  };

  return {
    get requested() {
      return requests > 0;
    },
    request(nowMs) {
      requests++;
      requestedMs ??= nowMs;
      if (requests === 1) return undefined;
      return requests === 2 ? sendTerm(nowMs) : 'sigkill';
    },
    next(nowMs, status) {
      const sign = `${status.state} ${status.bytesWritten}`;
      if (sign !== lastSign) {
        lastSign = sign;
        lastSignMs = nowMs;
      }
      const hasEnded = status.state === 'closed' || status.state === 'failed';
      if (hasEnded) endedMs ??= nowMs;
      if (termSentMs !== undefined) {
        return nowMs - lastSignMs >= PATIENCE_SILENT_MS ? 'sigkill' : undefined;
      }
      if (endedMs !== undefined) {
        // Who asked for the end does not want to wait; a limit leaves the plugin time to end QEMU.
        const patienceMs = requestedMs === undefined ? PATIENCE_CLOSED_MS : 0;
        return nowMs - endedMs >= patienceMs ? sendTerm(nowMs) : undefined;
      }
      if (requestedMs === undefined || status.state === 'closing') return undefined;
      return nowMs - requestedMs >= PATIENCE_ASKED_MS ? sendTerm(nowMs) : undefined;
    },
  };
}
