// SPDX-License-Identifier: Apache-2.0
// What a finished index says of itself: JSON at its end. Read back, everything is compared with the file.

import { TraceError } from '../base/index.ts';
import type { DamagedChunk } from './damage.ts';

/** Where something is in the file. */
export interface Extent {
  readonly at: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly crc: number;
}

export interface SpaceDescription {
  readonly pageCount: number;
  /** Page numbers: packed arrays, halves of the distances between them. */
  readonly pages: Extent;
}

export interface LevelDescription {
  readonly timeShift: number;
  readonly unitShift: number;
  readonly cellCount: number;
  /** Packed arrays. */
  readonly directory: Extent;
}

export interface TrackLevelDescription {
  readonly timeShift: number;
  readonly directory: Extent;
}

export interface StreamDescription {
  readonly stream: number;
  readonly ordinalEnd: number;
  readonly virtual: readonly LevelDescription[];
  readonly physical: readonly LevelDescription[];
  readonly vcpus: readonly number[];
  /** CR3 of each address space: packed arrays, halves. */
  readonly addressSpaces: Extent;
  readonly tracks: readonly TrackLevelDescription[];
}

export interface IndexDescription {
  /** SHA-256 in hexadecimal digits. */
  readonly fingerprint: string;
  readonly virtual: SpaceDescription | null;
  readonly physical: SpaceDescription | null;
  readonly streams: readonly StreamDescription[];
  readonly damaged: readonly DamagedChunk[];
}

/** Of the trace's own numbers; behind that the file can say what it likes. */
export const MAX_ORDINALS: number = 2 ** 46;
const MAX_SHIFT = 52;

/** Throws TraceError 'corrupt'. Extents are within the first `dataBytes` of the file. */
export function parseDescription(text: string, file: string, dataBytes: number): IndexDescription {
  const reader = createReader(file, dataBytes);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw reader.error('is no JSON');
  }
  const top = reader.object(parsed);
  const space = (value: unknown): SpaceDescription | null => {
    if (value === null) return null;
    const own = reader.object(value);
    return {
      pageCount: reader.whole(own['pageCount'], 2 ** 32),
      pages: reader.extent(own['pages']),
    };
  };
  const damaged = reader.list(top['damaged']).map((value) => {
    const own = reader.object(value);
    const why = own['why'];
    if (typeof why !== 'string') throw reader.error('does not say what is damaged');
    return { chunkIndex: reader.whole(own['chunkIndex'], 2 ** 32), why };
  });
  const fingerprint = top['fingerprint'];
  if (typeof fingerprint !== 'string') throw reader.error('has no fingerprint');
  return {
    fingerprint,
    damaged,
    virtual: space(top['virtual']),
    physical: space(top['physical']),
    streams: reader.list(top['streams']).map((value) => {
      const own = reader.object(value);
      return {
        stream: reader.whole(own['stream'], 2 ** 32),
        ordinalEnd: reader.whole(own['ordinalEnd'], MAX_ORDINALS),
        virtual: reader.list(own['virtual']).map(reader.level),
        physical: reader.list(own['physical']).map(reader.level),
        vcpus: reader.list(own['vcpus']).map((vcpu) => reader.whole(vcpu, 2 ** 16)),
        addressSpaces: reader.extent(own['addressSpaces']),
        tracks: reader.list(own['tracks']).map((level) => {
          const one = reader.object(level);
          return {
            timeShift: reader.whole(one['timeShift'], MAX_SHIFT),
            directory: reader.extent(one['directory']),
          };
        }),
      };
    }),
  };
}

interface DescriptionReader {
  error(what: string): TraceError;
  object(value: unknown): Readonly<Record<string, unknown>>;
  list(value: unknown): readonly unknown[];
  whole(value: unknown, most: number): number;
  extent(value: unknown): Extent;
  level(this: void, value: unknown): LevelDescription;
}

function createReader(file: string, dataBytes: number): DescriptionReader {
  const error = (what: string): TraceError =>
    new TraceError('corrupt', `the description of the view index ${what}`, {
      file,
      remedy: 'Delete the file: it is made anew.',
    });
  const object = (value: unknown): Readonly<Record<string, unknown>> => {
    if (typeof value !== 'object' || value === null) throw error('lacks an object');
    return Object.fromEntries(Object.entries(value));
  };
  const whole = (value: unknown, most: number): number => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most) {
      return value;
    }
    throw error('has a number that cannot be');
  };
  const extent = (value: unknown): Extent => {
    const own = object(value);
    const found = {
      at: whole(own['at'], dataBytes),
      storedBytes: whole(own['storedBytes'], dataBytes),
      rawBytes: whole(own['rawBytes'], 2 ** 40),
      crc: whole(own['crc'], 2 ** 32 - 1),
    };
    if (found.at + found.storedBytes > dataBytes) throw error('points beyond the file');
    return found;
  };
  return {
    error,
    object,
    whole,
    extent,
    list: (value) => {
      if (!Array.isArray(value)) throw error('lacks a list');
      return value.map((one: unknown) => one);
    },
    level: (value) => {
      const own = object(value);
      return {
        timeShift: whole(own['timeShift'], MAX_SHIFT),
        unitShift: whole(own['unitShift'], MAX_SHIFT),
        cellCount: whole(own['cellCount'], Number.MAX_SAFE_INTEGER),
        directory: extent(own['directory']),
      };
    },
  };
}
