// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { fakeTracks } from '../../test/fakes/viewer-tracks.ts';
import { requireDefined } from '../base/index.ts';
import { spacesShown, TRACK_KINDS, type TrackKind, trackWords } from './track-kinds.ts';

describe('address spaces that a track shows', () => {
  const reply = fakeTracks(8);
  const track = requireDefined(reply.vcpus[0], 'there is one');

  it.each([
    [0, 8 * 4096, 8],
    [4096, 8192, 1],
    [4095, 8193, 3],
    [5000, 5010, 1],
    [8 * 4096, 9 * 4096, 0],
  ])('from %i to %i are those of its columns in view', (from, to, count) => {
    expect(spacesShown(reply, track, { from, to })).toBe(count);
  });

  it('are counted once, and none is not one', () => {
    const spaces = [3, -1, 3, 3, 5, -1, 3, 5];
    const whole = { from: 0, to: 8 * 4096 };
    expect(spacesShown(reply, { ...track, addressSpace: spaces }, whole)).toBe(2);
  });
});

describe('a track in words', () => {
  const reply = fakeTracks(8);
  const track = requireDefined(reply.vcpus[0], 'there is one');
  const kind = (name: string): TrackKind =>
    requireDefined(
      TRACK_KINDS.find((one) => one.name === name),
      'there is that',
    );

  it('says both ends of what is in view, and the highest', () => {
    const busy = { ...track, exceptions: [9, 0, 5, 1, 0, 0, 0, 9] };
    const words = trackWords(kind('events'), busy, reply, { from: 5000, to: 5 * 4096 });
    expect(words).toBe(
      'at access 5,000 0 and 0; most at access 8,192 0 and 5; at access 16,384 0 and 0',
    );
  });

  it('leaves out what is not known', () => {
    const damaged = { ...reply, known: reply.known.map((_, i) => i > 2) };
    const words = trackWords(kind('address-space'), track, damaged, { from: 0, to: 8 * 4096 });
    expect(words).toBe('at access 12,288 3; at access 28,672 7');
    const none = trackWords(kind('cpl'), track, damaged, { from: 0, to: 4096 });
    expect(none).toBe('nothing is known here');
  });
});
