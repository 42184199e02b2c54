// SPDX-License-Identifier: Apache-2.0
// Logs as QEMU 7.2.22, 10.0.2 and 11.1.3 wrote them.

import { describe, expect, it } from 'vitest';
import { parseTranslationLog } from './translation-log.ts';

const QEMU_7_2 = `----------------
IN: 
0x00102000:  0f ae 07                 fxsave   (%rdi)
0x00102003:  e9 97 e3 ff ff           jmp      0x10039f

OP:
 ld_i32 tmp9,env,$0xfffffffffffffff0
 brcond_i32 tmp9,$0x0,lt,$L0

 ---- 0000000000000000 0000000000000000
 mov_i64 tmp2,rdi
 call fxsave,$0x2,$0,env,tmp2

 ---- 0000000000000003 0000000000000000
 add_i64 rip,rip,$0xffffffffffffe39f
 call lookup_tb_ptr,$0x6,$1,tmp13,env
 goto_ptr tmp13
 set_label $L0
 exit_tb $0x7fd4dc005043

`;

const QEMU_10_0 = `----------------
IN: 
0x00102000:  48 b8 88 77 66 55 44 33  movabsq  $0x1122334455667788, %rax
0x00102008:  22 11
0x0010200a:  e9 90 e3 ff ff           jmp      0x10039f

OP:
 ld_i32 loc9,env,$0xfffffffffffffff8
 brcond_i32 loc9,$0x0,lt,$L0
 st8_i32 $0x0,env,$0xfffffffffffffffc

 ---- 0000000000000000 0000000000000038
 mov_i64 loc0,$0x1122334455667788
 mov_i64 rax,loc0

 ---- 000000000000000a 0000000000000038
 mov_i64 loc0,$0xffffffffffffe38f
 add_i64 rip,rip,$0xffffffffffffe39f
 call lookup_tb_ptr,$0x6,$1,tmp12,env
 goto_ptr tmp12
 set_label $L0
 exit_tb $0x7fe9d4002843

----------------
IN: 
0x0010200a:  e9 90 e3 ff ff           jmp      0x10039f

OP:
 ld_i32 loc9,env,$0xfffffffffffffff8
 brcond_i32 loc9,$0x0,lt,$L0

 ---- 000000000000000a 0000000000000000
 goto_tb $0x0
 exit_tb $0x7fe9d4002a40
 set_label $L0
 exit_tb $0x7fe9d4002a43

`;

const QEMU_11_1 = `----------------
IN: 
0x00102000:  f0 48 0f c7 0f           lock cmpxchg16b (%rdi)
0x00102005:  e9 95 e3 ff ff           jmp      0x10039f

OP:
 ld_i32 loc4,env,$0xffffffffffffffec
 brcond_i32 loc4,$0x0,lt,$L0
 st8_i32 $0x0,env,$0xfffffffffffffff0

 ---- 0000000000000000 000000000000003c 0000000000000000
 mov_i64 loc2,rdi
 qemu_ld2_i128 tmp12,tmp13,loc2,noat+al+leo,4

 ---- 0000000000000005 0000000000000000 0000000000000000
 goto_ptr tmp9
 set_label $L0
 exit_tb $0x7f30700053c3

`;

function summary(log: string): [address: string, ...operations: string[]][][] {
  return parseTranslationLog(log).map(({ instructions }) =>
    instructions.map(({ address, operations }) => [
      address.toString(16),
      ...operations.map(({ text }) => text),
    ]),
  );
}

describe('parseTranslationLog', () => {
  it('reads QEMU 7.2', () => {
    expect(summary(QEMU_7_2)).toEqual([
      [
        ['102000', 'mov_i64 tmp2,rdi', 'call fxsave,$0x2,$0,env,tmp2'],
        [
          '102003',
          'add_i64 rip,rip,$0xffffffffffffe39f',
          'call lookup_tb_ptr,$0x6,$1,tmp13,env',
          'goto_ptr tmp13',
        ],
      ],
    ]);
  });

  it('reads QEMU 10.0: several blocks, an instruction of more than eight bytes', () => {
    expect(summary(QEMU_10_0).map((block) => block.map(([address]) => address))).toEqual([
      ['102000', '10200a'],
      ['10200a'],
    ]);
    expect(summary(QEMU_10_0)[1]).toEqual([['10200a', 'goto_tb $0x0', 'exit_tb']]);
  });

  it('reads QEMU 11.1', () => {
    expect(summary(QEMU_11_1)[0]?.[0]).toEqual([
      '102000',
      'mov_i64 loc2,rdi',
      'qemu_ld2_i128 tmp12,tmp13,loc2,noat+al+leo,4',
    ]);
    const [block] = parseTranslationLog(QEMU_11_1);
    expect(block?.instructions[0]?.operations[1]).toMatchObject({
      name: 'qemu_ld2_i128',
      operands: ['tmp12', 'tmp13', 'loc2', 'noat+al+leo', '4'],
    });
  });

  it('finds nothing in other text', () => {
    expect(parseTranslationLog('')).toEqual([]);
    expect(parseTranslationLog('Servicing hardware INT=0x20\n mov_i64 a,b\n')).toEqual([]);
  });
});
