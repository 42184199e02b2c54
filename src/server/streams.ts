// SPDX-License-Identifier: Apache-2.0
// Orders of accesses, and the vCPUs that made them.

import { endOfStream } from '../tiles/index.ts';
import type { StreamInfo } from './protocol.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';

interface Known {
  readonly trace: Session['trace'];
  readonly index: Pick<Session['index'], 'find'>;
}

export function describeStreams(session: Known): StreamInfo[] {
  const { chunks } = session.trace;
  const numbers = [...new Set(chunks.map(({ stream }) => stream))].sort((a, b) => a - b);
  return numbers.map((stream) => ({
    ...{ stream, accesses: endOfStream(session.trace, stream) },
    vcpus: vcpusOf(session, stream),
  }));
}

/**
 * Ascending. While there is no index, as far as heads of chunks tell: of several streams each is of one vCPU, and its first
 * chunk names one before any ran.
 */
export function vcpusOf({ trace, index }: Known, stream: number): readonly number[] {
  const known = index.find()?.vcpusOf(stream) ?? [];
  if (known.length > 0) return known;
  const isOne = isOneStream(trace);
  const ofStream = trace.chunks.filter(
    (chunk) => chunk.stream === stream && (isOne || chunk.firstBlock > 0),
  );
  const named = ofStream.flatMap(({ vcpu, vcpuStates }) => [
    vcpu,
    ...vcpuStates.map((one) => one.vcpu),
  ]);
  return [...new Set(named)].sort((a, b) => a - b);
}

function isOneStream({ chunks }: Session['trace']): boolean {
  return chunks.every((chunk) => chunk.stream === 0);
}

/** With several streams each is of one vCPU; with one stream it is of all: undefined. Throws as the index holder does. */
export function onlyVcpuOf(
  { trace, index }: Pick<Session, 'trace' | 'index'>,
  stream: number,
): number | undefined {
  if (isOneStream(trace)) return undefined;
  const [vcpu] = index.require().vcpusOf(stream);
  if (vcpu !== undefined) return vcpu;
  throw new Refusal('bad-request', `stream ${stream} has no accesses`);
}
