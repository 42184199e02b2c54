// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { completenessStatement } from './completeness-statement.ts';
import { traceFactsOf } from './trace-facts.ts';

const program = randomTrace({ seed: 3, blockCount: 4, executions: 50, streams: 1, oddity: 0.2 });
const trace = await openTraceSource(byteSourceFromBytes(encodeTrace(program).bytes));
const facts = traceFactsOf(trace);

describe('the completeness statement', () => {
  it.each([
    [{ status: 'partial', why: 'from a log' }, 'every interrupt and exception: from a log'],
    [{ status: 'no', why: 'was left out' }, 'every interrupt and exception: was left out'],
    [{ status: 'no', why: 'not recorded' }, 'every interrupt and exception'],
    [{ status: 'yes', why: '' }, 'every interrupt and exception'],
  ] as const)('of %o has its status once, and why', (events, text) => {
    const lines = completenessStatement({
      ...facts,
      capabilities: { ...facts.capabilities, events },
    });
    expect(lines.find(({ name }) => name === 'events')).toEqual({
      name: 'events',
      status: events.status,
      text,
    });
  });

  it.each(['no', 'partial'] as const)(
    'has words on every line, when page walks are held: %s',
    (status) => {
      const lines = completenessStatement({
        ...facts,
        capabilities: { ...facts.capabilities, 'page-walk': { status, why: 'bits that were set' } },
        outside: { 'page walks': 'what the MMU reads is not seen', microcode: 'is not seen' },
        doubts: { gaps: 2 },
      });
      expect(lines.filter(({ text }) => text === '')).toEqual([]);
      const own = lines.filter(({ name }) => name === 'page walks').map(({ text }) => text);
      expect(own).toEqual(status === 'partial' ? [] : ['what the MMU reads is not seen']);
      expect(lines.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['page-walk', 'microcode', 'gaps']),
      );
    },
  );
});
