// SPDX-License-Identifier: Apache-2.0
// Address spaces as rows, with the programs that ran in them: of `address-spaces` and of the report.

import type {
  AddressSpace,
  AddressSpacesParameters,
  SpacePlace,
  TimeWindows,
} from '../analysis/index.ts';
import { formatHex64, formatRatio, type U64, u64FromBigint, u64FromNumber } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import type { GuestSymbols } from '../symbols/index.ts';

export interface AddressSpaceRow {
  /** From 1, in the order of first use. */
  readonly number: number;
  /** Guest-physical address of the top-level page table, that of the kernel where there are two. */
  readonly cr3: string;
  /** Of the table that user code runs with; null: the same one. */
  readonly userCr3: string | null;
  /** Values of CR3 that name it, ascending: of both tables, with process-context identifiers. */
  readonly cr3Values: readonly string[];
  readonly accesses: number;
  readonly userAccesses: number;
  readonly first: SpacePlace;
  readonly last: SpacePlace;
  /** Programs whose code, told by its bytes, accessed memory in it; the one that did so most is first. */
  readonly programs: readonly ProgramOfSpace[];
}

export interface ProgramOfSpace {
  readonly name: string;
  /** By its code: of the row's userAccesses. */
  readonly accesses: number;
}

/** What the analysis needs to know; reads the notes of the trace. */
export async function addressSpacesParameters(
  trace: Trace,
  symbols: GuestSymbols,
  windows: TimeWindows | undefined,
  signal: AbortSignal,
): Promise<AddressSpacesParameters> {
  const programs = programNames(symbols);
  return {
    tables: await readTables(trace, signal),
    programOfBlock: programs.length === 0 ? undefined : programOfBlocks(trace, symbols, programs),
    programCount: programs.length,
    hasGlobalOrder: trace.capabilities['global-order'].status === 'yes',
    windows,
  };
}

export function addressSpaceRows(
  spaces: readonly AddressSpace[],
  symbols: GuestSymbols,
): AddressSpaceRow[] {
  const programs = programNames(symbols);
  return spaces.map(({ table, userTable, programAccesses, byWindow: _byWindow, ...space }) => ({
    ...space,
    cr3: hex(u64FromNumber(table)),
    userCr3: userTable === undefined ? null : hex(u64FromNumber(userTable)),
    cr3Values: space.cr3Values.map((value) => hex(u64FromBigint(value))),
    programs: programs
      .map((name, program) => ({ name, accesses: programAccesses[program] ?? 0 }))
      .filter(({ accesses }) => accesses > 0)
      .sort((a, b) => b.accesses - a.accesses),
  }));
}

/** "busybox"; "sh 93.1 %, other user code": parts of the accesses by user code; "no user code". */
export function describeRan({ programs, userAccesses }: AddressSpaceRow): string {
  if (userAccesses === 0) return 'no user code';
  if (programs.length === 0) return 'user code';
  const known = programs.reduce((sum, { accesses }) => sum + accesses, 0);
  if (programs.length === 1 && known >= userAccesses)
    return programs.map(({ name }) => name).join();
  return [
    ...programs.map(({ name, accesses }) => `${name} ${formatRatio(accesses, userAccesses)}`),
    ...(known >= userAccesses ? [] : ['other user code']),
  ].join(', ');
}

function hex({ lo, hi }: U64): string {
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
  return [...names];
}

function programOfBlocks(
  trace: Trace,
  symbols: GuestSymbols,
  programs: readonly string[],
): Uint16Array {
  return Uint16Array.from({ length: trace.code.blockCount }, (_, block) => {
    const name = symbols.findProgram(block);
    return name === undefined ? 0 : programs.indexOf(name) + 1;
  });
}
