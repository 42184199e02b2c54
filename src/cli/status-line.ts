// SPDX-License-Identifier: Apache-2.0
// How far long work is, on stderr. On a terminal one line that is drawn over and over: only after a second, gone at the
// end. Elsewhere, in a file or a pipe, a whole line now and then, for work that takes long.

import { formatProgress } from '../base/index.ts';
import type { CliContext } from './command-spec.ts';

export interface StatusLine {
  /** Says it in place of what was said last; more often than it is drawn is no harm. */
  show(text: string): void;
  /** The same for a part of 0 to 1: "[########........] 50 %  what", "50 %  what" where there is no terminal. */
  showPart(part: number, what: string): void;
  /** Removes the line from a terminal. */
  clear(): void;
}

const QUIET_MS = 1000;
const INTERVAL_MS = 200;
/** Both, where there is no terminal. */
const PLAIN_INTERVAL_MS = 10_000;
const CLEAR_LINE = '\r\x1b[K';

/** `isWanted`: false for one that says nothing. */
export function statusLine(context: CliContext, isWanted = true): StatusLine {
  return context.stderrIsTerminal ? drawnLine(context, isWanted) : plainLines(context, isWanted);
}

function drawnLine(context: CliContext, isWanted: boolean): StatusLine {
  const isDue = every(INTERVAL_MS, QUIET_MS);
  let isShown = false;
  const show = (text: string): void => {
    if (!isWanted || !isDue()) return;
    isShown = true;
    context.writeErr(`${CLEAR_LINE}${text}`);
  };
  return {
    show,
    showPart: (part, what) => {
      show(`${drawBar(part)} ${formatProgress(part)}  ${what}`);
    },
    clear: () => {
      if (isShown) context.writeErr(CLEAR_LINE);
      isShown = false;
    },
  };
}

function plainLines(context: CliContext, isWanted: boolean): StatusLine {
  const isDue = every(PLAIN_INTERVAL_MS, PLAIN_INTERVAL_MS);
  const show = (text: string): void => {
    if (isWanted && isDue()) context.writeErr(`loadstore: ${text}\n`);
  };
  return {
    show,
    showPart: (part, what) => {
      show(`${formatProgress(part)}  ${what}`);
    },
    clear: () => undefined,
  };
}

/** True at most once in so long, and not at first. */
function every(intervalMs: number, quietMs: number): () => boolean {
  let nextMs = performance.now() + quietMs;
  return () => {
    const nowMs = performance.now();
    if (nowMs < nextMs) return false;
    nextMs = nowMs + intervalMs;
    return true;
  };
}

function drawBar(part: number): string {
  const width = 24;
  const filled = Math.round(Math.min(1, Math.max(0, part)) * width);
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]`;
}
