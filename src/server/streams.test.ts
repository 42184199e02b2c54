// SPDX-License-Identifier: Apache-2.0
// Whose accesses a stream has, with an index and before there is one.

import { describe, expect, it } from 'vitest';
import { requireDefined } from '../base/index.ts';
import { describeStreams, onlyVcpuOf } from './streams.ts';
import { makeUp } from './test-chunks.oracle.ts';

const { trace, index } = await makeUp(11, 2);
const [model] = trace.chunks;
/** As a recording in threads has them: the first chunk of a stream begins before any vCPU of it ran. */
const chunks = [
  { stream: 1, firstBlock: 0, vcpu: 0 },
  { stream: 0, firstBlock: 0, vcpu: 0 },
  { stream: 0, firstBlock: 50, vcpu: 0 },
].map((head) => ({ ...requireDefined(model, 'it has chunks'), ...head, vcpuStates: [] }));
const ofThreads = { ...trace, chunks };
const none = { find: () => undefined };
const known = { ...index, vcpusOf: (stream: number) => [stream + 4] };

describe('the vCPU of a stream', () => {
  it('is not guessed before there is an index', () => {
    const streams = describeStreams({ trace: ofThreads, index: none });
    expect(streams.map(({ vcpus }) => vcpus)).toEqual([[0], []]);
  });

  it('is what the index says', () => {
    const found = { find: () => known };
    const streams = describeStreams({ trace: ofThreads, index: found });
    expect(streams.map(({ vcpus }) => vcpus)).toEqual([[4], [5]]);
    const held = { ...found, state: { state: 'ready', part: 1, message: null } as const };
    expect(onlyVcpuOf({ trace: ofThreads, index: { ...held, require: () => known } }, 1)).toBe(5);
  });

  it('with one stream is any', () => {
    const one = { ...trace, chunks: chunks.filter(({ stream }) => stream === 0) };
    const holder = {
      ...{ find: () => undefined, state: { state: 'building', part: 0, message: null } as const },
      require: () => {
        throw new Error('there is none');
      },
    };
    expect(onlyVcpuOf({ trace: one, index: holder }, 0)).toBeUndefined();
  });
});
