// SPDX-License-Identifier: Apache-2.0
// What may be asked of an index, checked.

import { TraceError } from '../base/index.ts';
import type { StreamDescription } from './description.ts';
import {
  MAX_TILE_SIDE,
  MAX_TRACK_COLUMNS,
  type OrdinalRange,
  type TileQuery,
  type TracksQuery,
} from './view-index.ts';

export function badArgument(message: string, expected: string, found: unknown): TraceError {
  return new TraceError('bad-argument', message, { expected, found: String(found) });
}

function requireBetween(value: number, what: string, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw badArgument(`${what} is out of range`, `a whole number from ${least} to ${most}`, value);
}

function requireRange({ from, to }: OrdinalRange): void {
  requireBetween(from, 'from', 0, Number.MAX_SAFE_INTEGER);
  requireBetween(to, 'to', 0, Number.MAX_SAFE_INTEGER);
  if (from >= to) throw badArgument('the window is empty', `from below to ${to}`, from);
}

export function requireTileQuery(query: TileQuery): void {
  requireRange(query);
  requireBetween(query.columns, 'columns', 1, MAX_TILE_SIDE);
  requireBetween(query.rows, 'rows', 1, MAX_TILE_SIDE);
  const { low, high } = query;
  if (!Number.isFinite(low) || low < 0) throw badArgument('low is no rank', 'a number from 0', low);
  if (!Number.isFinite(high) || high <= low || high > 2 ** 32) {
    throw badArgument('high is no rank above low', `a number above ${low}`, high);
  }
}

export function requireTracksQuery(query: TracksQuery): void {
  requireRange(query);
  requireBetween(query.columns, 'columns', 1, MAX_TRACK_COLUMNS);
}

export function requireTouchQuery(
  query: OrdinalRange & { readonly rank: number },
  pageCount: number,
): void {
  requireRange(query);
  requireBetween(query.rank, 'rank', 0, pageCount - 1);
}

export function requireStream(
  streams: readonly StreamDescription[],
  stream: number,
): StreamDescription {
  const found = streams.find((one) => one.stream === stream);
  if (found !== undefined) return found;
  const there = streams.map((one) => one.stream).join(', ');
  throw badArgument('the trace has no such stream', there || 'none', stream);
}
