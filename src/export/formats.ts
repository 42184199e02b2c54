// SPDX-License-Identifier: Apache-2.0
// The formats: what each keeps and loses, who reads it and how. docs/exports.md has its table from here.

import type { CapabilityName } from '../format/index.ts';
import { ChampsimWriter } from './champsim.ts';
import { dramsimWriter, ramulatorWriter } from './dram-text.ts';
import { DrmemtraceWriter, THREADS, WHOLE_SYSTEM } from './drmemtrace.ts';
import { Gem5Writer } from './gem5.ts';
import type { LossName } from './losses.ts';
import { PerfettoWriter } from './perfetto.ts';
import { dinWriter, lackeyWriter } from './reference-text.ts';
import { RowExport } from './row-export.ts';
import type { MakeWriter } from './writer.ts';

/** A format as users see it. */
export interface FormatDescription {
  readonly name: string;
  readonly readBy: string;
  /** A folder has a file for each vCPU; partitions are folders in one, each of a vCPU. */
  readonly output: 'file' | 'folder' | 'partitions';
  /** One file is one core's: of a trace with several vCPUs one must be chosen. */
  readonly isOneVcpu: boolean;
  /** What a record is. */
  readonly record: string;
  readonly units: string;
  readonly keeps: string;
  readonly loses: string;
  /** What is left out and counted. */
  readonly losses: readonly LossName[];
  /** How to read it. OUT is the export. */
  readonly use: string;
  /** The trace must have these. */
  readonly needs: readonly CapabilityName[];
}

/** A format that is a stream of bytes. */
export interface ExportFormat extends FormatDescription {
  readonly makeWriter: MakeWriter;
}

export const EXPORT_FORMATS: readonly ExportFormat[] = [
  {
    name: 'drmemtrace',
    readBy: 'DynamoRIO: drmemtrace_launcher with tools that run in parallel',
    output: 'folder',
    isOneVcpu: false,
    record: 'an entry of 12 bytes: an instruction, a reference, a part of an encoding, or a marker',
    units: 'virtual (linear) addresses; bytes; timestamps in microseconds since 1601',
    keeps:
      'instructions with bytes, kind, and outcome or target of branches; iterations of rep (INSTR_NO_FETCH); order; direction, address, size; physical pages of data (markers); interrupts and exceptions (HARDWARE_EVENT) and iret (HARDWARE_CONTEXT_RETURN). A file for each vCPU; timestamps put the order of vCPUs back together',
    loses:
      'privilege, address space, vectors and error codes; which accesses went to devices; the mode of 16- and 32-bit code (the file says x86-64); physical addresses of code and of second pages; timestamps are those of chunks. DynamoRIO takes for kernel code only what runs between an interrupt and its return',
    losses: ['aborted', 'eventDeliveries', 'pageWalks', 'events'],
    use: 'drmemtrace_launcher -indir OUT -tool basic_counts',
    needs: ['vaddr', 'pc'],
    makeWriter: (trace, losses, { hasGaps }) =>
      new DrmemtraceWriter(trace, losses, WHOLE_SYSTEM, hasGaps),
  },
  {
    name: 'drmemtrace-threads',
    readBy: 'DynamoRIO: its simulators too (cache, TLB, view), which refuse whole-system traces',
    output: 'folder',
    isOneVcpu: false,
    record: 'as drmemtrace',
    units: 'as drmemtrace',
    keeps:
      'as drmemtrace, in the guise of one program with a thread for each vCPU, whose interrupts are signals (KERNEL_EVENT, KERNEL_XFER)',
    loses: 'as drmemtrace',
    losses: ['aborted', 'eventDeliveries', 'pageWalks', 'events'],
    use: 'drmemtrace_launcher -indir OUT -tool cache_simulator -cores 1',
    needs: ['vaddr', 'pc'],
    makeWriter: (trace, losses, { hasGaps }) =>
      new DrmemtraceWriter(trace, losses, THREADS, hasGaps),
  },
  {
    name: 'champsim',
    readBy: 'ChampSim',
    output: 'file',
    isOneVcpu: true,
    record:
      'a record of 64 bytes: an instruction; one more for each further iteration of rep, and for each 4 loads or 2 stores beyond the first',
    units: 'virtual (linear) addresses',
    keeps:
      'instructions, whether branches were taken, kind of branch, registers (2 written, 4 read; numbers of Pin), addresses',
    loses:
      'size and order of the accesses of an instruction, instruction bytes, privilege, address space, physical address; further registers; interrupts, after which the program goes on elsewhere without a mark',
    losses: ['aborted', 'devices', 'eventDeliveries', 'pageWalks', 'addressZero'],
    use: 'champsim -w 1000000 -i 10000000 OUT.xz (or .gz)',
    needs: ['vaddr', 'pc'],
    makeWriter: (trace, losses) => new ChampsimWriter(trace, losses),
  },
  {
    name: 'gem5',
    readBy: 'gem5: TrafficGen, util/decode_packet_trace.py',
    output: 'file',
    isOneVcpu: false,
    record: 'a packet: the part of an access in one line of 64 bytes',
    units: 'ticks of 1 ps; an instruction, of any vCPU, takes 1000; physical addresses; bytes',
    keeps: 'order, direction, physical address, size, pc, vCPU (pkt_id), time in instructions',
    loses: 'instruction fetches, virtual address, privilege, address space',
    losses: ['aborted', 'devices', 'unknownPaddr'],
    use: 'decode_packet_trace.py OUT OUT.txt',
    needs: ['paddr'],
    makeWriter: (_trace, losses, { selection }) => new Gem5Writer(losses, selection.icounts),
  },
  {
    name: 'ramulator2',
    readBy: 'Ramulator 2: frontend LoadStoreTrace',
    output: 'file',
    isOneVcpu: false,
    record:
      'a line "LD 0xADDRESS" or "ST 0xADDRESS": the part of an access in one line of 64 bytes',
    units: 'physical addresses, in bytes',
    keeps: 'order, direction, physical address of the line',
    loses: 'everything else; caches are not modelled: every access goes to memory',
    losses: ['aborted', 'devices', 'unknownPaddr'],
    use: 'LoadStoreTrace(path="OUT", clock_ratio=1); it reads the whole file into memory',
    needs: ['paddr'],
    makeWriter: (_trace, losses) => ramulatorWriter(losses),
  },
  {
    name: 'dramsim3',
    readBy: 'DRAMsim3: dramsim3main -t',
    output: 'file',
    isOneVcpu: false,
    record: 'a line "0xADDRESS READ|WRITE CYCLE": the part of an access in one line of 64 bytes',
    units: 'physical addresses, in bytes; a cycle of memory is an instruction of any vCPU',
    keeps: 'order, direction, physical address of the line, time in instructions',
    loses: 'everything else; caches are not modelled: every access goes to memory',
    losses: ['aborted', 'devices', 'unknownPaddr'],
    use: 'dramsim3main CONFIG.ini -c CYCLES -t OUT; it makes the last request twice',
    needs: ['paddr'],
    makeWriter: (_trace, losses, { selection }) => dramsimWriter(losses, selection.icounts),
  },
  {
    name: 'lackey',
    readBy: "what reads Valgrind's lackey --trace-mem=yes",
    output: 'file',
    isOneVcpu: false,
    record: 'a line "I  ADDRESS,SIZE", " L ADDRESS,SIZE" or " S ADDRESS,SIZE"',
    units: 'virtual (linear) addresses in hexadecimal; bytes in decimal',
    keeps:
      'order, instructions, direction, virtual address, size; a read-modify-write is L, then S (never M)',
    loses: 'vCPU, privilege, address space, physical address, time; iterations of rep have one I',
    losses: ['aborted', 'devices', 'eventDeliveries', 'pageWalks'],
    use: 'as the output of valgrind --tool=lackey --trace-mem=yes',
    needs: ['vaddr'],
    makeWriter: lackeyWriter,
  },
  {
    name: 'din',
    readBy: 'Dinero IV: -informat d',
    output: 'file',
    isOneVcpu: false,
    record:
      'a line "LABEL ADDRESS SIZE": label 0 load, 1 store, 2 fetch; Dinero takes the size for a comment',
    units: 'virtual (linear) addresses in hexadecimal; bytes in decimal',
    keeps: 'order, instructions, direction, virtual address, size',
    loses:
      'vCPU, privilege, address space, physical address, time; iterations of rep have one fetch',
    losses: ['aborted', 'devices', 'eventDeliveries', 'pageWalks'],
    use: 'dineroIV -informat d -l1-dsize 32k -l1-dbsize 64 < OUT',
    needs: ['vaddr'],
    makeWriter: dinWriter,
  },
  {
    name: 'perfetto',
    readBy: 'Perfetto (ui.perfetto.dev), chrome://tracing',
    output: 'file',
    isOneVcpu: false,
    record: "a trace event of Chrome's JSON format",
    units:
      'an instruction, of any vCPU, is shown as 1 ns; counters are accesses per 1000 instructions of all vCPUs',
    keeps:
      'for each vCPU its rate of accesses, by direction and privilege, in windows of about a 4000th of the part, of 1000 instructions at least (the last is shorter); its address spaces over time, those too in which nothing was chosen, unless one of them was',
    loses: 'single accesses',
    losses: ['aborted'],
    use: 'open OUT in the viewer',
    needs: ['icount'],
    makeWriter: (trace, losses, { selection }) => new PerfettoWriter(trace, losses, selection),
  },
  {
    name: 'csv',
    readBy: 'anything',
    output: 'file',
    isOneVcpu: false,
    record: 'a row: an access',
    units: 'addresses in hexadecimal with 0x; icount in instructions of the vCPU; bytes in decimal',
    keeps:
      'everything that is known of an access; the columns are those of "loadstore dump --format csv"',
    loses: 'instructions that access nothing, events',
    losses: ['aborted'],
    use: 'duckdb -c "select op, count(*) from read_csv(\'OUT\') group by op"',
    needs: [],
    makeWriter: (trace, losses, { nameCode }) => new RowExport(trace, losses, 'csv', nameCode),
  },
  {
    name: 'ndjson',
    readBy: 'anything',
    output: 'file',
    isOneVcpu: false,
    record: 'a line: an access as a JSON object',
    units: 'as csv',
    keeps: 'as csv',
    loses: 'as csv',
    losses: ['aborted'],
    use: 'jq -c "select(.op == \\"store\\")" OUT',
    needs: [],
    makeWriter: (trace, losses, { nameCode }) => new RowExport(trace, losses, 'ndjson', nameCode),
  },
];
