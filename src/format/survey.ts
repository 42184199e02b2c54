// SPDX-License-Identifier: Apache-2.0
// Walks the sections of a file from the first to the last whole one and learns what is where: header,
// code table, heads of the chunks, totals, index. Reads no chunk's streams, so it takes one or two small
// reads per chunk. This is also how the index of a file that was cut is made again.

import { TraceError } from '../base/index.ts';
import type { ByteSource } from './byte-source.ts';
import { type ChunkRecord, chunkError, chunkHeadBytes, decodeChunkInfo } from './chunk-header.ts';
import { type CodeTableBuilder, codeTableBuilder, type HeldCode } from './code-table.ts';
import {
  decodeIndex,
  findIndexDifference,
  type IndexEntry,
  indexEntryOfChunk,
  indexEntryOfCode,
} from './index-section.ts';
import { CHUNK_HEADER_BYTES, FILE_HEADER_BYTES, SectionKind, TRAILER_BYTES } from './layout.ts';
import { decodeHeader, decodeTotals, type TraceHeader, type TraceTotals } from './metadata.ts';
import { payloadView } from './payload-view.ts';
import {
  checkFileHeader,
  NO_HEADER_REMEDY,
  payloadOffset,
  readPayload,
  readSectionHeader,
  type Section,
  sectionEnd,
  sectionError,
} from './section.ts';
import { readyZstd } from './zstd.ts';

/** Where a file stops being good. Everything before fileOffset is. */
export interface TraceCut {
  readonly fileOffset: number;
  /** 'truncated' when the file just ends; 'checksum' or 'corrupt' when what is there is damaged. */
  readonly kind: TraceError['kind'];
  readonly reason: string;
}

export interface Survey {
  readonly header: TraceHeader;
  readonly totals: TraceTotals | undefined;
  readonly code: HeldCode;
  readonly chunks: readonly ChunkRecord[];
  /** Every whole section, in file order. */
  readonly sections: readonly Section[];
  /** The index as the sections have it. */
  readonly entries: readonly IndexEntry[];
  /** The file has its trailer and nothing is wrong before it. */
  readonly complete: boolean;
  readonly cut: TraceCut | undefined;
}

interface Progress {
  header: TraceHeader | undefined;
  totals: TraceTotals | undefined;
  readonly code: CodeTableBuilder;
  readonly chunks: ChunkRecord[];
  readonly sections: Section[];
  readonly entries: IndexEntry[];
  /** Ordinal and block that the next chunk of a stream begins with. */
  readonly next: Map<number, { ordinal: number; block: number }>;
  indexSection: Section | undefined;
  hasTrailer: boolean;
}

/**
 * Throws when not even the header is whole ('not-a-trace', 'newer-format', 'truncated', 'checksum',
 * 'corrupt'), when memory would not do ('limit'), and 'io'. Damage further on is the survey's cut.
 */
export async function surveyTrace(source: ByteSource): Promise<Survey> {
  await readyZstd();
  await checkFileHeader(source);
  const progress: Progress = {
    header: undefined,
    totals: undefined,
    code: codeTableBuilder(),
    chunks: [],
    sections: [],
    entries: [],
    next: new Map(),
    indexSection: undefined,
    hasTrailer: false,
  };
  const stop = await walk(source, progress);
  if (progress.header === undefined) {
    throw noHeaderError(
      stop ?? new TraceError('truncated', 'the file ends before its header', { file: source.name }),
    );
  }
  const end = progress.sections.at(-1);
  const endOffset = end === undefined ? FILE_HEADER_BYTES : sectionEnd(end);
  return {
    header: progress.header,
    totals: progress.totals,
    code: progress.code.finish(),
    chunks: progress.chunks,
    sections: progress.sections,
    entries: progress.entries,
    complete: stop === undefined && progress.hasTrailer,
    cut: describeCut(stop, progress.hasTrailer, endOffset),
  };
}

/** What is advised of damage elsewhere, to keep what is before it, is nothing here. */
function noHeaderError({ kind, message, facts }: TraceError): TraceError {
  const remedy = kind === 'newer-format' ? facts.remedy : undefined;
  return new TraceError(kind, message, { ...facts, remedy: remedy ?? NO_HEADER_REMEDY });
}

function describeCut(
  stop: TraceError | undefined,
  hasTrailer: boolean,
  endOffset: number,
): TraceCut | undefined {
  if (stop !== undefined) {
    const { fileOffset = endOffset, expected, found } = stop.facts;
    const detail =
      expected === undefined || found === undefined
        ? ''
        : ` (expected ${expected}, found ${found})`;
    return {
      fileOffset: Math.min(fileOffset, endOffset),
      kind: stop.kind,
      reason: `${stop.message}${detail}`,
    };
  }
  return hasTrailer
    ? undefined
    : { fileOffset: endOffset, kind: 'truncated', reason: 'the file ends without a trailer' };
}

/** Returns why it stopped before the end of the file. */
async function walk(source: ByteSource, progress: Progress): Promise<TraceError | undefined> {
  let fileOffset = FILE_HEADER_BYTES;
  while (fileOffset < source.byteLength) {
    try {
      const section = await readSectionHeader(source, fileOffset, progress.sections.length);
      if (progress.hasTrailer) throw sectionError('corrupt', section, 'it is behind the trailer');
      await visitSection(source, section, progress);
      progress.sections.push(section);
      fileOffset = sectionEnd(section);
    } catch (error) {
      if (!(error instanceof TraceError) || error.kind === 'io' || error.kind === 'limit')
        throw error;
      return error.withFacts({ file: source.name, fileOffset });
    }
  }
  return undefined;
}

async function visitSection(
  source: ByteSource,
  section: Section,
  progress: Progress,
): Promise<void> {
  if ((progress.header === undefined) !== (section.kind === SectionKind.header)) {
    throw sectionError(
      'corrupt',
      section,
      progress.header === undefined ? 'the header is missing before it' : 'a second header',
    );
  }
  switch (section.kind) {
    case SectionKind.header:
      progress.header = inSection(section, decodeHeader, await readPayload(source, section));
      break;
    case SectionKind.code: {
      const firstId = progress.code.blockCount;
      progress.code.append(section, await readPayload(source, section));
      const count = progress.code.blockCount - firstId;
      progress.entries.push(indexEntryOfCode(section, firstId, count));
      break;
    }
    case SectionKind.chunk:
      await visitChunk(source, section, progress);
      break;
    case SectionKind.totals:
      progress.totals = inSection(section, decodeTotals, await readPayload(source, section));
      break;
    case SectionKind.index:
      requireSameIndex(section, await readPayload(source, section), progress.entries);
      progress.indexSection = section;
      break;
    case SectionKind.trailer:
      visitTrailer(section, await readPayload(source, section), progress);
      break;
    default:
      break; // of a later version
  }
}

/** JSON knows no offsets: its failures get the section's. */
function inSection<T>(
  section: Section,
  decode: (payload: Uint8Array) => T,
  payload: Uint8Array,
): T {
  try {
    return decode(payload);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw error.withFacts({ blockIndex: section.sectionIndex, fileOffset: payloadOffset(section) });
  }
}

async function visitChunk(source: ByteSource, section: Section, progress: Progress): Promise<void> {
  const read = (byteCount: number): Promise<Uint8Array<ArrayBuffer>> =>
    source.read(payloadOffset(section), Math.min(byteCount, section.payloadBytes));
  let head = await read(CHUNK_HEADER_BYTES);
  head = await read(chunkHeadBytes(section, head));
  const info = decodeChunkInfo(section, head, progress.chunks.length, progress.code.blockCount);
  const record: ChunkRecord = { info, section };
  const next = progress.next.get(info.stream) ?? { ordinal: 0, block: 0 };
  if (info.firstOrdinal !== next.ordinal || info.firstBlock !== next.block) {
    throw chunkError(
      record,
      'corrupt',
      'it does not continue its stream',
      `access ${next.ordinal}, block ${next.block}`,
      `access ${info.firstOrdinal}, block ${info.firstBlock}`,
    );
  }
  progress.next.set(info.stream, {
    ordinal: next.ordinal + info.accessCount,
    block: next.block + info.blockCount,
  });
  progress.chunks.push(record);
  progress.entries.push(indexEntryOfChunk(info));
}

function requireSameIndex(
  section: Section,
  payload: Uint8Array<ArrayBuffer>,
  entries: readonly IndexEntry[],
): void {
  const stored = decodeIndex(section, payload);
  if (stored.length !== entries.length) {
    throw sectionError('corrupt', section, 'it does not list the sections that are there', {
      expected: `${entries.length} entries`,
      found: `${stored.length}`,
    });
  }
  stored.forEach((entry, i) => {
    const field = findIndexDifference(entry, entries[i]);
    if (field === undefined) return;
    throw sectionError('corrupt', section, `entry ${i} differs from its section in ${field}`, {
      expected: String(entries[i][field]),
      found: String(entry[field]),
    });
  });
}

function visitTrailer(
  section: Section,
  payload: Uint8Array<ArrayBuffer>,
  progress: Progress,
): void {
  const view = payloadView(section, payload);
  if (view.byteLength !== TRAILER_BYTES)
    throw view.error('wrong length', 0, '8', `${view.byteLength}`);
  const indexAt = view.count64(0);
  if (progress.indexSection === undefined || indexAt !== progress.indexSection.fileOffset) {
    throw view.error(
      'it does not point to the index',
      0,
      progress.indexSection === undefined
        ? 'an index before it'
        : `${progress.indexSection.fileOffset}`,
      `${indexAt}`,
    );
  }
  progress.hasTrailer = true;
}
