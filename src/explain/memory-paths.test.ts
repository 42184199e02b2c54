// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { findMemoryPath, type MemoryPath } from './memory-paths.ts';

function pathOf(text: string, isBefore10 = false): MemoryPath | undefined {
  const [name = '', ...rest] = text.split(' ');
  return findMemoryPath({ name, operands: rest.join(' ').split(','), text }, isBefore10);
}

describe('findMemoryPath', () => {
  it.each([
    ['qemu_ld_i64 loc0,loc2,noat+un+leul,4', 'load', 4, 'helper_ldul_mmu()'],
    ['qemu_st_i64 loc0,loc2,noat+al+ub,4', 'store', 1, 'helper_stb_mmu()'],
    ['qemu_ld_i64 loc0,loc2,noat+un+leq,4', 'load', 8, 'helper_ldq_mmu()'],
    ['qemu_ld_i128 tmp17,tmp18,loc2,noat+al+leo,4', 'load', 16, 'helper_ld16_mmu()'],
    ['qemu_st2_i128 tmp14,tmp15,loc2,noat+al+leo,4', 'store', 16, 'helper_st16_mmu()'],
    ['qemu_ld_a64_i64 loc0,loc2,$0x102,4', 'load', 4, 'helper_ldul_mmu()'],
  ])('%s is inline', (text, direction, bytes, slow) => {
    const found = pathOf(text);
    expect(found).toMatchObject({ way: 'inline', direction, bytes });
    expect(found?.how).toContain(slow);
    expect(found?.source).toBe('accel/tcg/ldst_common.c.inc');
  });

  it('names the slow paths of QEMU before 10.0', () => {
    expect(pathOf('qemu_ld_i64 tmp0,tmp2,leuw,4', true)?.how).toContain('helper_le_lduw_mmu()');
    expect(pathOf('qemu_ld_i64 tmp0,tmp2,leuw,4', true)?.source).toBe('accel/tcg/cputlb.c');
    expect(pathOf('qemu_st_i64 tmp0,tmp2,ub,4', true)?.how).toContain('helper_ret_stb_mmu()');
  });

  it('knows helpers of the front end, and what they call in which QEMU', () => {
    expect(pathOf('call fxsave,$0x2,$0,env,loc2')?.how).toContain('access_st{l,q,w}()');
    expect(pathOf('call fxsave,$0x2,$0,env,tmp2', true)?.how).toContain('cpu_st{l,q,w}_data_ra()');
    expect(pathOf('call cmpxchg16b_unlocked,$0x0,$0,env,tmp2', true)).toMatchObject({
      way: 'helper',
      source: 'target/i386/tcg/mem_helper.c',
    });
    expect(pathOf('call check_io,$0x2,$0,env', true)?.source).toContain('/sysemu/');
    expect(pathOf('call check_io,$0x2,$0,env')?.source).toContain('/system/');
    expect(pathOf('call vpgatherdd_ymm,$0x0,$0,env')?.how).toContain('cpu_ldl_data_ra()');
    expect(pathOf('call rsm,$0x2,$0,env')?.how).toContain('without a callback');
    expect(pathOf('call vmrun,$0x0,$0,env,$0x2,$0x3')?.how).toContain('without a callback');
    expect(pathOf('call vmload,$0x0,$0,env,$0x2')?.how).toBe(
      'helper_vmload(): cpu_ld{q,l,uw}_mmuidx_ra()',
    );
  });

  it.each([
    ['call atomic_cmpxchgo_le,$0x2,$2,a,b,env', 'atomic', 16],
    ['call atomic_add_fetchl_le,$0x2,$1,a,env', 'atomic', 4],
    ['call atomic_xchgb,$0x2,$1,a,env', 'atomic', 1],
    ['call exit_atomic,$0xa,$0,env', 'exclusive', 0],
    ['call raise_interrupt,$0xa,$0,env,$0x80,$0x2', 'event', 0],
    ['call inw,$0x0,$1,loc0,env,loc11', 'port', 2],
    ['call st_i128,$0x2,$0,env,a,b', 'helper', 16],
  ])('%s', (text, way, bytes) => {
    expect(pathOf(text)).toMatchObject({ way, bytes });
  });

  it.each([
    'mov_i64 loc0,rax',
    'st8_i32 $0x1,env,$0xfffffffffffffffc',
    'ld32s_i64 loc11,env,$0xac',
    'call cc_compute_all,$0x5,$1,cc_src,cc_dst',
    'call lookup_tb_ptr,$0x6,$1,tmp13,env',
    'call divq_EAX,$0x0,$0,env,loc0',
  ])('%s reaches no memory', (text) => {
    expect(pathOf(text)).toBeUndefined();
  });
});
