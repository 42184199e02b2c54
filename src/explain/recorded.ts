// SPDX-License-Identifier: Apache-2.0
// What the trace of the micro-guest has of the instruction.

import { requireDefined } from '../base/index.ts';
import { EventFlag, type PortNote } from '../format/index.ts';
import type { Access, GuestRun } from '../guests/index.ts';
import type { GuestPlaces } from './guest-image.ts';

export interface RecordedWork {
  /** Of the instruction, of the delivery of what it caused, and of the MMU for it; in order, aborted ones too. */
  readonly accesses: readonly Access[];
  readonly ports: readonly PortNote[];
  /** The interrupt or exception that it caused; undefined: none is in the trace. */
  readonly event: RecordedEvent | undefined;
  /** Why its block was left early, if it was: 'device', 'self-modified', ... */
  readonly cuts: readonly string[];
  /** How often a block began with it. More than once: it led to itself, or QEMU did it again, as `cuts` say. */
  readonly runs: number;
}

export interface RecordedEvent {
  readonly vector: number;
  /** Its table reads and pushes are in the trace. */
  readonly delivered: boolean;
  /** Of a page fault: the address that it was for. */
  readonly cr2: bigint;
}

/** Undefined when the instruction was never reached. */
export async function readRecordedWork(
  run: GuestRun,
  places: GuestPlaces,
  instructionBytes: number,
): Promise<RecordedWork | undefined> {
  const { accesses, trace } = run;
  // The last one: the image was stored there before.
  const mark = accesses.findLastIndex(({ vaddr, store }) => store && vaddr === places.mark);
  if (mark < 0) return undefined;
  const { stream, icount, ordinal: markOrdinal } = requireDefined(accesses[mark], 'it was found');
  const next = places.instruction + BigInt(instructionBytes);
  // The mark and a jump come before it; it may lead to itself, and run again.
  const isOwn = (access: Access): boolean => {
    const { origin, pc } = access;
    if (origin === 'pageWalk') return true;
    if (origin === 'eventDelivery') return pc === places.instruction || pc === next;
    return pc === places.instruction && access.icount === icount + 2;
  };
  const behind = accesses.slice(mark + 1).filter((access) => access.stream === stream);
  const end = behind.findIndex((access) => !isOwn(access));
  const own = end < 0 ? behind : behind.slice(0, end);

  const executions = await executionsAt(run, stream, places.instruction);
  const ports: PortNote[] = [];
  const cuts: string[] = [];
  let event: RecordedEvent | undefined;
  for await (const note of trace.notes({ stream, kinds: ['event', 'cut', 'port'] })) {
    if (note.kind === 'port') {
      // Told behind its block; the jump behind the instruction is no port I/O.
      if (executions.has(note.block - 1) && note.insn === 0) ports.push(note);
    } else if (note.kind === 'cut') {
      if (executions.has(note.block)) cuts.push(note.cause);
    } else if (note.kind === 'event' && note.ordinal > markOrdinal) {
      if (note.ip !== places.instruction && note.ip !== next) continue;
      const delivered = (note.what & EventFlag.delivered) !== 0;
      event ??= { vector: note.vector, delivered, cr2: note.cr2 };
    }
  }
  return { accesses: own, ports, event, cuts, runs: executions.size };
}

/** Positions of the block executions that begin with the instruction. */
async function executionsAt(
  { trace }: GuestRun,
  stream: number,
  instruction: bigint,
): Promise<ReadonlySet<number>> {
  const positions = new Set<number>();
  for await (const { length, id, firstBlock } of trace.blocks({ stream })) {
    for (let i = 0; i < length; i++) {
      const block = requireDefined(id[i], 'below length');
      const isOfCode = trace.code.insnCount(block) > 0;
      if (isOfCode && trace.code.vaddr(block) === instruction) positions.add(firstBlock + i);
    }
  }
  return positions;
}
