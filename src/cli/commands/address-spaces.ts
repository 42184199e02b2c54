// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import { addressSpacesAnalysis } from '../../analysis/index.ts';
import { ExitCode, formatHex64, TraceError, u64FromNumber } from '../../base/index.ts';
import { analyse } from '../../engine/index.ts';
import { openTrace, type Trace } from '../../format/index.ts';
import type { GuestSymbols } from '../../symbols/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  JSON_OPTION,
  printResult,
  wordAt,
} from '../command-spec.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from '../guest-symbols.ts';
import { withAbort } from '../interrupts.ts';
import { renderAddressSpaces } from '../render/address-spaces.ts';
import type { AddressSpacesCommandResult } from '../results.ts';
import { drawBar, statusLine } from '../status-line.ts';

export const addressSpacesCommand: CommandSpec = {
  name: 'address-spaces',
  summary: 'list address spaces: when each was used, how much, by whose code',
  details: `An address space is a top-level page table that CR3 named, numbered in the order of first use. A kernel gives the page of
a process that ended to a new one: when a table is filled anew while no vCPU uses it, what comes after is another address
space. Where the kernel keeps two tables for each process (page table isolation), they are one address space. A trace holds
addresses and no contents of memory, so that the names of processes are not in it; but a program given with --symbols is
recognised by its code, in each address space that ran it. Address spaces in which no user code ran are the kernel's and
the firmware's.`,
  arguments: [{ name: 'file', description: 'a trace', required: true }],
  options: [SYMBOLS_OPTION, JSON_OPTION],
  examples: [
    'loadstore address-spaces boot.memtrace',
    'loadstore address-spaces boot.memtrace --symbols busybox --json',
  ],
  run: async (input, context) => {
    const trace = await openTrace(wordAt(input, 0));
    try {
      const result = await readAddressSpaces(trace, input, context);
      await printResult(context, input, result, renderAddressSpaces);
      return ExitCode.ok;
    } finally {
      await trace.close();
    }
  },
};

/** More do not fit the bits of a number. */
const MAX_PROGRAMS = 31;
/** Decoding is what takes the time; more threads than that find the disk busy. */
const MAX_WORKERS = 4;

async function readAddressSpaces(
  trace: Trace,
  input: CommandInput,
  context: CliContext,
): Promise<AddressSpacesCommandResult> {
  const symbols = await readGuestSymbols(input, context, trace);
  const programs = programNames(symbols);
  const line = statusLine(context);
  const cores = availableParallelism();
  try {
    const { isolated, spaces } = await withAbort(async (signal) => {
      const parameters = {
        tables: await readTables(trace, signal),
        programsOfBlock:
          programs.length === 0 ? undefined : programsOfBlocks(trace, symbols, programs),
        hasGlobalOrder: trace.capabilities['global-order'].status === 'yes',
      };
      const [result] = await analyse(trace, [{ analysis: addressSpacesAnalysis, parameters }], {
        workers: cores === 1 ? 0 : Math.min(MAX_WORKERS, cores),
        onProgress: (part) => {
          line.show(drawBar(part, 'reading the trace'));
        },
        signal,
      });
      return result;
    });
    return {
      parameters: { file: trace.path, symbols: symbols.findings },
      result: {
        isolated,
        addressSpaces: spaces.map(({ table, userTable, programs: mask, ...space }) => ({
          ...space,
          cr3: hex(table),
          userCr3: userTable === undefined ? null : hex(userTable),
          programs: programs.filter((_, bit) => (mask & (1 << bit)) !== 0),
        })),
      },
    };
  } finally {
    line.clear();
  }
}

function hex(address: number): string {
  const { lo, hi } = u64FromNumber(address);
  return formatHex64(lo, hi);
}

async function readTables(trace: Trace, signal: AbortSignal): Promise<bigint[]> {
  const tables = new Set(
    trace.chunks.flatMap(({ vcpuStates }) => vcpuStates.map(({ cr3 }) => cr3)),
  );
  for await (const note of trace.notes({ kinds: ['cr3'], signal })) {
    if (note.kind === 'cr3') tables.add(note.cr3);
  }
  return [...tables];
}

function programNames(symbols: GuestSymbols): readonly string[] {
  const names = new Set<string>();
  for (const finding of symbols.findings) if (finding.kind === 'program') names.add(finding.name);
  if (names.size <= MAX_PROGRAMS) return [...names];
  throw new TraceError('bad-argument', 'too many programs are named with --symbols', {
    expected: `at most ${MAX_PROGRAMS}`,
    found: `${names.size}`,
  });
}

function programsOfBlocks(
  trace: Trace,
  symbols: GuestSymbols,
  programs: readonly string[],
): Uint32Array {
  return Uint32Array.from({ length: trace.code.blockCount }, (_, block) => {
    const name = symbols.findProgram(block);
    return name === undefined ? 0 : 1 << programs.indexOf(name);
  });
}
