// SPDX-License-Identifier: Apache-2.0
// What went wrong, as banners: each kind once, until it is over or closed. The rest of the page goes on.

import { type Signal, signal } from '@preact/signals';
import { ApiFailure, type FailureKind } from './api-client.ts';

export type ProblemKind = FailureKind | 'link';

export interface Problem {
  readonly kind: ProblemKind;
  readonly title: string;
  readonly message: string;
}

export const problems: Signal<readonly Problem[]> = signal([]);

const TITLES: { readonly [K in ProblemKind]: string } = {
  unreachable: 'The server is gone',
  gone: 'The trace is gone',
  damaged: 'Part of the trace is damaged',
  busy: 'The server is busy',
  'bad-request': 'The server did not understand',
  'not-found': 'There is no such thing',
  forbidden: 'The server refuses this page',
  'bad-method': 'The server refuses this page',
  'too-long': 'The question is too long',
  internal: 'The server failed',
  link: 'This link was made for another trace',
};

const ADVICE: { readonly [K in ProblemKind]?: string } = {
  unreachable: 'Start "loadstore view" again and open the address that it prints.',
};

/** Aborted requests are no problem. */
export function reportProblem(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  const kind = error instanceof ApiFailure ? error.kind : 'internal';
  const message = error instanceof Error ? error.message : String(error);
  showProblem(kind, [message, ADVICE[kind] ?? ''].join(' ').trim());
}

export function showProblem(kind: ProblemKind, message: string): void {
  const problem = { kind, title: TITLES[kind], message };
  problems.value = [...problems.value.filter((other) => other.kind !== kind), problem];
}

export function closeProblem(kind: ProblemKind): void {
  if (!problems.value.some((problem) => problem.kind === kind)) return;
  problems.value = problems.value.filter((problem) => problem.kind !== kind);
}
