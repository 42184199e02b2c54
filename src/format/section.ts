// SPDX-License-Identifier: Apache-2.0
// Sections: the frame around everything in a trace file (docs/format.md section 1).

import { TraceError, type TraceErrorFacts, type TraceErrorKind } from '../base/index.ts';
import type { ByteSource } from './byte-source.ts';
import { crc32 } from './crc32.node.ts';
import {
  FILE_HEADER_BYTES,
  FILE_MAGIC,
  FORMAT_VERSION,
  MAX_SECTION_BYTES,
  SECTION_HEADER_BYTES,
  SECTION_MAGIC,
  SectionKind,
  type SectionName,
} from './layout.ts';

export interface Section {
  /** Position among the sections of the file, from 0. */
  readonly sectionIndex: number;
  readonly fileOffset: number;
  readonly kind: number;
  /** NO_STREAM when it belongs to none. */
  readonly stream: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

export function payloadOffset(section: Section): number {
  return section.fileOffset + SECTION_HEADER_BYTES;
}

export function sectionEnd(section: Section): number {
  return section.fileOffset + SECTION_HEADER_BYTES + section.payloadBytes;
}

/** "chunk", or "kind 77" for one that this version does not know. */
function sectionName(kind: number): string {
  const names = Object.keys(SectionKind).filter((name): name is SectionName => name in SectionKind);
  return names.find((name) => SectionKind[name] === kind) ?? `kind ${kind}`;
}

/** A failure inside a section, with its place. payloadAt is relative to the payload's first byte. */
export function sectionError(
  kind: TraceErrorKind,
  section: Section,
  message: string,
  facts: TraceErrorFacts = {},
  payloadAt: number = -SECTION_HEADER_BYTES,
): TraceError {
  return new TraceError(kind, `${sectionName(section.kind)} section: ${message}`, {
    blockIndex: section.sectionIndex,
    fileOffset: payloadOffset(section) + payloadAt,
    ...facts,
  });
}

/** Without the header of a file nothing of it can be read, nor repaired. */
export const NO_HEADER_REMEDY =
  'Nothing of it can be read without its header: copy it again from where it came, or record again.';

/** Checks the first bytes of the file. Throws 'not-a-trace', 'truncated', 'newer-format', 'corrupt'. */
export async function checkFileHeader(source: ByteSource): Promise<void> {
  const there = Math.min(source.byteLength, FILE_HEADER_BYTES);
  const bytes = await source.read(0, there);
  const magic = String.fromCharCode(...bytes.subarray(0, FILE_MAGIC.length));
  if (!FILE_MAGIC.startsWith(magic)) {
    throw new TraceError('not-a-trace', 'this is not a trace file', {
      file: source.name,
      fileOffset: 0,
      expected: JSON.stringify(FILE_MAGIC),
      found: JSON.stringify(magic),
    });
  }
  if (there < FILE_HEADER_BYTES) {
    throw new TraceError('truncated', 'the file ends inside its first bytes', {
      file: source.name,
      fileOffset: there,
      expected: `${FILE_HEADER_BYTES} bytes`,
      found: `${there}`,
      remedy: 'Nothing was recorded in it: record again.',
    });
  }
  const view = new DataView(bytes.buffer);
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) {
    throw new TraceError('newer-format', 'the file was written by a newer version', {
      file: source.name,
      fileOffset: 8,
      expected: `format version ${FORMAT_VERSION}`,
      found: `${version}`,
      remedy: 'Update this program.',
    });
  }
  if (version < 1 || view.getUint32(12, true) !== 0) {
    throw new TraceError('corrupt', 'the file header is damaged', {
      file: source.name,
      fileOffset: 8,
      expected: 'version 1, then 0',
      found: `${version}, then ${view.getUint32(12, true)}`,
      remedy: NO_HEADER_REMEDY,
    });
  }
}

/** Reads and checks the section header at fileOffset; the payload is known to be there, not to be good. */
export async function readSectionHeader(
  source: ByteSource,
  fileOffset: number,
  sectionIndex: number,
): Promise<Section> {
  const left = source.byteLength - fileOffset;
  const place = { file: source.name, fileOffset, blockIndex: sectionIndex };
  if (left < SECTION_HEADER_BYTES) {
    throw new TraceError('truncated', 'the file ends inside a section header', {
      ...place,
      expected: `${SECTION_HEADER_BYTES} bytes`,
      found: `${left}`,
    });
  }
  const bytes = await source.read(fileOffset, SECTION_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== SECTION_MAGIC) {
    throw new TraceError('corrupt', 'no section begins here', {
      ...place,
      expected: hex32(SECTION_MAGIC),
      found: hex32(view.getUint32(0, true)),
    });
  }
  const headerCrc = crc32(bytes.subarray(0, 20));
  if (headerCrc !== view.getUint32(20, true)) {
    throw new TraceError('checksum', 'the section header is damaged', {
      ...place,
      expected: hex32(view.getUint32(20, true)),
      found: hex32(headerCrc),
    });
  }
  const section: Section = {
    sectionIndex,
    fileOffset,
    kind: view.getUint16(4, true),
    stream: view.getUint32(8, true),
    payloadBytes: view.getUint32(12, true),
    payloadCrc: view.getUint32(16, true),
  };
  if (view.getUint16(6, true) !== 0) {
    throw sectionError('corrupt', section, 'a reserved field is not 0', place);
  }
  if (section.payloadBytes > MAX_SECTION_BYTES) {
    throw sectionError('corrupt', section, 'too long', {
      ...place,
      expected: `at most ${MAX_SECTION_BYTES} bytes`,
      found: `${section.payloadBytes}`,
    });
  }
  if (section.payloadBytes > left - SECTION_HEADER_BYTES) {
    throw sectionError('truncated', section, 'the file ends inside it', {
      ...place,
      expected: `${section.payloadBytes} bytes`,
      found: `${left - SECTION_HEADER_BYTES}`,
    });
  }
  return section;
}

/** The whole payload, compared with its checksum. Throws 'checksum', 'io'. */
export async function readPayload(
  source: ByteSource,
  section: Section,
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = await source.read(payloadOffset(section), section.payloadBytes);
  const found = crc32(payload);
  if (found !== section.payloadCrc) {
    throw sectionError('checksum', section, 'its bytes are not those that were written', {
      file: source.name,
      expected: hex32(section.payloadCrc),
      found: hex32(found),
      remedy: 'What is before it is good: repair the trace, or copy it again from where it came.',
    });
  }
  return payload;
}

function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}
