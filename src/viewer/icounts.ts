// SPDX-License-Identifier: Apache-2.0
// The icount beside an ordinal: that of the access, where accesses are known one by one; else about, from the tracks.
// Each vCPU has one of its own: where several share a stream it is always said whose it is.

import { formatCount } from '../base/index.ts';
import type { AccessRow, TracksReply } from '../server/protocol.ts';
import { type NearRows, nearRows } from './near-accesses.ts';
import * as page from './page-state.ts';
import { columnAt, tracks } from './track-data.ts';

export interface Icount {
  readonly vcpu: number;
  /** Instructions that it had completed. */
  readonly count: number;
  /** False: between the columns of a track, in proportion. */
  readonly isExact: boolean;
}

/** Of the first vCPU of the stream; null where it is not known. */
export function icountOf(
  ordinal: number,
  stream: number,
  near: NearRows | null,
  reply: TracksReply | null,
): Icount | null {
  const first = reply?.vcpus[0];
  if (reply === null || first === undefined) return null;
  const { vcpu } = first;
  const row = rowAt(ordinal, stream, near);
  if (row?.vcpu === vcpu) return { vcpu, count: row.icount, isExact: true };
  const column = columnAt(reply, ordinal);
  if (column === undefined) return null;
  const begin = reply.begins[column] ?? 0;
  const end = reply.begins[column + 1] ?? reply.end;
  const part = Math.min(1, (ordinal - begin) / Math.max(1, end - begin));
  const count = (first.icount[column] ?? 0) + part * (first.instructions[column] ?? 0);
  return { vcpu, count: Math.round(count), isExact: false };
}

function rowAt(ordinal: number, stream: number, near: NearRows | null): AccessRow | undefined {
  const whole = Math.floor(ordinal);
  const rows = near?.stream === stream ? near.rows : [];
  const row = rows[whole - (rows[0]?.ordinal ?? 0)];
  return row?.ordinal === whole ? row : undefined;
}

/** What lists say of the access: of the vCPU that made it. Where it is not known, of the first vCPU of the stream. */
export function icountOfAccess(...place: Parameters<typeof icountOf>): Icount | null {
  const [ordinal, stream, near] = place;
  const row = rowAt(ordinal, stream, near);
  if (row === undefined) return icountOf(...place);
  return { vcpu: row.vcpu, count: row.icount, isExact: true };
}

/** Of the vCPU that the axis is of. */
export function icountAt(ordinal: number): Icount | null {
  return icountOf(ordinal, page.view.peek().stream, nearRows.peek(), tracks.peek());
}

/** Of the access under the pointer. */
export function icountUnder(ordinal: number): Icount | null {
  return icountOfAccess(ordinal, page.view.peek().stream, nearRows.peek(), tracks.peek());
}

/** Whether several vCPUs have one order of accesses, and none of their counts is that of all. */
export function isShared(ofStream: readonly number[]): boolean {
  return ofStream.length > 1;
}

/** "icount"; where several vCPUs share the stream, "icount of vCPU 1". */
export function nameIcount(vcpu: number, ofStream: readonly number[]): string {
  return isShared(ofStream) ? `icount of vCPU ${vcpu}` : 'icount';
}

/** What stands beside the numbers of the axis. */
export function nameAxisIcount(ofStream: readonly number[]): string {
  return nameIcount(ofStream[0] ?? 0, ofStream);
}

/** What is not exact says so. `format`: of the number. */
export function formatIcount(
  { count, isExact }: Icount,
  format: (count: number) => string = formatCount,
): string {
  return isExact ? format(count) : `≈ ${format(count)}`;
}
