// SPDX-License-Identifier: Apache-2.0
// Instructions explained by the built command line, on the QEMU under test.

import { beforeAll, describe, expect, it } from 'vitest';
import { isAtLeast, type QemuProgram } from '../../src/capture/index.ts';
import type { ExplainResult } from '../../src/explain/index.ts';
import { jsonOf, PLUGIN_IS_BUILT, qemuUnderTest, runLoadstore } from './run-loadstore.ts';

async function explain(...words: readonly string[]): Promise<ExplainResult> {
  // What a wrong shape would do is fail below.
  return (await jsonOf('explain', ...words)) as ExplainResult;
}

function waysOf({ ops }: ExplainResult): string[] {
  return ops.flatMap(({ memory }) => (memory === null ? [] : [memory.way]));
}

/** "load 8 0x470000" */
function observed({ accesses }: ExplainResult): string[] {
  return accesses
    .filter(({ origin }) => origin === 'instruction')
    .map(({ direction, bytes, address }) => `${direction} ${bytes} ${address}`);
}

function originsOf({ accesses }: ExplainResult): Set<string> {
  return new Set(accesses.map(({ origin }) => origin));
}

describe.skipIf(!PLUGIN_IS_BUILT).concurrent('loadstore explain', () => {
  let qemu: QemuProgram;
  let is10: boolean;
  let is11: boolean;

  beforeAll(async () => {
    qemu = await qemuUnderTest();
    is10 = isAtLeast(qemu.version, 10);
    is11 = isAtLeast(qemu.version, 11);
  });

  it('a store: inline, observed, complete', async () => {
    const result = await explain('mov [rdi], eax');
    expect(result.verdict).toBe('complete');
    expect(waysOf(result)).toEqual(['inline']);
    expect(observed(result)).toEqual(['store 4 0x470000']);
    expect(result.architectural).toMatchObject([{ expression: 'ds:rdi', address: '0x470000' }]);
    expect(result.instruction).toMatchObject({ bytes: '8907', disassembly: 'mov [rdi], eax' });
    expect(result.qemu.version).toBe(qemu.version.text);
  });

  it('push and ret', async () => {
    expect(observed(await explain('push rax'))).toEqual(['store 8 0x3efff8']);
    const ret = await explain('ret');
    expect([ret.verdict, ret.outcome.kind]).toEqual(['complete', 'completed']);
  });

  it.each([
    ['cmpxchg8b [rdi]', []],
    ['cmpxchg8b [rdi]', ['eax=0', 'edx=0']],
    ['lock cmpxchg8b [rdi]', []],
    ['cmpxchg16b [rdi]', []],
    ['cmpxchg16b [rdi]', ['rax=0', 'rdx=0']],
    ['lock cmpxchg16b [rdi]', ['rax=0', 'rdx=0']],
  ])('%s, hit or miss (%j): operations in 10.0, a helper in 7.2', async (text, settings) => {
    const result = await explain(...settings.flatMap((setting) => ['--set', setting]), text);
    expect(result.verdict).toBe('complete');
    expect(waysOf(result)).toEqual(is10 ? ['inline', 'inline'] : ['helper']);
    const bytes = text.includes('16b') ? 16 : 8;
    for (const direction of ['load', 'store'] as const) {
      const seen = result.accesses.filter((access) => access.direction === direction);
      expect(seen.reduce((sum, access) => sum + access.bytes, 0)).toBe(bytes);
    }
  });

  it('LOCK where vCPUs run at the same time: an atomic helper', async () => {
    const result = await explain('--parallel', 'lock cmpxchg16b [rdi]');
    expect(result.qemu.thread).toBe('multi');
    expect(waysOf(result)).toEqual([is10 ? 'atomic' : 'helper']);
    expect(result.verdict).toBe(is10 ? 'complete' : 'not-recorded');
    const split = await explain('--parallel', '--set', 'rdi=0x470fff', 'lock add [rdi], eax');
    const [again = []] = split.retranslations;
    expect(again.some(({ memory }) => memory?.way === 'inline')).toBe(true);
    expect(split.verdict).toBe(is10 ? 'complete' : 'not-recorded');
    const xchg = await explain('--parallel', 'xchg [rdi], rax');
    expect(waysOf(xchg)).toEqual(['atomic']);
  });

  it('xchg with one vCPU: a load and a store', async () => {
    const result = await explain('xchg [rdi], rax');
    expect(waysOf(result)).toEqual(['inline', 'inline']);
    expect(observed(result)).toEqual(['load 8 0x470000', 'store 8 0x470000']);
  });

  it('fxsave: a helper, every field', async () => {
    const result = await explain('fxsave [rdi]');
    expect(waysOf(result)).toEqual(['helper']);
    expect(result.accesses.length).toBeGreaterThan(50);
    // QEMU 11 fills the reserved bytes too.
    expect(result.verdict).toBe(isAtLeast(qemu.version, 11) ? 'more' : 'complete');
  });

  it('rep movsb: each iteration', async () => {
    const result = await explain('rep movsb');
    expect(result.verdict).toBe('complete');
    expect(observed(result)).toEqual(
      [0, 1, 2].flatMap((i) => [`load 1 0x46000${i}`, `store 1 0x47000${i}`]),
    );
    expect(observed(await explain('--set', 'rcx=0', 'rep movsb'))).toEqual([]);
    const many = await explain('--set', 'rcx=13', 'rep stosb');
    expect(many.architectural).toMatchObject([{ count: 13, step: 1 }]);
    expect(many.architectural[0]?.addresses).toEqual(
      observed(many)
        .map((access) => access.replace('store 1 ', ''))
        .slice(0, 12),
    );
  });

  it.each([
    [
      '16',
      ['si=0xffff'],
      'rep movsb',
      [
        ['load', 0x2ffff, 0x20000],
        ['store', 0x31700, 0x31701],
      ],
    ],
    ['16', ['di=0', 'flags=0x402'], 'rep stosb', [['store', 0x30000, 0x3ffff]]],
    ['32', ['esi=0xffffffff'], 'rep lodsb', [['load', 0xffffffff, 0]]],
  ] as const)('%s-bit code, %j: the addresses of %s wrap', async (mode, settings, text, wanted) => {
    const sets = ['cx=2', ...settings].flatMap((setting) => ['--set', setting]);
    const result = await explain('--mode', mode, ...sets, text);
    // The last page of 32 bits was never touched: its walk marks it.
    expect(result.verdict).toBe(mode === '16' ? 'complete' : 'complete-reconstructed');
    expect(
      result.architectural.map(({ direction, addresses }) => [direction, ...addresses]),
    ).toEqual(
      wanted.map(([direction, ...addresses]) => [
        direction,
        ...addresses.map((address) => `0x${address.toString(16)}`),
      ]),
    );
  });

  it.each([
    ['rep movsb', ['load ds:rsi', 'store es:rdi']],
    ['pop qword [rdi]', ['load ss:rsp', 'store ds:rdi']],
    ['push qword [rdi]', ['load ds:rdi', 'store ss:rsp-0x8']],
    ['xchg [rdi], rax', ['load ds:rdi', 'store ds:rdi']],
  ])('%s: prescribed in the order in which it is made', async (text, order) => {
    const { architectural, accesses } = await explain('--set', 'rcx=1', text);
    expect(architectural.map(({ direction, expression }) => `${direction} ${expression}`)).toEqual(
      order,
    );
    expect(accesses.map(({ direction, address }) => [direction, address])).toEqual(
      architectural.map(({ direction, address }) => [direction, address]),
    );
  });

  it('a gather and a masked store reach what their masks select', async () => {
    expect(observed(await explain('vpgatherdd xmm0, [rax+xmm1], xmm2'))).toHaveLength(4);
    const store = await explain('vpmaskmovd [rdi], xmm1, xmm2');
    expect([store.verdict, observed(store).length]).toEqual(['complete', 4]);
    const some = await explain(
      ...['--set', 'ymm1=-1,7,0,-3', '--set', 'ymm2=-1,1,0x8000000000000000,0'],
      'vgatherqpd ymm0, [rdi+ymm1*8+0x10], ymm2',
    );
    expect([some.verdict, observed(some)]).toEqual([
      'complete',
      ['load 8 0x470008', 'load 8 0x470010'],
    ]);
    expect(some.preset.filter(({ matters }) => matters).map(({ name }) => name)).toEqual([
      ...['rdi', 'ymm1', 'ymm2'],
    ]);
    expect(some.architectural[0]?.elements).toMatchObject({ mask: 'ymm2', count: 4 });
    const load = await explain('--set', 'xmm2=0,0,-1,0', 'vmaskmovps xmm1, xmm2, [rdi]');
    expect([load.verdict, load.isDifferent]).toEqual(['more', false]);
    const bytes = await explain('--mode', '16', '--set', 'xmm1=0x8000_80', 'maskmovdqu xmm0, xmm1');
    expect([bytes.verdict, observed(bytes)]).toEqual([
      'complete',
      ['store 1 0x21700', 'store 1 0x21702'],
    ]);
    const mmx = await explain('maskmovq mm0, mm6');
    expect([mmx.verdict, observed(mmx)]).toEqual(['complete', ['store 1 0x470007']]);
  });

  it('elements whose addresses QEMU does not cut to 32 bits are said to be elsewhere (T15)', async () => {
    // vpgatherdd xmm0, [xmm1*4+0x10], xmm2
    const gather = 'c4e26990048d10000000';
    const sets = ['--set', 'xmm1=0x4011bffc,0,0,0', '--set', 'xmm2=-1,0,0,0'];
    const code32 = await explain('--mode', '32', ...sets, '--bytes', gather);
    const code64 = await explain(...sets, '--bytes', `67${gather}`);
    for (const { architectural } of [code32, code64]) {
      expect(architectural[0]?.elements?.selected).toEqual([{ element: 0, address: '0x470000' }]);
    }
    expect(observed(code32)).toEqual([is11 ? 'load 4 0x470000' : 'load 4 0x100470000']);
    expect([code32.verdict, code64.verdict]).toEqual(
      is11 ? ['complete', 'complete'] : ['incomplete', 'faulted'],
    );
    const uncut = 'QEMU itself makes load 4 at ds:xmm1*4+0x10: element 0 at 0x100470000, ';
    expect(code32.reason).toContain(is11 ? 'was observed' : `${uncut}and so the trace has it`);
    expect(code64.remarks.join()).toContain(is11 ? 'the mask' : `${uncut}and faults there`);
    const store = await explain(
      ...['--mode', '32', '--set', 'edi=0xfffffff8', '--set', 'xmm1=-1,0,-1,0'],
      'vpmaskmovd [edi], xmm1, xmm2',
    );
    expect(observed(store)).toEqual(['store 4 0xfffffff8', 'store 4 0x100000000']);
    expect(store.reason).toMatch(/^QEMU itself makes store 4 .*: element 2 at 0x100000000/);
  });

  it('what QEMU does beyond the manual has a name', async () => {
    const neg = await explain('lock neg dword [rdi]');
    expect([neg.verdict, neg.reason]).toEqual(['more', expect.stringContaining('lock neg')]);
    const ins = await explain('insb');
    expect([ins.verdict, ins.reason]).toEqual(['more', expect.stringContaining('gen_ins')]);
  });

  it('in: a port, no memory', async () => {
    const result = await explain('in al, dx');
    expect(waysOf(result)).toEqual(['port']);
    expect(result.ports).toMatchObject([{ direction: 'in', bytes: 1 }]);
    expect(result.accesses).toEqual([]);
    expect(result.verdict).toBe('complete');
  });

  it('device memory: done again in a block of its own, from QEMU 10.0 on', async () => {
    const result = await explain('--set', 'rdi=0xfee00030', 'mov eax, [rdi]');
    expect(result.accesses).toMatchObject([{ address: '0xfee00030', bytes: 4 }]);
    expect(result.verdict).toBe('complete');
    expect(result.retranslations).toHaveLength(is10 ? 1 : 0);
    expect(result.accesses[0]?.device).toBe(true);
  });

  it('a fault: the exception and its delivery', async () => {
    const result = await explain('--set', 'rdi=0x1f1000', 'mov [rdi], eax');
    expect(result.verdict).toBe('faulted');
    expect(result.outcome).toMatchObject({ kind: 'faulted', vector: 14, errorCode: '0x2' });
    expect(observed(result)).toEqual([]);
    expect(originsOf(result)).toEqual(new Set(['event-delivery']));
  });

  it('int: its delivery is no work of the block', async () => {
    const result = await explain('int 0x80');
    expect(waysOf(result)).toEqual(['event']);
    expect(result.outcome).toMatchObject({ kind: 'interrupt', vector: 0x80 });
    expect(result.verdict).toBe('complete-reconstructed');
  });

  it('a page that was never touched: the MMU marks it', async () => {
    const result = await explain('--set', 'rdi=0x1f2000', 'mov [rdi], eax');
    expect(originsOf(result)).toEqual(new Set(['page-walk', 'instruction']));
    expect(result.verdict).toBe('complete-reconstructed');
    expect(observed(result)).toEqual(['store 4 0x1f2000']);
  });

  it('16- and 32-bit code', async () => {
    const real = await explain('--mode', '16', 'mov [bx+si], ax');
    expect(observed(real)).toEqual(['store 2 0x22900']);
    expect(real.verdict).toBe('complete');
    const protectedMode = await explain('--mode', '32', 'pusha');
    expect(observed(protectedMode)).toHaveLength(8);
    expect(protectedMode.verdict).toBe('complete');
  });

  it.each([
    ['16', 'di'],
    ['32', 'edi'],
    ['64', 'rdi'],
  ])('memory in %s-bit code is zero, or what it is set to', async (mode, register) => {
    const words = ['--mode', mode, '--set', 'dx=0', `div word [${register}]`];
    expect((await explain(...words)).outcome).toMatchObject({ kind: 'faulted', vector: 0 });
    expect((await explain('--set', 'memory=1', ...words)).outcome.kind).toBe('completed');
  });

  it('bytes, which mean something else in another mode', async () => {
    const long = await explain('--bytes', '48890f');
    expect([long.verdict, long.instruction.disassembly]).toEqual(['complete', 'mov [rdi], rcx']);
    const failed = await runLoadstore('explain', '--bytes', '48890f', '--mode', '32');
    expect(failed.exitCode).toBe(2);
    expect(failed.err).toContain('the first instruction of 48890f has 1 of its 3 bytes');
  });

  it('an instruction that goes elsewhere', async () => {
    const jump = await explain('jmp rax');
    expect(jump.outcome).toMatchObject({ kind: 'left', target: '0x400000' });
  });

  it('one that never goes on', async () => {
    const halt = await explain('hlt');
    expect(halt.outcome.kind).toBe('no-report');
    expect(halt.remarks).toEqual([expect.stringContaining('time limit')]);
  });

  it('one that calls itself until the time is over: the first time counts', async () => {
    const self = await explain('--mode', '16', 'call 0x1000:0x2000');
    expect(self.outcome.kind).toBe('no-report');
    expect(observed(self)).toEqual(['store 2 0x47ffe', 'store 2 0x47ffc']);
  });

  it('an endless loop without accesses', async () => {
    const loop = await explain('--mode', '32', 'jmp $');
    expect([loop.verdict, loop.outcome.kind]).toEqual(['complete', 'no-report']);
    expect(loop.remarks).toEqual([expect.stringContaining('an endless loop')]);
  });

  it('one that stores into itself is done again, and what it had done is aborted', async () => {
    const words = ['--set', 'rcx=4', '--set', 'rsi=0x102000', '--set', 'rdi=0x102000'];
    const { exitCode, out } = await runLoadstore('explain', '--json', ...words, 'rep movsb');
    expect(exitCode).toBe(0);
    const result = JSON.parse(out) as ExplainResult;
    expect(result.verdict).toBe('complete');
    expect(result.cuts).toContain('modified-code');
    expect(result.accesses.filter(({ aborted }) => aborted)).toHaveLength(is10 ? 1 : 2);
  });

  it.each([
    ['fldenv [rdi]', [], 'do_fldenv'],
    ['frstor [rdi]', [], 'do_fldenv'],
    ['ltr ax', ['--set', 'rax=3'], 'helper_ltr'],
    ['ltr [rdi]', [], 'helper_ltr'],
    ['xsavec [rdi]', [], 'gen_multi0F'],
    ['vmxon [rdi]', [], 'gen_multi0F'],
  ] as const)('what QEMU leaves out is no loss: %s', async (text, words, source) => {
    // QEMU 7.2 and 11 know that they do not have those that 10 runs as nothing.
    const isRefused = source === 'gen_multi0F' && (!is10 || is11);
    const { exitCode, out } = await runLoadstore('explain', '--json', ...words, text);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      verdict: isRefused ? 'faulted' : 'less',
      reason: expect.stringContaining(isRefused ? '#UD' : source) as string,
      isDifferent: false,
    });
  });

  it('what the manual has an exception for, and QEMU none or another', async () => {
    const beyond = await explain('--mode', '16', '--set', 'di=0xffff', 'mov ax, [di]');
    expect(beyond).toMatchObject({ verdict: 'more', isDifferent: false });
    expect(beyond.outcome).toMatchObject({ kind: 'completed', vector: null, manualVector: 13 });
    expect(observed(beyond)).toEqual(['load 2 0x2ffff']);
    const part = await explain('--set', 'rdi=0x7ffffffffffd', 'mov rax, [rdi]');
    expect(part.outcome).toMatchObject({ kind: 'faulted', vector: 14, manualVector: 13 });
    const whole = await explain('--set', 'rdi=0x800000000000', 'mov rax, [rdi]');
    expect(whole.outcome).toMatchObject({ kind: 'faulted', vector: 13, manualVector: null });
    expect((await explain('--mode', '16', 'pusha')).remarks).toEqual([
      expect.stringContaining('DI first'),
    ]);
  });

  it('an invalid opcode for want of a feature, and for another reason', async () => {
    const lacking = await explain('--mode', '32', 'movdir64b eax, [edi]');
    expect(lacking.verdict).toBe('faulted');
    expect(lacking.reason).toContain('the CPU of this QEMU has no MOVDIR64B (CPUID)');
    // EFER.SVME is not set.
    const nested = await explain('vmrun');
    expect([nested.outcome.vector, nested.reason]).toEqual([
      6,
      expect.not.stringContaining('CPUID'),
    ]);
  });

  it('monitor reaches no memory', async () => {
    expect(await explain('monitor')).toMatchObject({ verdict: 'complete', accesses: [] });
  });

  it('names registers as the mode does, those of a gather too', async () => {
    const result = await explain('--mode', '32', '--set', 'edi=0x480000', 'add [ebx], edi');
    expect(result.architectural).toMatchObject([
      { expression: 'ds:ebx' },
      { expression: 'ds:ebx' },
    ]);
    const mattering = result.preset.filter(({ matters }) => matters);
    expect(mattering.map(({ name }) => name)).toEqual(['ebx', 'edi']);
    const { out } = await runLoadstore('explain', '--brief', 'vpgatherdd ymm0, [rdi+ymm1], ymm2');
    expect(out).toMatch(/^before +rdi 0x470000, ymm1 0,1,2,3,4,5,6,7 \(indices\), ymm2 all ones$/m);
  });

  it.each([
    [['movv eax, 1'], 'nasm does not assemble'],
    [['mov eax, 1', '--mode', '8'], 'there is no such mode'],
    [['mov eax, 1', '--set', 'mm0=1'], 'REGISTER=NUMBER'],
    [['mov eax, 1', '--set', 'xmm0=1,2,3'], 'as many elements'],
    [['mov eax, 1', '--bytes', '90'], 'both an instruction and --bytes'],
    [['foo'], '"foo" is not an instruction'],
    [['int 0x200'], 'byte data exceeds bounds'],
    [['times 2 nop'], 'has 1 of its 2 bytes'],
    [['mov eax, [rdi]; mov ebx, eax'], 'is a comment'],
    [[], 'no instruction is given'],
    [['mov', 'eax,', '1'], 'too many arguments'],
  ])('refuses %j', async (words, message) => {
    const { exitCode, err } = await runLoadstore('explain', ...words);
    expect(exitCode).toBe(2);
    expect(err).toContain(message);
    expect(err).toContain('Try: ');
  });
});
