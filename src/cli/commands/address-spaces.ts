// SPDX-License-Identifier: Apache-2.0
import { ExitCode } from '../../base/index.ts';
import { openTrace, type Trace } from '../../format/index.ts';
import { addressSpaceRows } from '../../query/index.ts';
import { findAddressSpaces } from '../address-space-option.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  JSON_OPTION,
  printResult,
  wordAt,
} from '../command-spec.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from '../guest-symbols.ts';
import { renderAddressSpaces } from '../render/address-spaces.ts';
import type { AddressSpacesCommandResult } from '../results.ts';

export const addressSpacesCommand: CommandSpec = {
  details: `An address space is a top-level page table that CR3 named, numbered in the order of first use. A kernel gives the page of
a process that ended to a new one: when a table is filled anew while no vCPU uses it, what comes after is another address
space. Where the kernel keeps two tables for each process (page table isolation), they are one address space. A trace holds
addresses and no contents of memory, so that the names of processes are not in it; but a program given with --symbols is
recognised by the bytes of its code, in each address space that ran it, with the accesses that this code made: all applets of
one busybox are "busybox". Of the demo's guest that is done without being asked. Address spaces in which no user code ran are the kernel's and
the firmware's.`,
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

async function readAddressSpaces(
  trace: Trace,
  input: CommandInput,
  context: CliContext,
): Promise<AddressSpacesCommandResult> {
  const symbols = await readGuestSymbols(input, context, trace);
  const { isolated, spaces } = await findAddressSpaces(context, trace, symbols);
  return {
    parameters: { file: trace.path, symbols: symbols.findings },
    result: { isolated, addressSpaces: addressSpaceRows(spaces, symbols) },
  };
}
