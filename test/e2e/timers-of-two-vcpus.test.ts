// SPDX-License-Identifier: Apache-2.0
// A bare guest with two busy vCPUs that timers and each other interrupt: each delivery is on its vCPU, and as many are in
// the trace as the guest counted.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventFlag } from '../../src/format/index.ts';
import type { Access, GuestRun } from '../../src/guests/index.ts';
import { addressOf, isOfInstruction, recordGuestNamed, sectionOf } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

const ENOUGH = 200;
/** Bytes of the stack that a vCPU can have used. */
const STACK_BYTES = 0x1000n;
const PUSHES = 5;

const VCPUS = [
  { vcpu: 0, area: 'area_0', top: 'STACK', mark: 0 },
  { vcpu: 1, area: 'area_1', top: 'STACK_1', mark: 2 },
];

describe.skipIf(!PLUGIN_IS_BUILT)('two vCPUs that are interrupted at any time', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuestNamed('timers');
  });
  afterAll(() => run?.close());

  const eventsOf = (vcpu: number) =>
    run.notes.flatMap((note) => (note.kind === 'event' && note.vcpu === vcpu ? [note] : []));

  describe.each(VCPUS)('of vCPU $vcpu', ({ vcpu, area, top, mark }) => {
    it('are as many as the guest counted', () => {
      const told = sectionOf(run, mark).inside.filter(
        (access) => isOfInstruction(access) && access.vcpu === vcpu && access.store,
      );
      const [timers, calls] = told
        .map(({ vaddr }) => vaddr - addressOf(run, area))
        .filter((offset) => offset >= 0n && offset < addressOf(run, 'AREA_DATA'));
      const events = eventsOf(vcpu);
      const count = (symbol: string) =>
        events.filter(({ vector }) => BigInt(vector) === addressOf(run, symbol)).length;
      expect(count('TIMER_VECTOR')).toBe(Number(timers));
      expect(count('TIMER_VECTOR')).toBeGreaterThanOrEqual(ENOUGH);
      expect(count('CALL_VECTOR')).toBe(Number((calls ?? 0n) - addressOf(run, 'AREA_CALLS')));
      expect(count('CALL_VECTOR')).toBeGreaterThan(0);
      expect(events.filter(({ what }) => (what & EventFlag.delivered) === 0)).toEqual([]);
    });

    it('push what they push to its own stack, and are followed by their handler', () => {
      const own = run.accesses.filter((access) => access.vcpu === vcpu);
      const end = addressOf(run, top);
      const wrong: Access[] = [];
      const followers: bigint[] = [];
      let pushes = 0;
      for (const [i, access] of own.entries()) {
        if (access.origin !== 'eventDelivery' || !access.store) continue;
        pushes++;
        if (access.vaddr >= end || access.vaddr < end - STACK_BYTES) wrong.push(access);
        const next = own[i + 1];
        if (next !== undefined && isOfInstruction(next)) followers.push(next.pc);
      }
      expect(wrong).toEqual([]);
      const events = eventsOf(vcpu);
      expect(pushes).toBe(events.length * PUSHES);
      expect(followers).toEqual(
        events.map(({ vector }) =>
          addressOf(run, BigInt(vector) === addressOf(run, 'TIMER_VECTOR') ? 't_count' : 'c_count'),
        ),
      );
    });
  });

  it('lose nothing', () => {
    const [totals] = run.trace.totals?.streams ?? [];
    expect(totals?.deliveries).toBe(eventsOf(0).length + eventsOf(1).length);
    expect(totals?.missingDeliveries).toBe(0);
    expect(totals?.deliveryMismatches).toBe(0);
    expect(totals?.strays).toBe(0);
  });
});
