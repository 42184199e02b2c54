// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { fakeTracks } from '../../test/fakes/viewer-tracks.ts';
import { requireDefined } from '../base/index.ts';
import { spacesShown } from './track-kinds.ts';

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
