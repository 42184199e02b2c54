// SPDX-License-Identifier: Apache-2.0
// A request for what a trace does not have is refused by name, not answered with nothing.
import { describe, expect, it } from 'vitest';
import { TraceError } from '../base/index.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { randomTrace } from './program.oracle.ts';
import type { AccessOptions } from './read-accesses.ts';
import type { BlockOptions } from './read-blocks.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import { takeInventory } from './request.ts';
import { openTraceSource, type Trace } from './trace.ts';

const { bytes } = encodeTrace(
  randomTrace({ seed: 3, blockCount: 6, executions: 400, streams: 2, oddity: 0.2 }),
);

async function open(): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytes));
}

function failureOf(run: () => unknown): TraceError {
  try {
    run();
  } catch (error) {
    if (error instanceof TraceError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

// As a program without types may call it.
const withUnknownKey = Object.assign({ from: 0 }, { vcpus: 1 });

for (const method of ['accesses', 'blocks'] as const) {
  describe(`${method}() refuses at once`, () => {
    async function refused(options: AccessOptions & BlockOptions): Promise<TraceError> {
      const trace = await open();
      const error = failureOf(() => trace[method](options));
      expect(error.kind).toBe('bad-argument');
      return error;
    }

    it('a vCPU that the trace does not have', async () => {
      const { message, facts } = await refused({ vcpu: 7 });
      expect(message).toContain('vCPU 7');
      expect(facts).toMatchObject({ expected: '0 to 2', found: '7' });
    });

    it('a stream that the trace does not have', async () => {
      const { message, facts } = await refused({ stream: 2 });
      expect(message).toContain('stream 2');
      expect(facts).toMatchObject({ expected: '0 to 1', found: '2' });
    });

    it('a range that ends before it begins', async () => {
      const { message, facts } = await refused({ from: 9, to: 3 });
      expect(message).toContain('from');
      expect(facts).toMatchObject({ expected: 'from 0 to 3', found: '9' });
    });

    it('an option that there is not', async () => {
      const { message, facts } = await refused(withUnknownKey);
      expect(message).toContain(`${method}()`);
      expect(facts.found).toBe('vcpus');
      expect(facts.expected).toContain('vcpu, from, to');
    });

    it('but not a range beyond the end, nor an empty one', async () => {
      const trace = await open();
      for (const range of [{ from: 2 ** 40 }, { from: 2 ** 40, to: 2 ** 41 }, { from: 4, to: 4 }]) {
        let count = 0;
        for await (const batch of trace[method](range)) count += batch.length;
        expect(count).toBe(0);
      }
    });
  });
}

describe('what a trace has', () => {
  const chunk = { vcpu: 0, vcpuStates: [{ vcpu: 0 }, { vcpu: 3 }], stream: 0 };
  const header = (vcpus?: number, maxVcpus?: number) => ({ plugin: { vcpus, maxVcpus } });

  it('comes from header, chunks and totals', () => {
    const totals = { vcpus: [{ vcpu: 5 }], streams: [{ stream: 1 }] };
    const { vcpus, streams } = takeInventory(header(2, 8), totals, [chunk]);
    expect(vcpus).toEqual([0, 1, 3, 5]);
    expect(streams).toEqual([0, 1]);
  });

  it('of a trace that was cut, may be any of the vCPUs that the machine can have', () => {
    expect(takeInventory(header(2, 4), undefined, [chunk]).vcpus).toEqual([0, 1, 2, 3]);
  });

  it('is not known when nobody said it', () => {
    expect(takeInventory(header(), undefined, [chunk]).vcpus).toBeUndefined();
  });
});
