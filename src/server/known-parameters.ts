// SPDX-License-Identifier: Apache-2.0
// Parameters of questions that only the trace can narrow.

import type { PageAxis } from '../tiles/index.ts';
import { type Parameters, streamFrom } from './parameters.ts';
import type { Space } from './protocol.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';

/** Throws Refusal 'bad-request' for a stream that the trace does not have. */
export function knownStream({ trace }: Session, parameters: Parameters): number {
  const stream = streamFrom(parameters);
  if (stream === 0 || trace.chunks.some((chunk) => chunk.stream === stream)) return stream;
  throw new Refusal('bad-request', `the trace has no stream ${stream}`);
}

/** Throws Refusal: 'bad-request' for addresses that the trace does not have, 'busy' while there is no index. */
export function axisOf({ index }: Session, space: Space): PageAxis {
  const axis = index.require().pages[space];
  if (axis !== null) return axis;
  throw new Refusal('bad-request', `the trace has no ${space} addresses`);
}
