// SPDX-License-Identifier: Apache-2.0
// All accesses of a small trace as objects.

import { requireDefined } from '../base/index.ts';
import { AccessFlag, Origin, type Trace } from '../format/index.ts';

export interface Access {
  readonly stream: number;
  readonly ordinal: number;
  readonly vcpu: number;
  readonly icount: number;
  readonly pc: bigint;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  /** Of the part in the second page, where there is one. */
  readonly secondPaddr: bigint | undefined;
  readonly size: number;
  readonly store: boolean;
  readonly aborted: boolean;
  readonly device: boolean;
  readonly origin: keyof typeof Origin;
  readonly cpl: number;
  readonly cr3: bigint;
}

function originOf(flags: number): keyof typeof Origin {
  switch (flags & AccessFlag.origin) {
    case Origin.eventDelivery:
      return 'eventDelivery';
    case Origin.pageWalk:
      return 'pageWalk';
    default:
      return 'instruction';
  }
}

/** Stream by stream, aborted ones too. */
export async function readAccesses(trace: Trace): Promise<Access[]> {
  const accesses: Access[] = [];
  const knowsCr3 = trace.capabilities['address-space'].status !== 'no';
  const batches = trace.accesses({
    columns: [
      ...(['vaddr', 'paddr', 'pc', 'icount', 'size', 'flags', 'vcpu', 'cpl', 'ordinal'] as const),
      ...(knowsCr3 ? (['cr3'] as const) : []),
    ],
    includeAborted: true,
    copy: true,
  });
  for await (const batch of batches) {
    const why = 'the column was asked for';
    const pc = requireDefined(batch.pc, why);
    const vaddr = requireDefined(batch.vaddr, why);
    const paddr = requireDefined(batch.paddr, why);
    const icount = requireDefined(batch.icount, why);
    const size = requireDefined(batch.size, why);
    const flags = requireDefined(batch.flags, why);
    const vcpu = requireDefined(batch.vcpu, why);
    const cpl = requireDefined(batch.cpl, why);
    const ordinal = requireDefined(batch.ordinal, why);
    const crossings = requireDefined(batch.crossings, why);
    const second = new Map<number, bigint>();
    for (const [i, index] of crossings.index.entries()) {
      second.set(index, requireDefined(crossings.paddr[i], 'one for each index'));
    }
    for (let i = 0; i < batch.length; i++) {
      const bits = flags[i] ?? 0;
      accesses.push({
        stream: batch.stream,
        ordinal: ordinal[i] ?? -1,
        vcpu: vcpu[i] ?? -1,
        icount: Number(icount[i]),
        pc: pc[i] ?? -1n,
        vaddr: vaddr[i] ?? -1n,
        paddr: paddr[i] ?? -1n,
        secondPaddr: second.get(i),
        size: size[i] ?? -1,
        store: (bits & AccessFlag.store) !== 0,
        aborted: (bits & AccessFlag.aborted) !== 0,
        device: (bits & AccessFlag.device) !== 0,
        origin: originOf(bits),
        cpl: cpl[i] ?? -1,
        cr3: batch.cr3?.[i] ?? 0n,
      });
    }
  }
  return accesses;
}
