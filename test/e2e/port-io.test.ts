// SPDX-License-Identifier: Apache-2.0
// in and out of a bare guest, as notes: port, size, direction, and the value where QEMU gives it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuestRun } from '../../src/guests/index.ts';
import { recordGuestNamed, sectionOf } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('port I/O', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuestNamed('ports');
  });
  afterAll(() => run?.close());

  it('is told in order', async () => {
    const { begin, end } = sectionOf(run, 0);
    const found: unknown[] = [];
    for await (const note of run.trace.notes({ kinds: ['port'] })) {
      if (note.kind !== 'port' || note.ordinal < begin.ordinal || note.ordinal > end.ordinal)
        continue;
      const direction = note.out ? 'out' : 'in';
      const port = note.port === undefined ? 'port ?' : `port 0x${note.port.toString(16)}`;
      const value = note.value === undefined ? '' : ` value 0x${note.value.toString(16)}`;
      found.push(`${direction}${note.size} ${port}${note.string ? ' string' : value}`);
    }
    // QEMU 7.2 does not keep the guest's registers where the recorder could look at them.
    const knows = run.qemu.version.major >= 10;
    const of = (port: string): string => (knows ? `port ${port}` : 'port ?');
    const value = (text: string): string => (knows ? ` value ${text}` : '');
    expect(found.slice(0, 5)).toEqual([
      `out1 port 0x21${value('0xfb')}`,
      `in1 port 0x21${value('0xfb')}`,
      `out4 ${of('0xcf8')}${value('0x80000000')}`,
      `in4 ${of('0xcf8')}${value('0x80000000')}`,
      `out1 ${of('0x21')} string`,
    ]);
    // QEMU 7.2 tells of each iteration.
    expect(new Set(found.slice(5))).toEqual(new Set([`in1 ${of('0x21')} string`]));
    expect(run.trace.capabilities['port-io'].status).toBe(knows ? 'yes' : 'partial');
  });
});
