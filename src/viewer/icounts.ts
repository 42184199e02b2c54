// SPDX-License-Identifier: Apache-2.0
// The icount beside an ordinal: that of the access, where accesses are known one by one; else about, from the tracks.

import { formatCount } from '../base/index.ts';
import type { TracksReply } from '../server/protocol.ts';
import { type NearRows, nearRows } from './near-accesses.ts';
import * as page from './page-state.ts';
import { columnAt, tracks } from './track-data.ts';

export interface Icount {
  /** Instructions that the stream's first vCPU had completed. */
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
  const vcpu = reply?.vcpus[0];
  if (reply === null || vcpu === undefined) return null;
  const whole = Math.floor(ordinal);
  const rows = near?.stream === stream ? near.rows : [];
  const row = rows[whole - (rows[0]?.ordinal ?? 0)];
  if (row?.ordinal === whole && row.vcpu === vcpu.vcpu) {
    return { count: row.icount, isExact: true };
  }
  const column = columnAt(reply, ordinal);
  if (column === undefined) return null;
  const begin = reply.begins[column] ?? 0;
  const end = reply.begins[column + 1] ?? reply.end;
  const part = Math.min(1, (ordinal - begin) / Math.max(1, end - begin));
  const count = (vcpu.icount[column] ?? 0) + part * (vcpu.instructions[column] ?? 0);
  return { count: Math.round(count), isExact: false };
}

export function icountAt(ordinal: number): Icount | null {
  return icountOf(ordinal, page.view.peek().stream, nearRows.peek(), tracks.peek());
}

/** What is not exact says so. `format`: of the number. */
export function formatIcount(
  { count, isExact }: Icount,
  format: (count: number) => string = formatCount,
): string {
  return isExact ? format(count) : `≈ ${format(count)}`;
}
