// SPDX-License-Identifier: Apache-2.0
// What went wrong, as banners: each kind once, until it is over or closed. The rest of the page goes on.

import { type Signal, signal } from '@preact/signals';
import { ApiFailure } from './api-client.ts';

export interface Problem {
  readonly kind: string;
  readonly title: string;
  readonly message: string;
}

export const problems: Signal<readonly Problem[]> = signal([]);

const TITLES: { readonly [kind: string]: string } = {
  unreachable: 'The server is gone',
  gone: 'The trace is gone',
  damaged: 'Part of the trace is damaged',
  busy: 'The server is busy',
  'bad-request': 'The server did not understand',
  internal: 'The server failed',
  link: 'This link was made for another trace',
};

const ADVICE: { readonly [kind: string]: string } = {
  unreachable: 'Start "loadstore view" again and open the address that it prints.',
};

/** Aborted requests are no problem. */
export function reportProblem(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  const kind = error instanceof ApiFailure ? error.kind : 'internal';
  const message = error instanceof Error ? error.message : String(error);
  showProblem(kind, [message, ADVICE[kind] ?? ''].join(' ').trim());
}

export function showProblem(kind: string, message: string): void {
  const problem = { kind, title: TITLES[kind] ?? 'Something failed', message };
  problems.value = [...problems.value.filter((other) => other.kind !== kind), problem];
}

export function closeProblem(kind: string): void {
  if (!problems.value.some((problem) => problem.kind === kind)) return;
  problems.value = problems.value.filter((problem) => problem.kind !== kind);
}
