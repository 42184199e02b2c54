// SPDX-License-Identifier: Apache-2.0
// A delivery has all of its accesses or led to another event; each access of each way is spoilt in turn.

import { describe, expect, it } from 'vitest';
import { EventFlag } from '../format/index.ts';
import type { RefItem } from '../format/reference-trace.oracle.ts';
import type { AuditResult } from './audit-result.ts';
import { auditOpenTrace } from './audit-trace.ts';
import { emptyDeliveries } from './delivery-audit.ts';
import { block, openItems, run } from './small-trace.oracle.ts';

/** hflags of blocks for deliveries to CPL 0: long mode, protected mode, real mode. */
const LONG = 0x4080;
const PROTECTED = 0x80;
const REAL = 0;

const access = (kind: string, address: number): string => `0 ${kind} ${address.toString(16)}`;
const words = (kind: string, address: number, count: number, step: number): string[] =>
  Array.from({ length: count }, (_, i) => access(kind, address + step * i));

function event(vector: number, flags: number = EventFlag.delivered): RefItem {
  return { type: 'event', what: vector | flags, error: 0n, ip: 0x4000n, cr2: 0n };
}

const BLOCKS = [LONG, PROTECTED, REAL].map((mode) => block([], { mode, vaddr: 0n }));
const CODE = 3;

async function auditItems(items: readonly RefItem[]): Promise<AuditResult> {
  return auditOpenTrace(await openItems([...BLOCKS, block(['90'])], items));
}

async function auditDelivery(
  mode: number,
  vector: number,
  accesses: readonly string[],
  flags: number,
): Promise<AuditResult> {
  const id = [LONG, PROTECTED, REAL].indexOf(mode);
  return auditItems([run(CODE, []), event(vector, flags), run(id, accesses), run(CODE, [])]);
}

const GATE_64 = words('L4', 0x8000, 3, 4);
const GATE_32 = words('L4', 0x8000, 2, 4);
const SEGMENT = words('L4', 0x7008, 2, 4);
const STACK = words('L4', 0x7010, 2, 4);
const OUTSIDE = EventFlag.delivered | EventFlag.hardware;
const SOFTWARE = EventFlag.delivered | EventFlag.software;

/** From a task of 32-bit format to one of the other; what is loaded of the new one and stored of the old one. */
const OLD_TASK = [...words('S4', 0x3020, 10, 4), ...words('S2', 0x3048, 6, 4)];
const NEW_TASK = [
  ...words('L4', 0x401c, 11, 4),
  ...words('L2', 0x4048, 7, 4),
  access('L2', 0x4064),
];
const NEW_TASK_16 = words('L2', 0x400e, 15, 2);
const TASK = words('L4', 0x7030, 2, 4);
const LINKED = [access('S2', 0x4000), access('L4', 0x7034), access('S4', 0x7034)];

/** On the new task's stack there is nothing else. */
const ERROR_CODE = access('S2', 0x1ffe);

type Way = [name: string, mode: number, vector: number, accesses: readonly string[], flags: number];

const DELIVERED = EventFlag.delivered;
const WAYS: Way[] = [
  [
    'a task gate',
    PROTECTED,
    0x44,
    [...GATE_32, ...TASK, ...NEW_TASK, ...OLD_TASK, ...LINKED, ...SEGMENT, ...STACK],
    SOFTWARE,
  ],
  [
    'a task gate to a task of 16-bit format, with an error code',
    PROTECTED,
    13,
    [
      ...[...GATE_32, ...TASK, ...NEW_TASK_16, ...OLD_TASK, ...LINKED],
      ...[...SEGMENT, ...STACK, ...STACK, ...STACK, ERROR_CODE],
    ],
    DELIVERED,
  ],
  [
    'an interrupt in long mode',
    LONG,
    0x30,
    [...GATE_64, ...SEGMENT, ...words('S8', 0x1ff8, 5, -8)],
    OUTSIDE,
  ],
  [
    'a page fault from CPL 3',
    LONG,
    14,
    [...GATE_64, ...SEGMENT, access('L8', 0x3004), ...words('S8', 0x1ff8, 6, -8)],
    DELIVERED,
  ],
  [
    'int 14 has no error code',
    LONG,
    14,
    [...GATE_64, ...SEGMENT, ...words('S8', 0x1ff8, 5, -8)],
    SOFTWARE,
  ],
  [
    'a 32-bit gate',
    PROTECTED,
    0,
    [...GATE_32, ...SEGMENT, ...words('S4', 0x1ffc, 3, -4)],
    DELIVERED,
  ],
  [
    'a 16-bit gate',
    PROTECTED,
    13,
    [...GATE_32, ...SEGMENT, ...words('S2', 0x1ffe, 4, -2)],
    DELIVERED,
  ],
  [
    'a 32-bit gate from CPL 3',
    PROTECTED,
    13,
    [
      ...GATE_32,
      ...SEGMENT,
      access('L4', 0x3004),
      access('L2', 0x3008),
      ...STACK,
      ...words('S4', 0x1ffc, 6, -4),
    ],
    DELIVERED,
  ],
  [
    'from CPL 3 with a TSS of 16-bit format',
    PROTECTED,
    0,
    [
      ...GATE_32,
      ...SEGMENT,
      access('L2', 0x3002),
      access('L2', 0x3004),
      ...STACK,
      ...words('S4', 0x1ffc, 5, -4),
    ],
    DELIVERED,
  ],
  [
    'from virtual-8086 mode',
    PROTECTED,
    0,
    [
      ...GATE_32,
      ...SEGMENT,
      access('L4', 0x3004),
      access('L2', 0x3008),
      ...STACK,
      ...words('S4', 0x1ffc, 9, -4),
    ],
    DELIVERED,
  ],
  ['real mode', REAL, 13, [...words('L2', 0x20, 2, 2), ...words('S2', 0x1ffe, 3, -2)], DELIVERED],
];

describe.each<Way>(WAYS)('%s', (_name, mode, vector, accesses, flags) => {
  it('is as the manual has it', async () => {
    const result = await auditDelivery(mode, vector, accesses, flags);
    expect(result).toMatchObject({ unexplained: 0, eventDelivery: accesses.length });
    expect(result.deliveries).toEqual({ ...emptyDeliveries(), deliveries: 1 });
  });

  it('is wrong without one of its accesses, with one more, with one of the other direction', async () => {
    const missed: string[] = [];
    const expectWrong = async (what: string, spoilt: readonly string[]): Promise<void> => {
      const { unexplained, deliveries } = await auditDelivery(mode, vector, spoilt, flags);
      if (unexplained !== 1 || deliveries.wrong !== 1) missed.push(what);
    };
    for (const [i, one] of accesses.entries()) {
      // In long mode the stack is the TSS's or it is not: the frame alone does not say.
      if (!one.includes('L8')) await expectWrong(`no ${one}`, accesses.toSpliced(i, 1));
      await expectWrong(`${one} twice`, accesses.toSpliced(i, 0, one));
      const other = one.replace(/[LS]/, (kind) => (kind === 'L' ? 'S' : 'L'));
      await expectWrong(other, accesses.with(i, other));
    }
    const stores = accesses.filter((one) => one.includes('S'));
    await expectWrong('no frame', accesses.slice(0, -stores.length));
    // Where the table, the stack or the task state is, nobody says: one access alone may be anywhere.
    const shifted = (one: string): string => one.replace(/[0-9a-f]+$/, (at) => `${at}8`);
    for (const [i, one] of accesses.entries()) {
      if (!one.includes('L8') && one !== ERROR_CODE)
        await expectWrong(`elsewhere ${one}`, accesses.with(i, shifted(one)));
    }
    expect(missed).toEqual([]);
  });
});

describe('an event without its delivery', () => {
  const lostOf = async (...whats: number[]): Promise<object> => {
    const { deliveries, unexplained } = await auditItems([
      ...whats.flatMap((what) => [run(CODE, []), event(0x30, what)]),
      run(CODE, []),
    ]);
    const { lost, lostOfUnknownVcpu } = deliveries;
    return { lost, lostOfUnknownVcpu, unexplained };
  };

  it('is lost, for a reason', async () => {
    const { hardware, vcpuUnknown } = EventFlag;
    expect(await lostOf(hardware, hardware | vcpuUnknown, 0)).toEqual({
      lost: 3,
      lostOfUnknownVcpu: 1,
      unexplained: 0,
    });
  });

  it.each(['smmEntered', 'smmLeft', 'reset', 'restored', 'guestExit'] as const)(
    'has none when it is %s',
    async (name) => {
      expect(await lostOf(EventFlag[name])).toEqual({
        lost: 0,
        lostOfUnknownVcpu: 0,
        unexplained: 0,
      });
    },
  );
});

describe('a delivery that is not through', () => {
  const begun = [...GATE_64, ...SEGMENT, ...words('S8', 0x1ff8, 2, -8)];
  const whole = [...GATE_64, ...SEGMENT, ...words('S8', 0x2ff8, 6, -8)];
  const seal: RefItem = { type: 'seal' };
  const tallyOf = async (items: readonly RefItem[]): Promise<object> => {
    const { deliveries, unexplained } = await auditItems(items);
    const { deliveries: count, unfinished, wrong } = deliveries;
    return { deliveries: count, unfinished, wrong, unexplained };
  };

  it('led to another event, and that is what comes next', async () => {
    const items = [event(14), run(0, begun), event(8), run(0, whole), run(CODE, [])];
    const good = { deliveries: 2, unfinished: 1, wrong: 0, unexplained: 0 };
    expect(await tallyOf(items)).toEqual(good);
    // A triple fault has no delivery.
    const reset = [event(14), run(0, begun), event(0, EventFlag.reset), run(CODE, [])];
    expect(await tallyOf(reset)).toEqual({ ...good, deliveries: 1 });
  });

  it('is wrong when an instruction comes next', async () => {
    const wrong = { deliveries: 1, unfinished: 0, wrong: 1, unexplained: 1 };
    expect(await tallyOf([event(14), run(0, begun), run(CODE, [])])).toEqual(wrong);
    const { deliveries } = await auditItems([event(14), run(0, begun), run(CODE, [])]);
    expect(deliveries.places).toEqual([
      { stream: 0, execution: 0, vector: 14, ip: '0x4000', loads: 5, stores: 2 },
    ]);
    const later = [event(14), run(0, begun), run(CODE, []), event(8), run(0, whole)];
    expect(await tallyOf(later)).toEqual({ ...wrong, deliveries: 2 });
  });

  it('is nobody knows what at the end of a chunk', async () => {
    const items = [run(CODE, []), event(14), run(0, begun), seal, run(CODE, [])];
    expect(await tallyOf(items)).toEqual({
      deliveries: 1,
      unfinished: 1,
      wrong: 0,
      unexplained: 0,
    });
  });

  it('is found over many slices of a chunk', async () => {
    const many = Array.from({ length: 3000 }, () => [
      event(14),
      run(0, whole),
      run(CODE, []),
    ]).flat();
    const good = [event(14), run(0, begun), event(8), run(0, whole)];
    const bad = [event(14), run(0, begun), run(CODE, [])];
    expect(await tallyOf([...many, ...good, ...many, ...bad, ...many])).toEqual({
      deliveries: 9003,
      unfinished: 1,
      wrong: 1,
      unexplained: 1,
    });
  });
});

it('accesses of a delivery without an event are wrong', async () => {
  const { deliveries, unexplained } = await auditItems([run(0, GATE_64), run(CODE, [])]);
  expect(unexplained).toBe(1);
  expect(deliveries.places).toEqual([
    { stream: 0, execution: 0, vector: undefined, ip: undefined, loads: 3, stores: 0 },
  ]);
});
