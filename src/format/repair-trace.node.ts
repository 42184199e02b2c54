// SPDX-License-Identifier: Apache-2.0
// Makes a complete file of what is good in a damaged or cut one.

import { type FileHandle, open, unlink } from 'node:fs/promises';
import { TraceError } from '../base/index.ts';
import { ioError, openByteSource } from './byte-source.node.ts';
import type { ByteSource } from './byte-source.ts';
import { crc32 } from './crc32.node.ts';
import { encodeIndex, type IndexEntry } from './index-section.ts';
import {
  FILE_HEADER_BYTES,
  NO_STREAM,
  SECTION_HEADER_BYTES,
  SECTION_MAGIC,
  SectionKind,
  TRAILER_BYTES,
} from './layout.ts';
import { readPayload, type Section, sectionEnd } from './section.ts';
import { surveyTrace } from './survey.ts';

export interface RepairResult {
  /** Bytes of the damaged file that are not in the repaired one; its index and trailer do not count. */
  readonly lostBytes: number;
  /** Where the good part ends; the file's size when all of it is good. */
  readonly goodBytes: number;
  readonly keptChunks: number;
  readonly keptAccesses: number;
  readonly hasTotals: boolean;
  /** What was wrong at goodBytes; undefined when nothing was. */
  readonly reason: string | undefined;
}

/**
 * Copies the sections up to the first that is damaged, checksums compared, and closes the copy with an
 * index and a trailer. `out` must not exist. Throws 'io', and what openTrace throws when not even the
 * header is good.
 */
export async function repairTrace(path: string, out: string): Promise<RepairResult> {
  const source = await openByteSource(path);
  try {
    let target: FileHandle;
    try {
      target = await open(out, 'wx', 0o600);
    } catch (cause) {
      throw ioError(out, cause);
    }
    try {
      return await copyGood(source, target);
    } catch (error) {
      await unlink(out);
      throw error instanceof TraceError ? error : ioError(out, error);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyGood(source: ByteSource, target: FileHandle): Promise<RepairResult> {
  const survey = await surveyTrace(source);
  const entries = new Map(survey.entries.map((entry) => [entry.fileOffset, entry]));
  const kept: IndexEntry[] = [];
  let reason = survey.cut?.reason;
  let goodBytes = FILE_HEADER_BYTES;
  let writtenBytes = 0;
  let closingBytes = 0;
  let keptChunks = 0;
  let keptAccesses = 0;
  let hasTotals = false;
  const write = async (bytes: Uint8Array): Promise<void> => {
    await target.writeFile(bytes);
    writtenBytes += bytes.byteLength;
  };
  await write(await source.read(0, FILE_HEADER_BYTES));
  for (const section of survey.sections) {
    if (section.kind === SectionKind.index || section.kind === SectionKind.trailer) {
      closingBytes += SECTION_HEADER_BYTES + section.payloadBytes;
      goodBytes = sectionEnd(section);
      continue;
    }
    const payload = await findGoodPayload(source, section);
    if (payload === undefined) {
      reason = `the bytes of section ${section.sectionIndex} are not those that were written`;
      break;
    }
    const entry = entries.get(section.fileOffset);
    if (entry !== undefined) {
      kept.push({ ...entry, fileOffset: writtenBytes });
      if (section.kind === SectionKind.chunk) {
        keptChunks++;
        keptAccesses += entry.accessCount;
      }
    }
    hasTotals ||= section.kind === SectionKind.totals;
    await write(encodeSectionHeader(section.kind, section.stream, payload));
    await write(payload);
    goodBytes = sectionEnd(section);
  }
  const copiedBytes = writtenBytes;
  const index = encodeIndex(kept);
  await write(encodeSectionHeader(SectionKind.index, NO_STREAM, index));
  await write(index);
  const trailer = new Uint8Array(TRAILER_BYTES);
  new DataView(trailer.buffer).setBigUint64(0, BigInt(copiedBytes), true);
  await write(encodeSectionHeader(SectionKind.trailer, NO_STREAM, trailer));
  await write(trailer);
  return {
    lostBytes: source.byteLength - copiedBytes - closingBytes,
    goodBytes,
    keptChunks,
    keptAccesses,
    hasTotals,
    reason,
  };
}

async function findGoodPayload(
  source: ByteSource,
  section: Section,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await readPayload(source, section);
  } catch (error) {
    if (error instanceof TraceError && error.kind === 'checksum') return undefined;
    throw error;
  }
}

function encodeSectionHeader(
  kind: number,
  stream: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SECTION_HEADER_BYTES);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, SECTION_MAGIC, true);
  data.setUint16(4, kind, true);
  data.setUint32(8, stream, true);
  data.setUint32(12, payload.byteLength, true);
  data.setUint32(16, crc32(payload), true);
  data.setUint32(20, crc32(bytes.subarray(0, 20)), true);
  return bytes;
}
