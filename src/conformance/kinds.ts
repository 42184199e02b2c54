// SPDX-License-Identifier: Apache-2.0
// The kinds of access that cases belong to: the rows of the matrix, in its order.

const TITLES = {
  load: 'loads, 1 to 16 bytes',
  store: 'stores, 1 to 16 bytes',
  'no-access': 'address computed, nothing accessed',
  'page-cross': 'over a page boundary, frames apart',
  stack: 'push, pop, call, ret, enter, leave',
  rmw: 'read-modify-write',
  cmpxchg: 'cmpxchg, cmpxchg8b, cmpxchg16b',
  lock: 'LOCK prefix, xchg',
  string: 'string instructions',
  'rep-fault': 'string instructions that fault or are interrupted',
  'port-string': 'ins, outs',
  x87: 'x87',
  state: 'fxsave, xsave and their kin',
  vector: 'AVX, masked, gather',
  descriptor: 'segment loads, descriptor tables',
  transfer: 'far calls, gates, tasks, iret',
  address: '16- and 32-bit addressing and modes',
  fault: 'what a faulting instruction leaves behind',
  'event-delivery': 'delivery of exceptions and interrupts',
  smm: 'system management mode',
  nested: 'guests within the guest (SVM)',
  'page-walk': 'accessed and dirty bits',
  mapping: 'aliases, changed mappings, address spaces',
  device: 'device memory',
  'self-modifying': 'self-modifying code',
  smp: 'several vCPUs',
  dma: 'device DMA',
} as const;

export type Kind = keyof typeof TITLES;

export const KINDS: Readonly<Record<Kind, string>> = TITLES;

export function isKind(text: string): text is Kind {
  return Object.hasOwn(KINDS, text);
}
