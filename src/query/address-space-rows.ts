// SPDX-License-Identifier: Apache-2.0
// Address spaces as rows, with the programs that ran in them: of `address-spaces` and of the report.

import type {
  AddressSpace,
  AddressSpacesParameters,
  SpacePlace,
  TimeWindows,
} from '../analysis/index.ts';
import { formatHex64, TraceError, u64FromNumber } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import type { GuestSymbols } from '../symbols/index.ts';

export interface AddressSpaceRow {
  /** From 1, in the order of first use. */
  readonly number: number;
  /** Guest-physical address of the top-level page table, that of the kernel where there are two. */
  readonly cr3: string;
  /** Of the table that user code runs with; null: the same one. */
  readonly userCr3: string | null;
  readonly accesses: number;
  readonly userAccesses: number;
  readonly first: SpacePlace;
  readonly last: SpacePlace;
  /** Programs given whose code accessed memory in it. */
  readonly programs: readonly string[];
}

/** More do not fit the bits of a number. */
const MAX_PROGRAMS = 31;

/** What the analysis needs to know; reads the notes of the trace. Throws 'bad-argument' for too many programs. */
export async function addressSpacesParameters(
  trace: Trace,
  symbols: GuestSymbols,
  windows: TimeWindows | undefined,
  signal: AbortSignal,
): Promise<AddressSpacesParameters> {
  const programs = programNames(symbols);
  return {
    tables: await readTables(trace, signal),
    programsOfBlock: programs.length === 0 ? undefined : programsOfBlocks(trace, symbols, programs),
    hasGlobalOrder: trace.capabilities['global-order'].status === 'yes',
    windows,
  };
}

export function addressSpaceRows(
  spaces: readonly AddressSpace[],
  symbols: GuestSymbols,
): AddressSpaceRow[] {
  const programs = programNames(symbols);
  return spaces.map(({ table, userTable, programs: mask, byWindow: _byWindow, ...space }) => ({
    ...space,
    cr3: hex(table),
    userCr3: userTable === undefined ? null : hex(userTable),
    programs: programs.filter((_, bit) => (mask & (1 << bit)) !== 0),
  }));
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
