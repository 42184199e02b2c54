// SPDX-License-Identifier: Apache-2.0
// Counts what the tracks show of one chunk, by stretch, vCPU and address space. Aborted accesses count nowhere.

import { halves } from '../base/index.ts';
import { AccessFlag, type ChunkInfo, EventFlag, type TraceSlice } from '../format/index.ts';

/**
 * Rows of a stretch, a vCPU and an address space, in the order in which they began. Events behind the chunk's last
 * access are of its stretch.
 */
export interface TrackRows {
  /** Stretch, counted from the chunk's first. */
  readonly stretch: Uint32Array;
  readonly vcpu: Uint32Array;
  readonly cr3Lo: Uint32Array;
  readonly cr3Hi: Uint32Array;
  /** Of the vCPU's last access of the row. */
  readonly icountLo: Uint32Array;
  readonly icountHi: Uint32Array;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
  readonly user: Uint32Array;
  readonly interrupts: Uint32Array;
  readonly exceptions: Uint32Array;
}

/** Neither interrupt nor exception. */
const EVENT_OTHER =
  EventFlag.software |
  EventFlag.smmEntered |
  EventFlag.smmLeft |
  EventFlag.reset |
  EventFlag.restored |
  EventFlag.guestExit;

type SliceNote = NonNullable<TraceSlice['notes']>[number];

export interface TrackCounter {
  note(note: SliceNote): void;
  count(slice: TraceSlice, begin: number, end: number): void;
  nextStretch(): void;
  finish(): TrackRows;
}

interface Row {
  readonly stretch: number;
  readonly vcpu: number;
  readonly cr3: bigint;
  icount: number;
  loads: number;
  stores: number;
  user: number;
  interrupts: number;
  exceptions: number;
}

interface KindCounts {
  accesses: number;
  stores: number;
  user: number;
}

/** Without aborted ones. Four at a time where columns lie so. */
function countKinds(flags: Uint8Array, cpl: Uint8Array, begin: number, end: number): KindCounts {
  const counts = { accesses: 0, stores: 0, user: 0 };
  const wordBegin = begin + ((4 - ((flags.byteOffset + begin) & 3)) & 3);
  const wordEnd = end - ((flags.byteOffset + end) & 3);
  const isAligned = ((flags.byteOffset ^ cpl.byteOffset) & 3) === 0;
  if (!isAligned || wordEnd <= wordBegin) {
    countBytes(counts, flags, cpl, begin, end);
    return counts;
  }
  countBytes(counts, flags, cpl, begin, wordBegin);
  countWords(counts, flags, cpl, wordBegin, wordEnd);
  countBytes(counts, flags, cpl, wordEnd, end);
  return counts;
}

function countBytes(
  counts: KindCounts,
  flags: Uint8Array,
  cpl: Uint8Array,
  begin: number,
  end: number,
): void {
  for (let i = begin; i < end; i++) {
    if ((flags[i] & AccessFlag.aborted) !== 0) continue;
    counts.accesses++;
    counts.stores += flags[i] & 1;
    if (cpl[i] === 3) counts.user++;
  }
}

const EACH_BYTE = 0x0101_0101;

function countWords(
  counts: KindCounts,
  flags: Uint8Array,
  cpl: Uint8Array,
  begin: number,
  end: number,
): void {
  const length = (end - begin) / 4;
  const flagWords = new Int32Array(flags.buffer, flags.byteOffset + begin, length);
  const cplWords = new Int32Array(cpl.buffer, cpl.byteOffset + begin, length);
  let stores = 0;
  let user = 0;
  for (let i = 0; i < length; i++) {
    const flag = flagWords[i];
    const ring = cplWords[i];
    if ((flag & (EACH_BYTE * AccessFlag.aborted)) !== 0) {
      countBytes(counts, flags, cpl, begin + 4 * i, begin + 4 * i + 4);
      continue;
    }
    counts.accesses += 4;
    // 3 has its two lowest bits set; so has 255, which has the third one too.
    stores += Math.imul(flag & EACH_BYTE, EACH_BYTE) >>> 24;
    user += Math.imul(ring & (ring >>> 1) & ~(ring >>> 2) & EACH_BYTE, EACH_BYTE) >>> 24;
  }
  counts.stores += stores;
  counts.user += user;
}

export function createTrackCounter(info: ChunkInfo): TrackCounter {
  const rows: Row[] = [];
  const cr3Of = new Map(info.vcpuStates.map(({ vcpu, cr3 }) => [vcpu, cr3]));
  const icountOf = new Map(info.vcpuStates.map(({ vcpu, icount }) => [vcpu, Number(icount)]));
  let held: { readonly slice: TraceSlice; readonly icount: Uint32Array } | undefined;
  let { vcpu } = info;
  let stretch = 0;
  let stretchBegin = 0;
  let row: Row | undefined;
  const current = (): Row => {
    const cr3 = cr3Of.get(vcpu) ?? 0n;
    if (row?.vcpu === vcpu && row.cr3 === cr3 && row.stretch === stretch) return row;
    for (let at = stretchBegin; at < rows.length; at++) {
      if (rows[at].vcpu === vcpu && rows[at].cr3 === cr3) return (row = rows[at]);
    }
    // What comes before the vCPU's first access here: no later than it.
    row = {
      ...{ stretch, vcpu, cr3, loads: 0, stores: 0, user: 0, interrupts: 0, exceptions: 0 },
      icount: icountOf.get(vcpu) ?? 0,
    };
    rows.push(row);
    return row;
  };
  return {
    note(note) {
      if (note.kind === 'vcpu') vcpu = note.next;
      else if (note.kind === 'cr3') cr3Of.set(vcpu, note.cr3);
      else if (note.kind === 'event') {
        if ((note.what & EventFlag.hardware) !== 0) current().interrupts++;
        else if ((note.what & EVENT_OTHER) === 0) current().exceptions++;
      }
    },
    count(slice, begin, end) {
      const { flags, cpl, icount } = slice;
      if (flags === undefined || cpl === undefined || icount === undefined) {
        throw new Error('internal: a slice lacks a column');
      }
      const { accesses, stores, user } = countKinds(flags, cpl, begin, end);
      if (held?.slice !== slice) held = { slice, icount: halves(icount) };
      const last = held.icount[2 * end - 1] * 2 ** 32 + held.icount[2 * end - 2];
      icountOf.set(vcpu, last);
      const here = current();
      here.loads += accesses - stores;
      here.stores += stores;
      here.user += user;
      here.icount = last;
    },
    nextStretch() {
      stretch++;
      stretchBegin = rows.length;
    },
    finish() {
      const column = (pick: (one: Row) => number): Uint32Array => Uint32Array.from(rows, pick);
      return {
        stretch: column((one) => one.stretch),
        vcpu: column((one) => one.vcpu),
        cr3Lo: column((one) => Number(one.cr3 & 0xffff_ffffn)),
        cr3Hi: column((one) => Number(one.cr3 >> 32n)),
        icountLo: column((one) => one.icount % 2 ** 32),
        icountHi: column((one) => Math.floor(one.icount / 2 ** 32)),
        loads: column((one) => one.loads),
        stores: column((one) => one.stores),
        user: column((one) => one.user),
        interrupts: column((one) => one.interrupts),
        exceptions: column((one) => one.exceptions),
      };
    },
  };
}
