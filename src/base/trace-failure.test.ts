// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { TraceError } from './errors.ts';
import { errorOfFailure, failureOf } from './trace-failure.ts';

describe('a failure between threads', () => {
  it('keeps what is known, and the words of the cause', () => {
    const facts = { file: 'a.memtrace', fileOffset: 64, expected: '1', found: '2' };
    const error = new TraceError('io', 'cannot be read', { ...facts, cause: new Error('EIO') });
    const failure = failureOf(error);
    expect(structuredClone(failure)).toEqual(failure);
    const again = errorOfFailure(failure);
    expect(again).toBeInstanceOf(TraceError);
    expect({ kind: again.kind, message: again.message, facts: again.facts }).toEqual({
      ...{ kind: 'io', message: 'cannot be read (EIO)', facts },
    });
  });

  it('is not made of a bug', () => {
    const bug = new RangeError('off by one');
    expect(() => failureOf(bug)).toThrow(bug);
  });
});
