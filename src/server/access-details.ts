// SPDX-License-Identifier: Apache-2.0
// One access with everything that is known about it.

import { formatHex64, u64FromBigint } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { formatSymbolPlace } from '../symbols/index.ts';
import { endOfStream } from '../tiles/index.ts';
import { hexOf, originOf, rowCodeOf, rowOf, UNKNOWN } from './access-rows.ts';
import { findNearest, type Nearest } from './neighbours.ts';
import type { AddressRange } from './parameters.ts';
import type { AccessReply, Space } from './protocol.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';

/** Of each direction: what is further away is asked for with api/neighbour. */
const PATIENCE_MS = 400;
const LINE_BYTES = 64n;
const PAGE_BYTES = 4096n;
const ADDRESS_END = 2n ** 64n;

/** Throws Refusal 'not-found' for an ordinal that there is not; else as the trace does. */
export async function accessDetails(
  session: Session,
  stream: number,
  ordinal: number,
  signal: AbortSignal,
): Promise<AccessReply> {
  const { names, symbols, guestFacts } = session;
  const [access] = await session.accesses.read(stream, [ordinal], [], signal);
  if (access === undefined) {
    throw new Refusal('not-found', `stream ${stream} has no access ${ordinal}`);
  }
  const { vaddr, paddr, flags, cr3 } = access;
  const { lo, hi } = u64FromBigint(vaddr);
  const isPhysical = (flags & AccessFlag.physicalOnly) !== 0;
  const data = isPhysical ? undefined : symbols.findKernel(lo, hi, 'data');
  const memory = memoryOf(access);
  const isDevice = (flags & AccessFlag.device) !== 0;
  return {
    access: rowOf(access, (block, insn) => rowCodeOf(block, insn, names, symbols)),
    cr3: cr3 === undefined ? null : hexOf(cr3),
    addressSpace: cr3 === undefined ? null : guestFacts.addressSpaceOf(cr3, ordinal),
    region: isDevice && paddr !== UNKNOWN ? guestFacts.regionOf(stream, ordinal, paddr) : null,
    data: data === undefined ? null : formatSymbolPlace(data),
    evidence: originOf(flags) === 'instruction' ? 'observed' : 'reconstructed',
    block: blockOf(session, access.block, access.insn),
    neighbourSpace: memory.space,
    neighbours: await neighboursOf(session, stream, ordinal, rangesOf(memory), signal),
  };
}

function blockOf({ trace, names }: Session, block: number, current: number): AccessReply['block'] {
  const offsets = trace.code.insnOffsets(block);
  const bytes = trace.code.bytes(block);
  return Array.from(offsets, (offset, insn) => {
    const { lo, hi } = names.addressOf(block, insn);
    return {
      pc: formatHex64(lo, hi),
      bytes: Array.from(bytes.subarray(offset, offsets[insn + 1]), hexByte).join(' '),
      disassembly: names.textOf(block, insn),
      current: insn === current,
    };
  });
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/**
 * The bytes that it touched. A virtual address is other memory in another address space, and memory has several of them:
 * the physical one tells it, where it is known and one run of bytes. One that goes on at address 0 is told by its first part.
 */
export function memoryOf(access: {
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly flags: number;
  readonly size: number;
}): AddressRange {
  const { vaddr, paddr, flags, size } = access;
  const at = (space: Space, low: bigint): AddressRange => {
    const high = low + BigInt(size);
    return { space, low, high: high < ADDRESS_END ? high : ADDRESS_END };
  };
  if ((flags & AccessFlag.physicalOnly) !== 0) return at('physical', vaddr);
  const isOneRun = (flags & AccessFlag.crossesPage) === 0;
  return paddr !== UNKNOWN && isOneRun ? at('physical', paddr) : at('virtual', vaddr);
}

/** What it touched, the lines of it, the pages of it. */
function rangesOf({ space, low, high }: AddressRange): readonly AddressRange[] {
  const whole = (unit: bigint): AddressRange => ({
    space,
    low: low - (low % unit),
    high: high + ((unit - (high % unit)) % unit),
  });
  return [{ space, low, high }, whole(LINE_BYTES), whole(PAGE_BYTES)];
}

async function neighboursOf(
  { trace, chunks, index }: Session,
  stream: number,
  ordinal: number,
  ranges: readonly AddressRange[],
  signal: AbortSignal,
): Promise<AccessReply['neighbours']> {
  const find = async (direction: 'forward' | 'backward') =>
    findNearest(
      trace,
      chunks,
      index.find(),
      {
        ...{ stream, direction, ranges, patienceMs: PATIENCE_MS, passesDamage: true },
        from: direction === 'forward' ? ordinal + 1 : 0,
        to: direction === 'forward' ? endOfStream(trace, stream) : ordinal,
      },
      signal,
    );
  const previous = await find('backward');
  const next = await find('forward');
  const at = (i: number): AccessReply['neighbours']['bytes'] => ({
    previous: previous.ordinals[i] ?? null,
    next: next.ordinals[i] ?? null,
    complete: isKnown(previous, i) && isKnown(next, i),
  });
  return { bytes: at(0), line: at(1), page: at(2) };
}

/** What was found before the time was over is the nearest; behind something damaged nobody knows. */
function isKnown({ ordinals, complete, isDamaged }: Nearest, range: number): boolean {
  return complete || (!isDamaged && typeof ordinals[range] === 'number');
}
