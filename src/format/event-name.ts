// SPDX-License-Identifier: Apache-2.0
// What a note of a trace is called in tables and JSON: by what happened, not by how it is written.

import { EventFlag, type TraceNote } from './read-notes.ts';

/** All ones: an address that is not known (docs/format.md 3.6). */
const UNKNOWN = 2n ** 64n - 1n;

export type EventNote = Extract<TraceNote, { kind: 'event' }>;
export type EventName =
  | 'smm-enter'
  | 'smm-leave'
  | 'reset'
  | 'restored'
  | 'guest-exit'
  | 'interrupt'
  | 'software-interrupt'
  | 'exception';

/** What an event note's flags make it, the first that is set counting. */
const EVENT_NAMES: readonly (readonly [bit: number, name: EventName])[] = [
  [EventFlag.smmEntered, 'smm-enter'],
  [EventFlag.smmLeft, 'smm-leave'],
  [EventFlag.reset, 'reset'],
  [EventFlag.restored, 'restored'],
  [EventFlag.guestExit, 'guest-exit'],
  [EventFlag.hardware, 'interrupt'],
  [EventFlag.software, 'software-interrupt'],
];

export function nameOfEvent({ what }: EventNote): EventName {
  return EVENT_NAMES.find(([bit]) => (what & bit) !== 0)?.[1] ?? 'exception';
}

/** The same for all notes; others than events and ports are called by their kind. */
export function nameOfNote(note: TraceNote): string {
  if (note.kind === 'event') return nameOfEvent(note);
  if (note.kind === 'port') return note.out ? 'out' : 'in';
  return note.kind;
}

/** Where an event was taken, or goes on; undefined when that is not known. */
export function placeOfEvent({ ip }: EventNote): bigint | undefined {
  return ip === UNKNOWN ? undefined : ip;
}

/** The vCPU of a note; undefined for an event of which that cannot be known. */
export function vcpuOfNote(note: TraceNote): number | undefined {
  const isUnknown = note.kind === 'event' && (note.what & EventFlag.vcpuUnknown) !== 0;
  return isUnknown ? undefined : note.vcpu;
}

/** Whether the accesses of its delivery are in the trace. */
export function isDelivered({ what }: EventNote): boolean {
  return (what & EventFlag.delivered) !== 0;
}
