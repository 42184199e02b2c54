// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { NoteBody, TraceNote } from '../../format/index.ts';
import { EVENT_HEADLINE, eventLine } from './events.ts';

const at = (body: NoteBody): TraceNote => ({
  stream: 0,
  chunkIndex: 2,
  ordinal: 1234,
  block: 99,
  vcpu: 1,
  ...body,
});
const interrupt = (what: number, vector: number): TraceNote =>
  at({ kind: 'event', vector, what, error: 2n, ip: 0xffff_ffff_8100_0000n, cr2: 0x7000n });
const text = (note: TraceNote): string => eventLine(note, 'text').slice(18).trimEnd();

describe('eventLine', () => {
  it('lines up with the headline', () => {
    expect(EVENT_HEADLINE + eventLine(at({ kind: 'cr3', cr3: 0x2a1_0000n }), 'text')).toBe(`\
     ordinal vcpu event
        1234    1 cr3 0x2a10000
`);
  });

  it('names exceptions, and gives the address of a page fault alone', () => {
    expect(text(interrupt(1 << 13, 14))).toBe(
      'exception #PF at 0xffffffff81000000 error 0x2 address 0x7000',
    );
    expect(text(interrupt(1 << 13, 13))).toBe('exception #GP at 0xffffffff81000000 error 0x2');
  });

  it('shows where an interrupt was taken', () => {
    const note = interrupt((1 << 13) | (1 << 8), 236);
    expect(eventLine(note, 'text', 'schedule+0x1a').slice(18)).toBe(
      'interrupt 236 at 0xffffffff81000000 schedule+0x1a\n',
    );
    expect(JSON.parse(eventLine(note, 'ndjson', 'schedule+0x1a'))).toMatchObject({
      symbol: 'schedule+0x1a',
      ip: '0xffffffff81000000',
    });
  });

  it('tells interrupts from outside, by software, and of SMM apart', () => {
    expect(text(interrupt((1 << 13) | (1 << 8), 236))).toBe('interrupt 236 at 0xffffffff81000000');
    expect(text(interrupt((1 << 13) | (1 << 9), 128))).toBe('int 128 at 0xffffffff81000000');
    expect(text(interrupt(1 << 10, 0))).toBe('SMM entered, from 0xffffffff81000000');
    expect(text(interrupt(1 << 11, 0))).toBe('SMM left, to 0xffffffff81000000');
    expect(text(interrupt(1 << 12, 0))).toBe('triple fault: reset');
  });

  it('says when the accesses of a delivery are missing', () => {
    expect(text(interrupt(1 << 8, 8))).toBe(
      'interrupt 8 at 0xffffffff81000000; its accesses are not in the trace',
    );
  });

  it('does not say which vCPU an event is of when that is not known', () => {
    const note = interrupt((1 << 8) | (1 << 17), 236);
    expect(eventLine(note, 'text')).toBe(
      '        1234    ? interrupt 236 at 0xffffffff81000000; of which vCPU is not known; its accesses are not in the trace\n',
    );
    expect(JSON.parse(eventLine(note, 'ndjson'))).toMatchObject({ vcpu: null });
    expect(JSON.parse(eventLine(interrupt(1 << 8, 236), 'ndjson'))).toMatchObject({ vcpu: 1 });
  });

  it('shows the exit code of a nested guest where that is known', () => {
    const left = interrupt(1 << 15, 0);
    expect(text(left)).toBe('nested guest left at 0xffffffff81000000, exit code 0x2');
    expect(text({ ...left, ip: 2n ** 64n - 1n } as TraceNote)).toBe('nested guest left');
  });

  it('shows ports with what is known of them', () => {
    const port = { kind: 'port', insn: 0, port: 0x3f8, size: 1, out: true, string: false } as const;
    expect(text(at({ ...port, value: 0x41 }))).toBe('out8 port 0x3f8 value 0x41');
    expect(text(at({ ...port, out: false, value: undefined, size: 4 }))).toBe('in32 port 0x3f8');
    expect(text(at({ ...port, string: true, value: undefined, port: undefined }))).toBe(
      'outs8 unknown port',
    );
  });

  it('shows what kind of page a mapping is', () => {
    const attributes = { write: true, user: false, noExecute: true, global: true };
    expect(
      text(at({ kind: 'attributes', attributes: { ...attributes, pageBytes: 2 ** 21 } })),
    ).toBe('translations from here on: 2.00 MiB, writable, supervisor, no-execute, global');
    expect(text(at({ kind: 'map', vpage: 0x400n, ppage: 0x1234n }))).toBe(
      'page 0x400000 is at 0x1234000',
    );
  });

  it('is one JSON object with addresses in hex', () => {
    expect(JSON.parse(eventLine(interrupt(14, 14), 'ndjson'))).toEqual({
      ...{ stream: 0, chunkIndex: 2, ordinal: 1234, block: 99, vcpu: 1, kind: 'event' },
      ...{ vector: 14, what: 14, error: '0x2', ip: '0xffffffff81000000', cr2: '0x7000' },
      ...{ name: 'exception', delivered: false },
    });
  });

  it('calls events what SQL calls them, and says whether their delivery is in the trace', () => {
    const named = (note: TraceNote): unknown => JSON.parse(eventLine(note, 'ndjson'));
    expect(named(interrupt((1 << 13) | (1 << 8), 236))).toMatchObject({
      ...{ kind: 'event', name: 'interrupt', what: 8448, delivered: true },
    });
    expect(named(interrupt(1 << 9, 128))).toMatchObject({
      ...{ name: 'software-interrupt', delivered: false },
    });
    expect(named(at({ kind: 'cr3', cr3: 1n }))).toMatchObject({ kind: 'cr3', name: 'cr3' });
    const port = { insn: 0, port: 1, size: 1, out: true, string: false, value: 1 } as const;
    expect(named(at({ kind: 'port', ...port }))).toMatchObject({ kind: 'port', name: 'out' });
  });

  it('shows no place that is not known', () => {
    const nowhere = (what: number): TraceNote =>
      at({ kind: 'event', vector: 8, what, error: 0n, ip: 2n ** 64n - 1n, cr2: 0n });
    expect(text(nowhere(1 << 10))).toBe('SMM entered');
    expect(text(nowhere(1 << 11))).toBe('SMM left');
    expect(text(nowhere((1 << 13) | (1 << 8)))).toBe('interrupt 8');
    expect(text(nowhere(1 << 13))).toBe('exception #DF error 0x0');
    expect(JSON.parse(eventLine(nowhere(1 << 10), 'ndjson'))).toMatchObject({ ip: null });
  });
});
