// SPDX-License-Identifier: Apache-2.0
// Feeds damaged and hostile trace files to the reader. Proves: whatever the bytes are, reading ends with
// data or a TraceError, in bounded time and memory. Half of the files have their checksums mended after
// the damage, so that it reaches the decoders.

import { performance } from 'node:perf_hooks';
import { crc32 } from 'node:zlib';
import { type Prng, prngFromSeed, TraceError } from '../../src/base/index.ts';
import { COLUMN_NAMES } from '../../src/format/access-batch.ts';
import { byteSourceFromBytes } from '../../src/format/byte-source.ts';
import { checkTraceSource } from '../../src/format/check-trace.ts';
import { randomTrace } from '../../src/format/program.oracle.ts';
import { encodeTrace } from '../../src/format/reference-encoder.oracle.ts';
import { openTraceSource } from '../../src/format/trace.ts';

export interface FuzzResult {
  readonly files: number;
  /** Files that could be read to the end, at least as far as they say they are good. */
  readonly readable: number;
  /** By kind of TraceError. */
  readonly refused: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly highestArrayBytes: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Runs for about durationMs. Throws whatever the reader must not throw, with the seed of the file. */
export async function fuzzTrace(seed: number, durationMs: number): Promise<FuzzResult> {
  const corpus = [1, 2, 3, 4, 5, 6].map(
    (n) =>
      encodeTrace(
        randomTrace({
          seed: n,
          blockCount: n * 2,
          executions: 60,
          streams: 1 + (n & 1),
          oddity: 0.2,
        }),
        { framed: n % 3 === 0, closed: n !== 2, pageSlots: n % 2 === 0 ? 0 : 4096 },
      ).bytes,
  );
  const refused: Record<string, number> = {};
  const begunMs = performance.now();
  let files = 0;
  let readable = 0;
  let slowestMs = 0;
  let highestArrayBytes = 0;
  for (; performance.now() - begunMs < durationMs; files++) {
    const random = prngFromSeed(seed + files);
    const original = corpus[random.nextInRange(0, corpus.length)] ?? new Uint8Array(0);
    const bytes = mutate(random, original);
    const fileMs = performance.now();
    const error = await readAll(bytes);
    slowestMs = Math.max(slowestMs, performance.now() - fileMs);
    highestArrayBytes = Math.max(highestArrayBytes, process.memoryUsage().arrayBuffers);
    if (error === undefined) readable++;
    else if (error instanceof TraceError) refused[error.kind] = (refused[error.kind] ?? 0) + 1;
    else throw new Error(`file of seed ${seed + files}`, { cause: error });
  }
  return { files, readable, refused, slowestMs, highestArrayBytes };
}

async function readAll(bytes: Bytes): Promise<unknown> {
  try {
    const source = byteSourceFromBytes(bytes);
    const checked = await checkTraceSource(source);
    const trace = await openTraceSource(source);
    let accesses = 0;
    for await (const batch of trace.accesses({ columns: COLUMN_NAMES, includeAborted: true })) {
      accesses += batch.length;
    }
    let blocks = 0;
    for await (const batch of trace.blocks()) blocks += batch.length;
    for await (const note of trace.notes()) {
      if (note.ordinal > accesses) throw new TraceError('corrupt', 'a note behind the end');
    }
    const sums = trace.summary();
    if (sums.accesses !== accesses || sums.blocks !== blocks || checked.accesses !== accesses) {
      throw new Error(`counts differ: ${sums.accesses}, ${accesses}, ${checked.accesses}`);
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

function mutate(random: Prng, original: Bytes): Bytes {
  const bytes = original.slice();
  switch (random.nextInRange(0, 6)) {
    case 0:
      flip(random, bytes, 0, bytes.length);
      return bytes;
    case 1:
      return bytes.slice(0, random.nextInRange(0, bytes.length));
    case 2:
      return shuffleSections(random, bytes);
    default:
      return damageSection(random, bytes);
  }
}

const ODD_VALUES = [0, 1, 0x7f, 0x80, 0xff];

function flip(random: Prng, bytes: Bytes, begin: number, end: number): void {
  if (begin >= end) return;
  for (let n = random.nextInRange(1, 5); n > 0; n--) {
    const at = random.nextInRange(begin, end);
    bytes[at] = random.nextBoolean()
      ? (bytes[at] ?? 0) ^ (1 << random.nextInRange(0, 8))
      : (ODD_VALUES[random.nextInRange(0, ODD_VALUES.length)] ?? 0);
  }
}

function listSections(bytes: Bytes): Bytes[] {
  const data = new DataView(bytes.buffer);
  const sections: Bytes[] = [];
  for (let at = 16; at + 24 <= bytes.length; ) {
    const end = at + 24 + data.getUint32(at + 12, true);
    sections.push(bytes.slice(at, end));
    at = end;
  }
  return sections;
}

function joinSections(head: Bytes, sections: readonly Bytes[]): Bytes {
  const joined = new Uint8Array(sections.reduce((sum, each) => sum + each.length, head.length));
  joined.set(head);
  let at = head.length;
  for (const section of sections) {
    joined.set(section, at);
    at += section.length;
  }
  return joined;
}

function shuffleSections(random: Prng, bytes: Bytes): Bytes {
  const sections = listSections(bytes);
  const from = random.nextInRange(0, sections.length);
  const to = random.nextInRange(0, sections.length);
  const moved = sections.slice(from, from + 1);
  if (random.nextBoolean()) sections.splice(from, 1);
  sections.splice(to, random.nextBoolean(0.3) ? 1 : 0, ...moved);
  return joinSections(bytes.slice(0, 16), sections);
}

/** Damages one payload, maybe its length too, and mends the checksums over it. */
function damageSection(random: Prng, bytes: Bytes): Bytes {
  const sections = listSections(bytes);
  const chosen = random.nextInRange(0, sections.length);
  let section = sections[chosen] ?? new Uint8Array(24);
  if (random.nextBoolean(0.1))
    section = section.slice(0, random.nextInRange(24, section.length + 1));
  const kind = section[4];
  // Of a chunk, damage the head less often than what the decoder works on.
  const begin = kind === 3 && random.nextBoolean(0.7) ? Math.min(section.length, 24 + 104) : 24;
  flip(random, section, begin, section.length);
  const data = new DataView(section.buffer);
  if (random.nextBoolean(0.05)) section[4] = random.nextInRange(0, 9);
  data.setUint32(12, section.length - 24, true);
  data.setUint32(16, crc32(section.subarray(24)), true);
  data.setUint32(20, crc32(section.subarray(0, 20)), true);
  sections[chosen] = section;
  return joinSections(bytes.slice(0, 16), sections);
}
