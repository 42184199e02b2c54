// SPDX-License-Identifier: Apache-2.0
// Between which icounts the accesses of a part by ordinals are: of each vCPU its first and its last one, from the few
// chunks that have them.

import type { Span } from '../analysis/index.ts';
import { halves } from '../base/index.ts';
import type { ChunkInfo, Trace } from '../format/index.ts';

/**
 * The least icount of the accesses in the part, of any vCPU or this one, and one behind the greatest; undefined without
 * an access. Throws as Trace.accesses().
 */
export async function icountsOfOrdinals(
  trace: Trace,
  ordinals: Span,
  vcpu: number | undefined,
): Promise<Span | undefined> {
  let begin = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const places of placesByStream(trace, ordinals)) {
    const read = readOnce(trace, ordinals, vcpu);
    for (const inOrder of [places, places.toReversed()]) {
      const missing = vcpusOf(places, vcpu);
      for (const place of inOrder) {
        if (![...missing].some((one) => mayRun(one, place))) continue;
        for (const [one, span] of await read(place.chunk)) {
          missing.delete(one);
          begin = Math.min(begin, span.begin);
          last = Math.max(last, span.end - 1);
        }
      }
    }
  }
  return begin > last ? undefined : { begin, end: last + 1 };
}

interface ChunkPlace {
  readonly chunk: ChunkInfo;
  /** The following one of its stream. */
  readonly next: ChunkInfo | undefined;
}

/** The chunks with ordinals of the part. */
function placesByStream({ chunks }: Trace, { begin, end }: Span): readonly ChunkPlace[][] {
  const streams = new Map<number, ChunkInfo[]>();
  for (const chunk of chunks) {
    const own = streams.get(chunk.stream);
    if (own === undefined) streams.set(chunk.stream, [chunk]);
    else own.push(chunk);
  }
  return [...streams.values()].map((own) =>
    own
      .map((chunk, i) => ({ chunk, next: own[i + 1] }))
      .filter(
        ({ chunk: { firstOrdinal, accessCount } }) =>
          firstOrdinal < end && firstOrdinal + accessCount > begin,
      ),
  );
}

function vcpusOf(places: readonly ChunkPlace[], wanted: number | undefined): Set<number> {
  if (wanted !== undefined) return new Set([wanted]);
  const listed = places.flatMap(({ chunk, next }) => [
    chunk,
    ...(next === undefined ? [] : [next]),
  ]);
  return new Set(listed.flatMap((one) => [one.vcpu, ...one.vcpuStates.map(({ vcpu }) => vcpu)]));
}

/** One that a chunk does not list has not run before it (docs/format.md 3.7). */
function mayRun(vcpu: number, { chunk, next }: ChunkPlace): boolean {
  if (next === undefined || chunk.vcpu === vcpu || next.vcpu === vcpu) return true;
  return icountIn(chunk, vcpu) !== icountIn(next, vcpu);
}

function icountIn({ vcpuStates }: ChunkInfo, vcpu: number): bigint {
  return vcpuStates.find((state) => state.vcpu === vcpu)?.icount ?? 0n;
}

type SpanByVcpu = ReadonlyMap<number, Span>;

/** What accesses of the part a chunk has: from the least icount of each vCPU to the greatest. */
function readOnce(
  trace: Trace,
  ordinals: Span,
  vcpu: number | undefined,
): (chunk: ChunkInfo) => Promise<SpanByVcpu> {
  const known = new Map<ChunkInfo, SpanByVcpu>();
  return async (chunk) => {
    const spans = known.get(chunk) ?? (await readSpans(trace, chunk, ordinals, vcpu));
    known.set(chunk, spans);
    return spans;
  };
}

async function readSpans(
  trace: Trace,
  { stream, firstOrdinal, accessCount }: ChunkInfo,
  ordinals: Span,
  wanted: number | undefined,
): Promise<SpanByVcpu> {
  const spans = new Map<number, { begin: number; end: number }>();
  const batches = trace.accesses({
    columns: ['icount', 'vcpu'],
    stream,
    from: Math.max(ordinals.begin, firstOrdinal),
    to: Math.min(ordinals.end, firstOrdinal + accessCount),
    ...(wanted === undefined ? {} : { vcpu: wanted }),
  });
  for await (const { length, icount, vcpu } of batches) {
    const words = halves(icount);
    for (let i = 0; i < length; i++) {
      const at = (words[2 * i + 1] ?? 0) * 2 ** 32 + (words[2 * i] ?? 0);
      const one = vcpu[i] ?? 0;
      const span = spans.get(one);
      if (span === undefined) {
        spans.set(one, { begin: at, end: at + 1 });
      } else {
        span.begin = Math.min(span.begin, at);
        span.end = Math.max(span.end, at + 1);
      }
    }
  }
  return spans;
}
