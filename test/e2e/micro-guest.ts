// SPDX-License-Identifier: Apache-2.0
// Assembles a guest of guests/, records it with the QEMU under test, and decodes all of its accesses.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { requireDefined } from '../../src/base/index.ts';
import {
  type QemuProgram,
  type RecordOutcome,
  requirePluginFile,
  startRecording,
} from '../../src/capture/index.ts';
import {
  AccessFlag,
  checkTrace,
  Origin,
  openTrace,
  type Trace,
  type TraceNote,
} from '../../src/format/index.ts';
import { makeFolder, qemuUnderTest } from './run-loadstore.ts';

const GUESTS = path.join(import.meta.dirname, '..', '..', 'guests');
/** QEMU's exit code when the guest found that all its cases ran: PASSED of guests/boot.inc. */
const PASSED = 0x21 * 2 + 1;

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

export interface GuestRun {
  readonly qemu: QemuProgram;
  readonly outcome: RecordOutcome;
  readonly symbols: ReadonlyMap<string, bigint>;
  readonly trace: Trace;
  /** Stream by stream, aborted ones too. */
  readonly accesses: readonly Access[];
  /** Of vCPUs, CR3, events and cuts. */
  readonly notes: readonly TraceNote[];
  close(): Promise<void>;
}

export interface GuestOptions {
  /** Default 1. */
  readonly vcpus?: number;
  readonly thread?: 'single' | 'multi';
  readonly auditMemory?: boolean;
  /** KIND:N (CONTRIBUTING.md). */
  readonly fault?: string;
  /** More arguments for QEMU. */
  readonly more?: readonly string[];
}

/** Throws when the guest did not pass its own checks, or when the trace is not whole or contradicts itself. */
export async function recordGuest(name: string, options: GuestOptions = {}): Promise<GuestRun> {
  const { vcpus = 1, thread = 'single', auditMemory = false, fault, more = [] } = options;
  const qemu = await qemuUnderTest();
  const folder = makeFolder();
  try {
    const image = path.join(folder.path, `${name}.bin`);
    const symbols = assemble(name, image);
    const recording = await startRecording({
      qemu,
      pluginFile: requirePluginFile(process.env['LOADSTORE_PLUGIN']),
      outputFile: path.join(folder.path, `${name}.memtrace`),
      force: false,
      guestArguments: [
        ...['-M', 'pc', '-m', '64', '-smp', `${vcpus}`, '-accel', `tcg,thread=${thread}`],
        ...['-nodefaults', '-display', 'none', '-no-reboot', '-bios', image],
        ...['-device', 'isa-debug-exit,iobase=0x501,iosize=4', ...more],
      ],
      limits: {},
      startPaused: false,
      auditMemory,
      fault,
      events: thread === 'single',
      terminal: 'none',
    });
    // A guest is done in less than a second; one that hangs is ended, and then has not passed.
    const deadline = setTimeout(() => {
      recording.stop();
    }, 60_000);
    const outcome = await recording.ended.finally(() => {
      clearTimeout(deadline);
    });
    if (outcome.qemu.exitCode !== PASSED) throw new Error(failureOf(name, outcome));
    const { ok, complete, problems } = await checkTrace(outcome.file);
    if (!ok || !complete) throw new Error(`the trace of guest ${name}: ${problems[0]?.message}`);
    const trace = await openTrace(outcome.file);
    const notes: TraceNote[] = [];
    for await (const note of trace.notes()) notes.push(note);
    return {
      qemu,
      outcome,
      symbols,
      trace,
      accesses: await readAll(trace),
      notes,
      async close() {
        await trace.close();
        folder.remove();
      },
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

function failureOf(name: string, { qemu }: RecordOutcome): string {
  const code = qemu.exitCode === null ? `signal ${qemu.signal}` : `exit code ${qemu.exitCode}`;
  const value = qemu.exitCode === null ? 0 : (qemu.exitCode - 1) / 2;
  const meaning =
    value >= 0x30
      ? `, its check ${value - 0x30} failed (counted from 0)`
      : value === 0x2f
        ? ', an exception or interrupt that it did not expect'
        : '';
  return `guest ${name} did not pass: ${code}${meaning}. ${qemu.said}`;
}

/** Returns the symbols by name. */
function assemble(name: string, image: string): Map<string, bigint> {
  const map = execFileSync('nasm', ['-f', 'bin', '-o', image, `${name}.asm`], {
    cwd: GUESTS,
    encoding: 'utf8',
  });
  const symbols = new Map<string, bigint>();
  // A symbol of a section has its address twice, one that is a number has it once.
  for (const [, value, symbol] of map.matchAll(/^\s*(?:[0-9A-F]+\s+)?([0-9A-F]+)\s+([\w.]+)$/gm)) {
    if (value !== undefined && symbol !== undefined) symbols.set(symbol, BigInt(`0x${value}`));
  }
  return symbols;
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

async function readAll(trace: Trace): Promise<Access[]> {
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
