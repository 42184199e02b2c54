// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Access } from '../guests/index.ts';
import { decodeInstruction, usualMode } from '../isa/index.ts';
import { expectAccesses } from './expected.ts';
import type { Fate } from './guest-image.ts';
import { presetState } from './machine-state.ts';
import type { RecordedWork } from './recorded.ts';
import { judge, type Verdict } from './verdict.ts';

/** Words such as "r8:470000", "w1:470000!aborted", "delivery", "walk", "port". */
function work(text: string, event?: RecordedWork['event']): RecordedWork {
  const words = text.split(' ').filter((word) => word !== '');
  return {
    accesses: words.flatMap((word) => (word === 'port' ? [] : [access(word)])),
    ports: words.includes('port')
      ? [{ kind: 'port', insn: 0, port: 0x80, size: 1, out: false, string: false, value: 0 }]
      : [],
    event,
    cuts: [],
    runs: 1,
  };
}

function access(word: string): Access {
  const origin = { delivery: 'eventDelivery', walk: 'pageWalk' }[word] ?? 'instruction';
  const [, letter, bytes, address, aborted] = /^([rw])(\d+):(\w+)(!aborted)?$/.exec(word) ?? [];
  const vaddr = BigInt(`0x${address ?? '1000'}`);
  return {
    ...{ stream: 0, ordinal: 0, vcpu: 0, icount: 0, pc: 0x102000n, vaddr, paddr: vaddr },
    ...{ secondPaddr: undefined, device: false, cpl: 0, cr3: 0n },
    size: Number(bytes ?? 8),
    store: letter === 'w',
    aborted: aborted !== undefined,
    origin: origin === 'eventDelivery' || origin === 'pageWalk' ? origin : 'instruction',
  };
}

const COMPLETED: Fate = { kind: 'completed' };
const FAULT: Fate = { kind: 'faulted', vector: 14, errorCode: 2 };

function verdictOf(
  hex: string,
  recorded: RecordedWork,
  fate = COMPLETED,
  hasEvents = true,
  settings: readonly string[] = [],
): Verdict {
  const decoded = decodeInstruction(Uint8Array.from(Buffer.from(hex, 'hex')), usualMode(64));
  const expected = expectAccesses(decoded, presetState(64, decoded, settings), 0x102002n);
  return judge({
    mnemonic: decoded.mnemonic,
    fate,
    expected,
    recorded,
    lacking: ['INVPCID'],
    hasEvents,
  });
}

const STORE = '8907'; // mov [rdi], eax

describe('judge', () => {
  it.each([
    ['complete', STORE, 'w4:470000'],
    ['complete', '90', ''],
    ['incomplete', STORE, ''],
    ['incomplete', STORE, 'w4:470000!aborted'],
    ['complete-reconstructed', STORE, 'walk w4:470000'],
    ['more', STORE, 'w4:470000 w4:470000'],
    ['complete', 'ec', 'port'], // in al, dx
    ['incomplete', 'ec', ''],
    ['more', '6c', 'w1:470000 w1:470000 port'], // insb
    ['more', 'f0f71f', 'r4:470000 r4:470000 w4:470000'], // lock neg dword [rdi]
  ])('%s: %s with %j', (verdict, hex, recorded) => {
    expect(verdictOf(hex, work(recorded)).verdict).toBe(verdict);
  });

  it('names the rule for what is more than the manual, or says that there is none', () => {
    expect(verdictOf('6c', work('w1:470000 w1:470000 port')).reason).toContain('gen_ins');
    expect(verdictOf(STORE, work('w4:470000 w4:470000')).reason).toContain('no rule explains it');
    // A rule is for one direction.
    const loaded = verdictOf('6c', work('w1:470000 r1:470000 port'));
    expect([loaded.verdict, loaded.reason]).toEqual(['more', expect.stringContaining('no rule')]);
    expect(loaded.isDifferent).toBe(true);
    expect(verdictOf('6c', work('w1:470000 w1:470000 port')).isDifferent).toBe(false);
  });

  it('does not take an order for the loads of a comparison that the manual has not', () => {
    const cmpsb = verdictOf('a6', work('r1:470000 r1:460000'));
    expect(cmpsb).toMatchObject({ verdict: 'complete', isDifferent: false });
    expect(cmpsb.remarks).toEqual([expect.stringContaining('which of the two loads')]);
    // cmpsd xmm0, [rdi], 0
    expect(verdictOf('f20fc20700', work('r8:470000')).remarks).toEqual([]);
  });

  it('says what the CPU lacks where that is an invalid opcode', () => {
    const invalid: Fate = { kind: 'faulted', vector: 6, errorCode: undefined };
    expect(verdictOf('90', work(''), invalid).reason).toContain('has no INVPCID (CPUID)');
    expect(verdictOf('90', work(''), FAULT).reason).not.toContain('CPUID');
  });

  it('says what never goes on', () => {
    const standstill: Fate = { kind: 'no-report', why: 'time' };
    const loop = verdictOf('ebfe', { ...work(''), runs: 1000 }, standstill);
    expect(loop.remarks).toEqual([expect.stringContaining('led to itself 1000 times')]);
    for (const hex of ['f4', 'f3a4']) {
      const runs = hex === 'f4' ? 1 : 1000;
      const { remarks } = verdictOf(hex, { ...work(''), runs }, standstill);
      expect(remarks).toEqual([expect.stringContaining('time limit')]);
    }
  });

  it('knows what QEMU itself leaves out', () => {
    const fldenv = verdictOf('d927', work('r2:470000 r2:470004 r2:470008'));
    expect([fldenv.verdict, fldenv.reason]).toEqual([
      'incomplete',
      expect.stringContaining('QEMU itself loads'),
    ]);
    expect(verdictOf(STORE, work('')).reason).not.toContain('QEMU itself');
  });

  describe('of elements the addresses of which have more than 32 bits before they are cut', () => {
    // vpgatherdd xmm0, [edi+xmm1*4], xmm2, two elements: at 0x470000 - 0x470000, and + 4 * 0x40000000
    const settings = ['xmm1=-0x11c000,0x40000000,0,0', 'xmm2=-1,-1,0,0'];
    const judged = (recorded: RecordedWork, fate: Fate = COMPLETED): Verdict =>
      verdictOf('67c4e26990048f', recorded, fate, true, settings);

    it('says that QEMU itself makes them elsewhere, and that the trace has that', () => {
      const { verdict, reason, isDifferent } = judged(work('r4:0 r4:100470000'));
      expect([verdict, isDifferent]).toEqual(['incomplete', true]);
      expect(reason).toMatch(
        /^QEMU itself makes load 4 at ds:edi\+xmm1\*4: element 1 at 0x100470000, and so the trace has it: .*ops_sse\.h/,
      );
      expect(judged(work('r4:0 r4:470000')).verdict).toBe('complete');
    });

    it('does not take that for what is elsewhere still', () => {
      const { reason } = judged(work('r4:100470000'));
      expect(reason).toMatch(/^the trace lacks load 4 at ds:edi\+xmm1\*4: element 0; QEMU itself/);
      const lacking = judged(work('r4:0 r4:100470004')).reason;
      expect(lacking).toMatch(/^the trace lacks .*element 1$/);
    });

    it('says so of a page fault there', () => {
      const fault = (cr2: bigint): Verdict =>
        judged(work('delivery', { vector: 14, delivered: true, cr2 }), FAULT);
      expect(fault(0x100470000n).remarks).toEqual([
        expect.stringMatching(/element 1 at 0x100470000, .*ops_sse\.h/),
      ]);
      for (const cr2 of [0x470000n, 0n, 0x100470004n]) expect(fault(cr2).remarks).toEqual([]);
    });
  });

  it('tells a fault, what was done before it, and its delivery', () => {
    const told = verdictOf(
      '0107', // add [rdi], eax
      work('r4:470000!aborted delivery delivery', { vector: 14, delivered: true, cr2: 0x470000n }),
      FAULT,
    );
    expect(told).toMatchObject({
      verdict: 'faulted',
      reason:
        '#PF, page fault, error code 0x2; its delivery is in the trace: 2 accesses, reconstructed; before it 1 access was made',
    });
    expect(verdictOf(STORE, work(''), FAULT, false).reason).toContain('events are not recorded');
    expect(verdictOf(STORE, work(''), FAULT).reason).toContain('QEMU does not log it');
    const undelivered = work('', { vector: 14, delivered: false, cr2: 0n });
    expect(verdictOf(STORE, undelivered, FAULT).reason).toContain('could not be worked out');
  });

  it('wants the delivery of an interrupt', () => {
    const fate: Fate = { kind: 'interrupt', vector: 0x80 };
    const delivered = work('delivery', { vector: 0x80, delivered: true, cr2: 0n });
    expect(verdictOf('cd80', delivered, fate).verdict).toBe('complete-reconstructed');
    expect(verdictOf('cd80', work(''), fate).verdict).toBe('incomplete');
  });

  it('says how it ended when it did not go on', () => {
    const left = verdictOf('ffe0', work(''), { kind: 'left', target: 0x400000n, vector: 14 });
    expect(left.remarks).toEqual(['it went on at 0x400000, where no code is']);
    const late = verdictOf('f4', work(''), { kind: 'no-report', why: 'time' });
    expect([late.verdict, late.remarks]).toEqual(['complete', [expect.stringContaining('time')]]);
    const over = verdictOf('0f22d8', work(''), { kind: 'no-report', why: 'end' });
    expect(over.verdict).toBe('incomplete');
  });
});
