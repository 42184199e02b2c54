// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ExplainResult, RecordedResult } from '../../explain/index.ts';
import { renderExplain } from './explain.ts';

const STORE: RecordedResult = {
  direction: 'store',
  bytes: 8,
  address: '0x3efff8',
  paddr: '0x3efff8',
  origin: 'instruction',
  evidence: 'observed',
  aborted: false,
  device: false,
};

const PUSH: ExplainResult = {
  instruction: {
    bytes: '4150',
    disassembly: 'push r8',
    mnemonic: 'push',
    mode: 64,
    address: '0x102000',
  },
  qemu: { path: '/usr/bin/qemu-system-x86_64', version: '10.0.2', thread: 'single' },
  preset: [
    { name: 'rax', value: '0x400000', why: '', matters: false, elementBytes: null },
    { name: 'rsp', value: '0x3f0000', why: '--set', matters: true, elementBytes: null },
  ],
  ops: [
    { text: 'mov_i64 loc0,r8', memory: null },
    {
      text: 'qemu_st_i64 loc0,loc2,noat+un+leq,4',
      memory: {
        way: 'inline',
        direction: 'store',
        bytes: 8,
        how: 'generated code on a TLB hit; on a miss helper_stq_mmu()',
        source: 'accel/tcg/cputlb.c',
      },
    },
  ],
  retranslations: [],
  architectural: [
    {
      direction: 'store',
      bytes: 8,
      kind: 'stack',
      occurrence: 'always',
      condition: '',
      expression: 'ss:rsp-0x8',
      address: '0x3efff8',
      addresses: ['0x3efff8'],
      count: 1,
      step: 0,
      elements: null,
    },
  ],
  accesses: [STORE],
  ports: [],
  cuts: [],
  outcome: { kind: 'completed', vector: null, manualVector: null, errorCode: null, target: null },
  verdict: 'complete',
  reason: 'every architectural access was observed, and nothing else',
  remarks: [],
  isDifferent: false,
};

describe('renderExplain', () => {
  it('draws operations, both sides and the verdict', () => {
    expect(renderExplain(PUSH)).toBe(`instruction  push r8
bytes        41 50, 64-bit code at 0x102000
QEMU         10.0.2, one vCPU, thread=single
before       rsp 0x3f0000 (--set)

TCG operations of QEMU; > gets at memory, or may:
    mov_i64 loc0,r8
  > qemu_st_i64 loc0,loc2,noat+un+leq,4
        store 8, inline: generated code on a TLB hit; on a miss helper_stq_mmu()
        [accel/tcg/cputlb.c]

the manual prescribes          the trace has
store 8 ss:rsp-0x8 = 0x3efff8  store 8 0x3efff8 observed

verdict: complete: every architectural access was observed, and nothing else
`);
  });

  it('is brief when asked', () => {
    const text = renderExplain(PUSH, true);
    expect(text).toContain(
      'TCG operations of QEMU; 1 of 2 get at memory, or may:\n  > qemu_st_i64 ',
    );
    expect(text).not.toContain('mov_i64');
    const none = { ...PUSH, ops: PUSH.ops.slice(0, 1) };
    expect(renderExplain(none, true)).toContain('; none of 1 gets at memory.\n\n');
  });

  it('draws long lists of like accesses together', () => {
    const accesses = Array.from({ length: 20 }, (_, i) => ({
      ...STORE,
      address: `0x${(0x470000 + 8 * i).toString(16)}`,
    }));
    expect(renderExplain({ ...PUSH, accesses })).toContain(
      'store 20 accesses, 160 bytes in 0x470000..0x47009f observed\n',
    );
    expect(renderExplain({ ...PUSH, accesses: accesses.slice(0, 3) })).toContain(
      'store 8 0x470010 observed\n',
    );
  });

  it('has the exception of the manual on its side, not that of QEMU', () => {
    for (const kind of ['completed', 'faulted'] as const) {
      const outcome = { ...PUSH.outcome, kind, vector: kind === 'faulted' ? 14 : null };
      const text = renderExplain({ ...PUSH, outcome: { ...outcome, manualVector: 13 } });
      expect(text).toMatch(/^\(it faults\) delivery of exception 13: tables, stack frame$/m);
    }
  });

  it('gives no size where an operand has none that is fixed', () => {
    const architectural = PUSH.architectural.map((one) => ({ ...one, bytes: 0 }));
    const text = renderExplain({ ...PUSH, architectural });
    expect(text).toContain('\nstore ss:rsp-0x8 = 0x3efff8  store 8 0x3efff8 observed\n');
  });

  it('marks what is special', () => {
    const text = renderExplain({
      ...PUSH,
      qemu: { ...PUSH.qemu, thread: 'multi' },
      retranslations: [[{ text: 'ret', memory: null }], PUSH.ops],
      accesses: [
        { ...STORE, device: true, aborted: true },
        { ...STORE, origin: 'page-walk', evidence: 'reconstructed' },
      ],
      ports: [{ direction: 'in', port: '0x80', bytes: 1, value: null }],
      cuts: ['device'],
      outcome: { ...PUSH.outcome, kind: 'faulted', vector: 14, errorCode: '0x2' },
      remarks: ['it went on at 0x400000, where no code is'],
    });
    for (const part of [
      'two vCPUs, thread=multi: translated for parallel execution\n',
      'In a block of its own; none of 1 gets at memory:\n    ret\n\n',
      'store 8 0x3efff8 observed, device, aborted\n',
      'store 8 0x3efff8 reconstructed, page-walk\n',
      'in 1, port 0x80 (when, among these, is not told)\n',
      '(it faults) delivery of exception 14: tables, stack frame',
      'It went to a device: ',
      'note: it went on at 0x400000, where no code is\n',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('draws vector registers and what a mask selects by elements', () => {
    const [access] = PUSH.architectural;
    const gather = (selected: readonly number[]): ExplainResult => ({
      ...PUSH,
      preset: [
        {
          name: 'xmm1',
          value: '0x0000000300000002fffffff000000000',
          why: '--set',
          matters: true,
          elementBytes: 4,
        },
        { name: 'xmm2', value: `0x${'f'.repeat(32)}`, why: '', matters: true, elementBytes: 4 },
      ],
      architectural:
        access === undefined
          ? []
          : [
              {
                ...access,
                ...{
                  direction: 'load',
                  bytes: 16,
                  kind: 'masked',
                  expression: 'ds:rdi+xmm1',
                  address: null,
                  addresses: [],
                },
                elements: {
                  ...{ mask: 'xmm2', bytes: 4, count: 4 },
                  selected: selected.map((element) => ({ element, address: `0x47000${element}` })),
                },
              },
            ],
    });
    const text = renderExplain(gather([1, 3]));
    expect(text).toContain('before       xmm1 0,0xfffffff0,2,3 (--set), xmm2 all ones\n');
    expect(text).toMatch(/^load 4 ds:rdi\+xmm1, element 1 = 0x470001 {2}store 8/m);
    expect(text).toMatch(/^load 4 ds:rdi\+xmm1, element 3 = 0x470003$/m);
    expect(renderExplain(gather([]))).toMatch(
      /^load 4 ds:rdi\+xmm1: 0 of 4 elements, by xmm2 {2}/m,
    );
  });

  it('lists iterations as they are made, when they are few', () => {
    const [access] = PUSH.architectural;
    if (access === undefined) throw new Error('push has an access');
    const placesOf = (
      addresses: readonly string[],
      count: number,
    ): Pick<typeof access, 'address' | 'addresses'> => ({
      address: addresses[0] ?? null,
      addresses: addresses.slice(0, count),
    });
    const repeated = (mnemonic: string, count: number): string =>
      renderExplain({
        ...PUSH,
        instruction: { ...PUSH.instruction, mnemonic },
        accesses: [],
        architectural: [
          {
            ...access,
            direction: 'load',
            kind: 'tss',
            expression: '',
            address: null,
            addresses: [],
          },
          ...(['load', 'store'] as const).map((direction) => ({
            ...{
              ...access,
              direction,
              bytes: 2,
              kind: 'string',
              occurrence: 'per-iteration',
              count,
            },
            ...(direction === 'load'
              ? {
                  ...{ expression: 'ds:rsi', step: -2 },
                  ...placesOf(['0x20000', '0x2fffe'], count),
                }
              : {
                  ...{ expression: 'es:rdi', step: -2 },
                  ...placesOf(['0x31700', '0x316fe'], count),
                }),
          })),
        ],
      });
    expect(repeated('rep movsw', 2)).toContain(
      [
        'load 8 tss                                  nothing',
        'load 2 ds:rsi = 0x20000, iteration 1 of 2',
        'store 2 es:rdi = 0x31700, iteration 1 of 2',
        'load 2 ds:rsi = 0x2fffe, iteration 2 of 2',
        'store 2 es:rdi = 0x316fe, iteration 2 of 2\n',
      ].join('\n'),
    );
    expect(repeated('repe cmpsw', 1)).toContain('0x20000, iteration 1 of up to 1\n');
    expect(repeated('rep movsw', 7)).toContain('load 2 ds:rsi = 0x20000, up to 7 times\n');
    expect(repeated('rep movsw', 0)).toContain('load 2 ds:rsi = 0x20000, no iteration\n');
  });

  it('says when there is nothing', () => {
    const text = renderExplain({ ...PUSH, ops: [], architectural: [], accesses: [] });
    expect(text).toContain('QEMU translated no block that begins with it.\n');
    expect(text).toMatch(/\nno memory access +nothing\n/);
    const port = { direction: 'in', port: '0x80', bytes: 1, value: null } as const;
    expect(renderExplain({ ...PUSH, accesses: [], ports: [port] })).toContain('in 1, port 0x80\n');
    expect(renderExplain({ ...PUSH, accesses: [], verdict: 'not-recorded' })).toContain(
      'not recorded\n',
    );
  });
});
