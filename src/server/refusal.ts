// SPDX-License-Identifier: Apache-2.0
// What is told to a page whose request is not answered.

import { TraceError, UserError } from '../base/index.ts';
import type { ApiError } from './protocol.ts';

export type RefusalName = ApiError['error'];

const STATUS: Readonly<Record<RefusalName, number>> = {
  'bad-request': 400,
  forbidden: 403,
  'not-found': 404,
  'bad-method': 405,
  gone: 410,
  'too-long': 414,
  damaged: 422,
  internal: 500,
  busy: 503,
};

/** A request that is not answered, and why. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: ApiError;

  /** `part`: of "busy", how much of the index there is. */
  constructor(error: RefusalName, message: string, part?: number) {
    super(message);
    this.name = 'Refusal';
    this.status = STATUS[error];
    this.body = { error, message, ...(part === undefined ? {} : { part }) };
  }
}

/** Undefined for a bug: its stack is for the terminal, not for the page. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof UserError)
    return new Refusal('internal', sentence(error.message, error.remedy));
  if (!(error instanceof TraceError)) return undefined;
  const message = sentence(error.describe(), error.facts.remedy);
  switch (error.kind) {
    case 'bad-argument':
    case 'empty-selection':
    case 'missing-capability':
      return new Refusal('bad-request', message);
    case 'checksum':
    case 'corrupt':
    case 'truncated':
    case 'count-mismatch':
      return new Refusal('damaged', message);
    case 'not-a-trace':
    case 'newer-format':
    case 'limit':
    case 'io':
      return new Refusal('internal', message);
  }
}

function sentence(message: string, remedy: string | undefined): string {
  return remedy === undefined ? message : `${message}. ${remedy}`;
}
