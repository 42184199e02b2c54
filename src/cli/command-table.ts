// SPDX-License-Identifier: Apache-2.0
// Every command, in the order of --help and of docs/cli.md. The module of a command is loaded when it is asked for:
// together they take half a second.

import type { ArgumentSpec, CommandEntry } from './command-spec.ts';

export const PROGRAM_SUMMARY =
  'Records every load and store of an x86 guest operating system in stock QEMU, and reads the trace.';

const TRACE: ArgumentSpec = { name: 'file', description: 'a trace', required: true };

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'record a real Linux boot and print what happened',
    arguments: [],
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
  {
    name: 'doctor',
    summary: 'which QEMUs are here, what each can and cannot see, what to install',
    arguments: [],
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  {
    name: 'explain',
    summary: 'how QEMU makes an instruction reach memory, and what of it a trace has',
    arguments: [
      {
        name: 'instruction',
        description: 'one instruction, as nasm writes it; in quotes',
        required: false,
      },
    ],
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  {
    name: 'conformance',
    summary: 'prove on a QEMU which kinds of access are seen, and which are not',
    arguments: [
      {
        name: 'cases',
        description: 'names of guests, kinds of access, ids of cases; default: all',
        required: false,
        variadic: true,
      },
    ],
    load: async () => (await import('./commands/conformance.ts')).conformanceCommand,
  },
  {
    name: 'record',
    summary: 'run a guest in QEMU and record every load and store',
    arguments: [
      {
        name: 'qemu-arguments',
        description: 'arguments for QEMU, behind "--"',
        required: true,
        variadic: true,
      },
    ],
    load: async () => (await import('./commands/record.ts')).recordCommand,
  },
  {
    name: 'ctl',
    summary: 'pause, resume, stop or look at a running recording',
    arguments: [
      { name: 'recording', description: 'trace file or process id', required: false },
      { name: 'verb', description: 'status (default), pause, resume or stop', required: false },
    ],
    load: async () => (await import('./commands/ctl.ts')).ctlCommand,
  },
  {
    name: 'info',
    summary: 'what a trace holds: provenance, capabilities, totals, bytes per access',
    arguments: [TRACE],
    load: async () => (await import('./commands/info.ts')).infoCommand,
  },
  {
    name: 'check',
    summary: 'read a whole trace: checksums, counts, invariants',
    arguments: [TRACE],
    load: async () => (await import('./commands/check.ts')).checkCommand,
  },
  {
    name: 'audit',
    summary: 'compare what each instruction should access with what was recorded',
    arguments: [TRACE],
    load: async () => (await import('./commands/audit.ts')).auditCommand,
  },
  {
    name: 'dump',
    summary: 'print accesses, one a line',
    arguments: [TRACE],
    load: async () => (await import('./commands/dump.ts')).dumpCommand,
  },
  {
    name: 'events',
    summary: 'print what happened besides accesses, one event a line',
    arguments: [TRACE],
    load: async () => (await import('./commands/events.ts')).eventsCommand,
  },
  {
    name: 'report',
    summary: 'what ran and what it did with memory, on one screen or as a page of HTML',
    arguments: [TRACE],
    load: async () => (await import('./commands/report.ts')).reportCommand,
  },
  {
    name: 'view',
    summary: 'look at a trace in a browser',
    arguments: [TRACE],
    load: async () => (await import('./commands/view.ts')).viewCommand,
  },
  {
    name: 'address-spaces',
    summary: 'list address spaces: when each was used, how much, by whose code',
    arguments: [TRACE],
    load: async () => (await import('./commands/address-spaces.ts')).addressSpacesCommand,
  },
  {
    name: 'counts',
    summary: 'how many accesses of which kind, and the mix of instructions',
    arguments: [TRACE],
    load: async () => (await import('./commands/counts.ts')).countsCommand,
  },
  {
    name: 'cache',
    summary: 'simulate caches: misses by level, function and instruction',
    arguments: [TRACE],
    load: async () => (await import('./commands/cache.ts')).cacheCommand,
  },
  {
    name: 'tlb',
    summary: 'simulate TLBs and page walks',
    arguments: [TRACE],
    load: async () => (await import('./commands/tlb.ts')).tlbCommand,
  },
  {
    name: 'reuse',
    summary: 'reuse distances in unique lines, and the miss ratio of any cache size',
    arguments: [TRACE],
    load: async () => (await import('./commands/reuse.ts')).reuseCommand,
  },
  {
    name: 'sharing',
    summary: 'lines that several vCPUs touch: true and false sharing, by function',
    arguments: [{ name: 'file', description: 'a trace of several vCPUs', required: true }],
    load: async () => (await import('./commands/sharing.ts')).sharingCommand,
  },
  {
    name: 'strides',
    summary: 'by how much the addresses of each instruction move',
    arguments: [TRACE],
    load: async () => (await import('./commands/strides.ts')).stridesCommand,
  },
  {
    name: 'footprint',
    summary: 'working set: how much memory is touched, in all and over time',
    arguments: [TRACE],
    load: async () => (await import('./commands/footprint.ts')).footprintCommand,
  },
  {
    name: 'heat',
    summary: 'which memory is accessed when: addresses x time',
    arguments: [TRACE],
    load: async () => (await import('./commands/heat.ts')).heatCommand,
  },
  {
    name: 'hot',
    summary: 'functions, instructions, pages and lines with the most accesses',
    arguments: [TRACE],
    load: async () => (await import('./commands/hot.ts')).hotCommand,
  },
  {
    name: 'run',
    summary: 'an analysis of your own',
    arguments: [
      { name: 'module', description: 'the analysis: .mjs, .js, .mts or .ts', required: true },
      TRACE,
    ],
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  {
    name: 'query',
    summary: 'ask a trace in SQL',
    arguments: [
      TRACE,
      { name: 'sql', description: 'one SELECT; not with --schema', required: false },
    ],
    load: async () => (await import('./commands/query.ts')).queryCommand,
  },
  {
    name: 'export',
    summary: 'write a trace in the format of another tool',
    arguments: [TRACE],
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  {
    name: 'bench record',
    summary: 'what recording costs: the demo boot untraced and recorded, in turn',
    arguments: [],
    load: async () => (await import('./commands/bench-record.ts')).benchRecordCommand,
  },
  {
    name: 'bench decode',
    summary: 'how fast a trace is read into columns, on one core',
    arguments: [TRACE],
    load: async () => (await import('./commands/bench-decode.ts')).benchDecodeCommand,
  },
  {
    name: 'bench analyse',
    summary: 'how fast the analyses run on a trace, in one thread and in two',
    arguments: [TRACE],
    load: async () => (await import('./commands/bench-analyse.ts')).benchAnalyseCommand,
  },
  {
    name: 'bench view',
    summary: 'how fast the viewer is: its index, its server, and its page in a browser',
    arguments: [{ name: 'file', description: 'a trace', required: false }],
    load: async () => (await import('./commands/bench-view.ts')).benchViewCommand,
  },
];

/** Exit codes that mean the same for every command. */
export const COMMON_EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done'],
  [1, 'the command ran and its answer is no: a check failed, a difference was found'],
  [2, 'the request was wrong: unknown option, missing file name, a file that exists'],
  [3, 'the trace file is damaged, cut, or not a trace'],
  [4, 'the machine lacks something or refused: no QEMU, full disk, no permission, no such file'],
  [70, 'a bug in loadstore'],
  [130, 'interrupted; but "view" ends with 0: Ctrl-C is how it is ended'],
];
