// SPDX-License-Identifier: Apache-2.0
// One line on stderr that is drawn over and over: only on a terminal, only after a second, gone at the end.

import type { CliContext } from './command-spec.ts';

export interface StatusLine {
  /** Draws the text in place of the last one; at most five times a second. */
  show(text: string): void;
  /** Removes the line. */
  clear(): void;
}

const QUIET_MS = 1000;
const INTERVAL_MS = 200;
const CLEAR_LINE = '\r\x1b[K';

export function statusLine(
  context: CliContext,
  enabled: boolean = context.stderrIsTerminal,
): StatusLine {
  const startedMs = performance.now();
  let lastMs = 0;
  let isShown = false;
  return {
    show: (text) => {
      const nowMs = performance.now();
      if (!enabled || nowMs - startedMs < QUIET_MS || nowMs - lastMs < INTERVAL_MS) return;
      lastMs = nowMs;
      isShown = true;
      context.writeErr(`${CLEAR_LINE}${text}`);
    },
    clear: () => {
      if (isShown) context.writeErr(CLEAR_LINE);
      isShown = false;
    },
  };
}

/** "[########........] 50 %  what" for a part of 0 to 1. */
export function drawBar(part: number, what: string): string {
  const width = 24;
  const clamped = Math.min(1, Math.max(0, part));
  const filled = Math.round(clamped * width);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(width - filled)}`;
  return `[${bar}] ${Math.floor(clamped * 100)} %  ${what}`;
}
