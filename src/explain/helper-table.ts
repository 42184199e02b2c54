// SPDX-License-Identifier: Apache-2.0
// The helpers of QEMU's x86 front end that reach guest memory, by their names in TCG calls. Read in the sources of
// QEMU 7.2 and 10.0 (target/i386), each helper with all that it calls, exceptions apart; a helper that is
// not here reaches none. Where they differ, 7.2 is `before10`. A nested guest, which the instruction is not run in,
// has more: the maps of ports and MSRs that its host intercepts.

export interface HelperFacts {
  /** In QEMU's source tree. */
  readonly file: string;
  /** What it calls to get at memory. */
  readonly calls: string;
  readonly callsBefore10?: string;
  /** Nothing of it, or a part, goes where no memory callback is. */
  readonly unseen?: string;
}

const MEM = 'target/i386/tcg/mem_helper.c';
const FPU = 'target/i386/tcg/fpu_helper.c';
const SEG = 'target/i386/tcg/seg_helper.c';
const SSE = 'target/i386/ops_sse.h';
const MPX = 'target/i386/tcg/mpx_helper.c';
const SVM = 'target/i386/tcg/sysemu/svm_helper.c';

/** access_*: through a host pointer from probe_access(), through cpu_*_mmuidx_ra() where that gives none. */
function block(loads: string, stores: string): Pick<HelperFacts, 'calls' | 'callsBefore10'> {
  const of = (prefix: string, suffix: string, letters: string): string[] =>
    letters === '' ? [] : [`${prefix}${letters}${suffix}`];
  return {
    calls: [...of('access_ld', '()', loads), ...of('access_st', '()', stores)].join(', '),
    callsBefore10: [
      ...of('cpu_ld', '_data_ra()', loads),
      ...of('cpu_st', '_data_ra()', stores),
    ].join(', '),
  };
}

const HELPERS: ReadonlyMap<string, HelperFacts> = new Map<string, HelperFacts>([
  // Gone since TCG has operations for them.
  ['cmpxchg8b_unlocked', { file: MEM, calls: 'cpu_ldq_data_ra(), cpu_stq_data_ra()' }],
  ['cmpxchg8b', { file: MEM, calls: 'cpu_atomic_cmpxchgq_le_mmu()' }],
  ['cmpxchg16b_unlocked', { file: MEM, calls: '2 cpu_ldq_data_ra(), 2 cpu_stq_data_ra()' }],
  ['cmpxchg16b', { file: MEM, calls: 'cpu_atomic_cmpxchgo_le_mmu()' }],

  ['boundw', { file: MEM, calls: '2 cpu_ldsw_data_ra()' }],
  ['boundl', { file: MEM, calls: '2 cpu_ldl_data_ra()' }],

  ['fldt_ST0', { file: FPU, ...block('{q,w}', '') }],
  ['fstt_ST0', { file: FPU, ...block('', '{q,w}') }],
  ['fbld_ST0', { file: FPU, ...block('b', '') }],
  ['fbst_ST0', { file: FPU, ...block('', 'b') }],
  ['fstenv', { file: FPU, ...block('', '{l,w}') }],
  ['fldenv', { file: FPU, ...block('w', '') }],
  ['fsave', { file: FPU, ...block('', '{l,q,w}') }],
  ['frstor', { file: FPU, ...block('{q,w}', '') }],
  ['fxsave', { file: FPU, ...block('', '{l,q,w}') }],
  ['fxrstor', { file: FPU, ...block('{l,q,w}', '') }],
  ['xsave', { file: FPU, ...block('q', '{l,q,w}') }],
  ['xsaveopt', { file: FPU, ...block('q', '{l,q,w}') }],
  ['xrstor', { file: FPU, ...block('{l,q,w}', '') }],

  ['maskmov_mmx', { file: SSE, calls: 'cpu_stb_data_ra()' }],
  ['maskmov_xmm', { file: SSE, calls: 'cpu_stb_data_ra()' }],
  ...['xmm', 'ymm'].flatMap((width): [string, HelperFacts][] => [
    [`vpmaskmovd_st_${width}`, { file: SSE, calls: 'cpu_stl_data_ra()' }],
    [`vpmaskmovq_st_${width}`, { file: SSE, calls: 'cpu_stq_data_ra()' }],
    [`vpgatherdd_${width}`, { file: SSE, calls: 'cpu_ldl_data_ra()' }],
    [`vpgatherdq_${width}`, { file: SSE, calls: 'cpu_ldq_data_ra()' }],
    [`vpgatherqd_${width}`, { file: SSE, calls: 'cpu_ldl_data_ra()' }],
    [`vpgatherqq_${width}`, { file: SSE, calls: 'cpu_ldq_data_ra()' }],
  ]),

  ['load_seg', { file: SEG, calls: 'cpu_ldl_kernel_ra(), cpu_stl_kernel_ra()' }],
  ['lldt', { file: SEG, calls: 'cpu_ldl_kernel_ra()' }],
  ['ltr', { file: SEG, calls: 'cpu_ldl_kernel_ra(), cpu_stl_kernel_ra()' }],
  ...['lsl', 'lar', 'verr', 'verw'].map((name): [string, HelperFacts] => [
    name,
    { file: SEG, calls: 'cpu_ldl_kernel_ra()' },
  ]),
  [
    'lcall_real',
    {
      file: SEG,
      calls: 'cpu_st{l,w}_mmuidx_ra()',
      callsBefore10: 'cpu_st{l,w}_kernel_ra()',
    },
  ],
  [
    'iret_real',
    {
      file: SEG,
      calls: 'cpu_ld{l,uw}_mmuidx_ra()',
      callsBefore10: 'cpu_ld{l,uw}_kernel_ra()',
    },
  ],
  ...['ljmp_protected', 'lcall_protected', 'lret_protected', 'iret_protected'].map(
    (name): [string, HelperFacts] => [
      name,
      {
        file: SEG,
        calls: 'cpu_{ld,st}*_kernel_ra(), cpu_{ld,st}*_mmuidx_ra(), access_{ld,st}*() of a TSS',
        callsBefore10: 'cpu_{ld,st}*_kernel_ra()',
      },
    ],
  ),
  ['check_io', { file: 'target/i386/tcg/sysemu/seg_helper.c', calls: 'cpu_lduw_kernel_ra()' }],

  ['bndldx32', { file: MPX, calls: 'cpu_ldl_data_ra()' }],
  ['bndldx64', { file: MPX, calls: 'cpu_ldq_data_ra()' }],
  ['bndstx32', { file: MPX, calls: 'cpu_ldl_data_ra(), cpu_stl_data_ra()' }],
  ['bndstx64', { file: MPX, calls: 'cpu_ldq_data_ra(), cpu_stq_data_ra()' }],

  [
    'rsm',
    {
      file: 'target/i386/tcg/sysemu/smm_helper.c',
      calls: 'x86_ld*_phys()',
      unseen: 'all of it: physical loads without a callback',
    },
  ],
  [
    'vmrun',
    {
      file: SVM,
      calls: 'cpu_{ld,st}*_mmuidx_ra(), x86_{ld,st}*_phys()',
      unseen: 'x86_{ld,st}*_phys(): physical accesses without a callback',
    },
  ],
  ['vmload', { file: SVM, calls: 'cpu_ld{q,l,uw}_mmuidx_ra()' }],
  ['vmsave', { file: SVM, calls: 'cpu_st{q,l,w}_mmuidx_ra()' }],
]);

/** Undefined: it reaches no guest memory. */
export function findHelperFacts(name: string): HelperFacts | undefined {
  return HELPERS.get(name);
}

/** 10.0 renamed a folder. */
export function fileInVersion(facts: HelperFacts, isBefore10: boolean): string {
  return isBefore10 ? facts.file : facts.file.replace('/sysemu/', '/system/');
}
