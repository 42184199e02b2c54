// SPDX-License-Identifier: Apache-2.0
// How a TCG operation reaches guest memory, if it does. Pure.

import { fileInVersion, findHelperFacts } from './helper-table.ts';
import type { TcgOperation } from './translation-log.ts';

/**
 * - inline: generated host code looks the page up in the TLB and accesses host memory; a helper does on a miss
 * - helper: C code of the front end
 * - atomic: C code that makes one atomic host operation
 * - exclusive: nothing yet; the instruction is done again while no other vCPU runs
 * - event: nothing yet; an interrupt or exception is delivered behind the block
 * - port: to a device's port, not to memory
 */
export type MemoryWay = 'inline' | 'helper' | 'atomic' | 'exclusive' | 'event' | 'port';

export interface MemoryPath {
  readonly way: MemoryWay;
  /** 'load store' for a read-modify-write, '' where it cannot be told from the operation. */
  readonly direction: 'load' | 'store' | 'load store' | '';
  /** Of one access; 0 where it cannot be told from the operation. */
  readonly bytes: number;
  /** The helper and what it calls, or what generated code does. */
  readonly how: string;
  /** In QEMU's sources. */
  readonly source: string;
}

/** What the operation means on a QEMU before 10.0, or from there on; undefined: it reaches no memory. */
export function findMemoryPath(
  operation: TcgOperation,
  isBefore10: boolean,
): MemoryPath | undefined {
  const [, direction] = /^qemu_(ld|st)\d?_/.exec(operation.name) ?? [];
  if (direction !== undefined) return inlinePath(operation, direction === 'ld', isBefore10);
  return operation.name === 'call' ? callPath(operation.operands, isBefore10) : undefined;
}

function inlinePath(operation: TcgOperation, isLoad: boolean, isBefore10: boolean): MemoryPath {
  const bytes = accessBytes(operation.operands.at(-2) ?? '');
  return {
    way: 'inline',
    direction: isLoad ? 'load' : 'store',
    bytes,
    how: `generated code on a TLB hit; on a miss ${slowPath(isLoad, bytes, isBefore10)}`,
    source: isBefore10 ? 'accel/tcg/cputlb.c' : 'accel/tcg/ldst_common.c.inc',
  };
}

const LETTERS: ReadonlyMap<number, string> = new Map([
  [1, 'b'],
  [2, 'w'],
  [4, 'l'],
  [8, 'q'],
]);

function slowPath(isLoad: boolean, bytes: number, isBefore10: boolean): string {
  const letter = LETTERS.get(bytes) ?? '';
  const direction = isLoad ? 'ld' : 'st';
  const sign = isLoad && bytes < 8 ? 'u' : '';
  if (bytes === 16) return `helper_${direction}16_mmu()`;
  if (!isBefore10) return `helper_${direction}${sign}${letter}_mmu()`;
  return `helper_${bytes === 1 ? 'ret' : 'le'}_${direction}${sign}${letter}_mmu()`;
}

/** From "noat+un+leq" or "$0x3": QEMU's MemOp, the log2 of the size in its low bits. */
function accessBytes(memop: string): number {
  const number = /^\$(0x[0-9a-f]+)$/.exec(memop)?.[1];
  const log2 = number === undefined ? 'bwlqo'.indexOf(memop.at(-1) ?? '') : Number(number) & 7;
  return log2 < 0 ? 0 : 2 ** log2;
}

function callPath(operands: readonly string[], isBefore10: boolean): MemoryPath | undefined {
  const [name = ''] = operands;
  const atomic = /^atomic_(\w+?)([bwlqo])(?:_le|_be)?$/.exec(name);
  if (atomic !== null) {
    return {
      way: 'atomic',
      direction: 'load store',
      bytes: accessBytes(atomic[2] ?? ''),
      how: `helper_${name}(): atomic_mmu_lookup(), one atomic operation of the host`,
      source: 'accel/tcg/atomic_template.h',
    };
  }
  const wide = /^(ld|st)_i128$/.exec(name);
  if (wide !== null) {
    return {
      way: 'helper',
      direction: wide[1] === 'ld' ? 'load' : 'store',
      bytes: 16,
      how: `helper_${name}()`,
      source: 'accel/tcg/ldst_common.c.inc',
    };
  }
  if (name === 'exit_atomic') {
    return {
      way: 'exclusive',
      direction: '',
      bytes: 0,
      how: 'helper_exit_atomic(): leaves the block, cpu_exec_step_atomic() does the instruction again',
      source: 'accel/tcg/cpu-exec.c',
    };
  }
  if (name === 'raise_interrupt' || name === 'raise_exception') {
    return {
      way: 'event',
      direction: '',
      bytes: 0,
      how: `helper_${name}(): leaves the block; x86_cpu_do_interrupt() reads tables and pushes a frame, outside any block`,
      source: 'target/i386/tcg/seg_helper.c',
    };
  }
  const port = /^(in|out)([bwl])$/.exec(name);
  if (port !== null) {
    return {
      way: 'port',
      direction: port[1] === 'in' ? 'load' : 'store',
      bytes: accessBytes(port[2] ?? ''),
      how: `helper_${name}(): address_space_io, no guest memory`,
      source: isBefore10
        ? 'target/i386/tcg/sysemu/misc_helper.c'
        : 'target/i386/tcg/system/misc_helper.c',
    };
  }
  const facts = findHelperFacts(name);
  if (facts === undefined) return undefined;
  const calls = isBefore10 ? (facts.callsBefore10 ?? facts.calls) : facts.calls;
  const unseen = facts.unseen === undefined ? '' : `; ${facts.unseen}`;
  return {
    way: 'helper',
    direction: '',
    bytes: 0,
    how: `helper_${name}(): ${calls}${unseen}`,
    source: fileInVersion(facts, isBefore10),
  };
}
