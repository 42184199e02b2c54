// SPDX-License-Identifier: Apache-2.0
// A TraceError on its way from one thread to another, as data that a structured clone keeps.

import { TraceError, type TraceErrorFacts, type TraceErrorKind } from './errors.ts';

export interface TraceFailure {
  readonly type: 'failure';
  readonly kind: TraceErrorKind;
  readonly message: string;
  readonly facts: TraceErrorFacts;
}

/** The cause, which may be anything, becomes part of the message. What is no TraceError is a bug: thrown again. */
export function failureOf(error: unknown): TraceFailure {
  if (!(error instanceof TraceError)) throw error;
  const { cause, ...facts } = error.facts;
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return { type: 'failure', kind: error.kind, message: `${error.message}${why}`, facts };
}

export function errorOfFailure({ kind, message, facts }: TraceFailure): TraceError {
  return new TraceError(kind, message, facts);
}
