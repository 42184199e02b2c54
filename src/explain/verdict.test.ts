// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Access } from '../guests/index.ts';
import { decodeInstruction, formatInstruction, usualMode } from '../isa/index.ts';
import { expectAccesses } from './expected.ts';
import type { Fate } from './guest-image.ts';
import { type CodeBits, isNullTask, presetState } from './machine-state.ts';
import { operandFault } from './manual-faults.ts';
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
  bits: CodeBits = 64,
): Verdict {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  const decoded = decodeInstruction(bytes, usualMode(bits));
  const state = presetState(bits, decoded, settings);
  const expected = expectAccesses(decoded, state, 0x102002n);
  return judge({
    mnemonic: decoded.mnemonic,
    fate,
    expected,
    recorded,
    lacking: ['INVPCID'],
    hasEvents,
    manualFault: operandFault(expected, state),
    isNullTask: isNullTask(state, formatInstruction(bytes, usualMode(bits))),
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

  it('notes that QEMU makes the stores of pusha in another order', () => {
    const stores = Array.from({ length: 8 }, (_, i) => `w4:3effe${(4 * i).toString(16)}`);
    const words = work(stores.map((word) => word.replace('3effe10', '3efff0')).join(' '));
    const upper = Array.from({ length: 4 }, (_, i) => `w4:3efff${(4 * i).toString(16)}`);
    const pusha = verdictOf(
      '60',
      { ...words, accesses: [...words.accesses.slice(0, 4), ...work(upper.join(' ')).accesses] },
      COMPLETED,
      true,
      [],
      32,
    );
    expect(pusha.verdict).toBe('complete');
    expect(pusha.remarks).toEqual([expect.stringContaining('DI first')]);
  });

  const inReal = (hex: string, recorded: string, ...settings: string[]): Verdict =>
    verdictOf(hex, work(recorded), COMPLETED, true, settings, 16);

  it('does not take what QEMU accesses beyond the limit of a segment for the manual', () => {
    const beyond = inReal('8b05', 'r2:2ffff', 'di=0xffff'); // mov ax, [di]
    expect(beyond).toMatchObject({ verdict: 'more', isDifferent: false, manualVector: 13 });
    expect(beyond.reason).toContain('the manual has #GP, general protection: an operand reaches');
    // push ax: the stack
    expect(inReal('50', 'w2:4ffff', 'sp=1').manualVector).toBe(12);
    // rep movsw, the second of which does; scasw may end before
    const words = 'r2:2fffd r2:2ffff w2:31700 w2:31702';
    expect(inReal('f3a5', words, 'si=0xfffd', 'cx=2').manualVector).toBe(13);
    expect(inReal('f3af', 'r2:3fffd r2:3ffff', 'di=0xfffd', 'cx=2').manualVector).toBeUndefined();
    const inside = inReal('8b05', 'r2:2fffe', 'di=0xfffe');
    expect([inside.verdict, inside.manualVector]).toEqual(['complete', undefined]);
    // What is lost stays lost.
    expect(inReal('8b05', '', 'di=0xffff').verdict).toBe('incomplete');
  });

  it('knows the exception of an operand that is not canonical in part', () => {
    const fault = (vector: number, hex: string, setting: string): Verdict =>
      verdictOf(hex, work(''), { kind: 'faulted', vector, errorCode: 0 }, true, [setting]);
    const part = fault(14, '488b07', 'rdi=0x7ffffffffffd'); // mov rax, [rdi]
    expect(part).toMatchObject({ verdict: 'faulted', manualVector: 13 });
    expect(part.remarks).toEqual([expect.stringContaining('the manual has #GP')]);
    expect(fault(14, '488b07', 'rdi=0x7ffffffffff8').manualVector).toBeUndefined();
    expect(fault(14, '488b07', 'rdi=0xffff7fffffffffff').manualVector).toBe(13);
    expect(fault(14, '488b07', 'rdi=0xffff800000000000').manualVector).toBeUndefined();
    expect(fault(13, '488b07', 'rdi=0x800000000000').manualVector).toBeUndefined();
    // push rax; where the stack is not the one of the delivery either
    expect(fault(13, '50', 'rsp=0x800000000008').manualVector).toBe(12);
    expect(fault(8, '50', 'rsp=0x800000000008').manualVector).toBeUndefined();
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

  it.each([
    ['less', 'd927', 'r2:470000 r2:470004 r2:470008', 'do_fldenv'], // fldenv [rdi]
    ['incomplete', 'd927', 'r2:470000 r2:470004', 'lacks load 28 at ds:rdi: x87-environment'],
    ['more', 'd927', 'r2:470000 r2:470004 r2:470008 r4:47000c', 'no rule explains it'],
    ['less', '660fc737', '', 'as nothing'], // vmclear [rdi]
    ['less', '0fc727', '', 'as nothing'], // xsavec [rdi]
    ['more', '0fc727', 'w8:470000', 'no rule explains it'],
    ['incomplete', '0f7807', '', 'the trace lacks store 8'], // vmread [rdi], rax
  ])('%s: what QEMU itself leaves out of %s with %j', (verdict, hex, recorded, reason) => {
    const told = verdictOf(hex, work(recorded));
    expect([told.verdict, told.reason]).toEqual([verdict, expect.stringContaining(reason)]);
    expect(told.isDifferent).toBe(verdict !== 'less');
  });

  it('lets ltr read no descriptor when the selector is null, and only then', () => {
    const ltr = (hex: string, recorded: string, setting: string): Verdict['verdict'] =>
      verdictOf(hex, work(recorded), COMPLETED, true, [setting]).verdict;
    expect(ltr('0f00d8', '', 'rax=3')).toBe('less'); // ltr ax
    expect(ltr('0f00d8', '', 'rax=4')).toBe('incomplete');
    expect(ltr('0f00d8', 'r8:470000 r4:470008', 'rax=0')).toBe('incomplete');
    expect(ltr('410f00d9', '', 'r9=0x10000')).toBe('less'); // ltr r9w
    // ltr [rdi] reads the selector all the same.
    expect(ltr('0f001f', 'r2:470000', 'memory=0')).toBe('less');
    expect(ltr('0f001f', 'r2:470000', 'memory=0x28')).toBe('incomplete');
    expect(ltr('0f001f', '', 'memory=0')).toBe('incomplete');
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
