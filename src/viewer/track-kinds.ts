// SPDX-License-Identifier: Apache-2.0
// What tracks there are, and what is drawn and said of each column. Pure.

import { formatCount, formatCountShort, formatRatio } from '../base/index.ts';
import type { TimeRange, TracksReply, VcpuTrack } from '../server/protocol.ts';

type Value = number | null;

export interface TrackKind {
  readonly name: string;
  readonly title: string;
  /** Of each series, its colour (--s0 ...) and its values; drawn one over the other, the last on top. */
  readonly series: readonly {
    readonly label: string;
    readonly colour: number;
    readonly values: (track: VcpuTrack, reply: TracksReply) => readonly Value[];
  }[];
  /** Filled to the ground; else a line. */
  readonly isFilled: boolean;
  /** Upper end; null: the largest that is visible. */
  readonly top: number | null;
  /** A few columns may stand far above the rest: a string instruction is one and makes thousands of accesses. */
  readonly isSpiky?: boolean;
  /** What stands beside the track for a column. */
  readonly say: (track: VcpuTrack, column: number, reply: TracksReply) => string;
}

function at(values: readonly Value[], column: number): number {
  return values[column] ?? 0;
}

function accessesOf(track: VcpuTrack, column: number): number {
  return at(track.kernelAccesses, column) + at(track.userAccesses, column);
}

export const TRACK_KINDS: readonly TrackKind[] = [
  {
    name: 'rate',
    title: 'Accesses per instruction',
    series: [
      {
        label: 'loads and stores',
        colour: 1,
        values: (track) => track.loads.map((_, i) => ratio(accessesOf(track, i), track, i)),
      },
      {
        label: 'stores',
        colour: 0,
        values: (track) => track.stores.map((stores, i) => ratio(stores, track, i)),
      },
    ],
    isFilled: true,
    top: null,
    isSpiky: true,
    say: (track, i) =>
      at(track.instructions, i) === 0
        ? 'none'
        : `${(accessesOf(track, i) / at(track.instructions, i)).toFixed(2)}, stores ${(at(track.stores, i) / at(track.instructions, i)).toFixed(2)}`,
  },
  {
    name: 'cpl',
    title: 'Kernel and user',
    series: [
      {
        label: 'kernel',
        colour: 0,
        values: (track) => track.loads.map((_, i) => (accessesOf(track, i) > 0 ? 1 : null)),
      },
      {
        label: 'user',
        colour: 1,
        values: (track) =>
          track.userAccesses.map((user, i) =>
            accessesOf(track, i) > 0 ? user / accessesOf(track, i) : null,
          ),
      },
    ],
    isFilled: true,
    top: 1,
    say: (track, i) =>
      accessesOf(track, i) === 0
        ? 'none'
        : `user ${formatRatio(at(track.userAccesses, i), accessesOf(track, i))}`,
  },
  {
    name: 'address-space',
    title: 'Address space',
    series: [],
    isFilled: true,
    top: 1,
    say: (track, i, reply) => reply.addressSpaces[track.addressSpace[i] ?? -1]?.label ?? '-',
  },
  {
    name: 'events',
    title: 'Interrupts, exceptions',
    series: [
      { label: 'interrupts', colour: 5, values: (track) => track.interrupts },
      { label: 'exceptions', colour: 3, values: (track) => track.exceptions },
    ],
    isFilled: false,
    top: null,
    say: (track, i) =>
      `${formatCount(at(track.interrupts, i))} and ${formatCount(at(track.exceptions, i))}`,
  },
  {
    name: 'pages',
    title: 'Working set, pages',
    series: [{ label: 'pages', colour: 4, values: ({ pages }) => pages }],
    isFilled: true,
    top: null,
    say: (track, i) => formatPages(track.pages, i),
  },
];

/** Of all vCPUs together: pages that several of them accessed count once. */
export const SHARED_PAGES: TrackKind = {
  name: 'pages-of-all',
  title: 'Working set, pages',
  series: [{ label: 'pages, each counted once', colour: 4, values: (_track, { pages }) => pages }],
  isFilled: true,
  top: null,
  say: (_track, i, { pages }) => formatPages(pages, i),
};

function formatPages(pages: readonly Value[], column: number): string {
  const count = pages[column] ?? null;
  return count === null ? 'not known' : formatCountShort(count);
}

/**
 * What a track shows, for those who do not see it: at both ends of a stretch of time, and where the series that is on
 * top is highest.
 */
export function trackWords(
  { series, say }: TrackKind,
  track: VcpuTrack,
  reply: TracksReply,
  { from, to }: TimeRange,
): string {
  const { begins, end, known } = reply;
  const shown = begins.flatMap((begin, column) =>
    begin < to && (begins[column + 1] ?? end) > from && known[column] === true ? [column] : [],
  );
  const [first] = shown;
  const last = shown.at(-1);
  if (first === undefined || last === undefined) return 'nothing is known here';
  const words = (column: number): string =>
    `at access ${formatCount(Math.max(begins[column] ?? 0, Math.floor(from)))} ${say(track, column, reply)}`;
  const values = series.at(-1)?.values(track, reply) ?? [];
  const highest = shown.reduce((most, column) =>
    (values[column] ?? 0) > (values[most] ?? 0) ? column : most,
  );
  const peak = values.length > 0 ? [`most ${words(highest)}`] : [];
  return [words(first), ...peak, words(last)].join('; ');
}

/** How many address spaces a track shows in a stretch of time: of each column that with the most accesses. */
export function spacesShown(
  { begins, end }: TracksReply,
  { addressSpace }: VcpuTrack,
  { from, to }: TimeRange,
): number {
  const shown = addressSpace.filter(
    (space, i) => space >= 0 && (begins[i] ?? end) < to && (begins[i + 1] ?? end) > from,
  );
  return new Set(shown).size;
}

function ratio(count: number, track: VcpuTrack, column: number): Value {
  const instructions = at(track.instructions, column);
  // A string instruction may go on for whole columns, in which none completes.
  return count === 0 && instructions === 0 ? null : count / Math.max(1, instructions);
}
