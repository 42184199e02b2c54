// SPDX-License-Identifier: Apache-2.0
// Tracks of one vCPU that are made up: columns of 4,096 accesses, each with an address space of its own.

import type { TracksReply } from '../../src/server/protocol.ts';

const STEP = 4096;

export function fakeTracks(columns: number): TracksReply {
  const all = (valueOf: (column: number) => number): number[] =>
    Array.from({ length: columns }, (_, column) => valueOf(column));
  return {
    begins: all((column) => column * STEP),
    end: columns * STEP,
    timeStep: STEP,
    known: Array.from({ length: columns }, () => true),
    pages: all(() => 10),
    addressSpaces: all((column) => column).map((column) => ({
      cr3: `0x${column + 1}000`,
      label: String(column),
    })),
    vcpus: [
      {
        vcpu: 0,
        icount: all((column) => column * 3 * STEP),
        instructions: all(() => 3 * STEP),
        kernelAccesses: all(() => STEP),
        userAccesses: all(() => 0),
        loads: all(() => STEP),
        stores: all(() => 0),
        interrupts: all(() => 0),
        exceptions: all(() => 0),
        pages: all(() => 10),
        addressSpace: all((column) => column),
      },
    ],
  };
}
