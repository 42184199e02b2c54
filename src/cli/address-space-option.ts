// SPDX-License-Identifier: Apache-2.0
// --address-space: a number as `address-spaces` lists them, or a value of CR3.

import { availableParallelism } from 'node:os';
import {
  type AddressSpace,
  type AddressSpacesResult,
  addressSpacesAnalysis,
  type SelectedSpace,
  type Span,
} from '../analysis/index.ts';
import { parseCount, TraceError, u64FromNumber } from '../base/index.ts';
import { analyse } from '../engine/index.ts';
import type { Trace } from '../format/index.ts';
import { addressSpacesParameters, quoteWord } from '../query/index.ts';
import type { GuestSymbols } from '../symbols/index.ts';
import { type CliContext, type CommandInput, findText } from './command-spec.ts';
import { withAbort } from './interrupts.ts';
import { type StatusLine, statusLine } from './status-line.ts';
import { requireAddress, requireCapability } from './trace-options.ts';

/** Decoding is what takes the time; more threads than that find the disk busy. */
const MAX_WORKERS = 4;

/** Reads the whole trace, with a progress line. */
export async function findAddressSpaces(
  context: CliContext,
  trace: Trace,
  symbols: GuestSymbols,
): Promise<AddressSpacesResult> {
  const line = statusLine(context);
  const threads = availableParallelism();
  try {
    return await withAbort(async (signal) =>
      analyseAddressSpaces(trace, symbols, { line, threads, signal }),
    );
  } finally {
    line.clear();
  }
}

/** The same within other work, which has the line and the signal. */
export async function analyseAddressSpaces(
  trace: Trace,
  symbols: GuestSymbols,
  run: { readonly line: StatusLine; readonly threads: number; readonly signal: AbortSignal },
): Promise<AddressSpacesResult> {
  const { line, threads, signal } = run;
  const parameters = await addressSpacesParameters(trace, symbols, undefined, signal);
  const [result] = await analyse(trace, [{ analysis: addressSpacesAnalysis, parameters }], {
    workers: threads === 1 ? 0 : Math.min(MAX_WORKERS, threads),
    onProgress: (part) => {
      line.showPart(part, 'finding address spaces');
    },
    signal,
  });
  return result;
}

export interface ChosenSpace {
  readonly addressSpace: SelectedSpace;
  /** When it was in use; undefined: the page table may have been that of several, one after the other. */
  readonly ordinals: Span | undefined;
}

const FLAG = '--address-space';
const PAIR_BIT = 0x1000;

/**
 * Where the kernel has a page table of its own beside that of user code, both are chosen. Throws TraceError
 * 'bad-argument' for a number that there is not, 'missing-capability' for a trace without CR3.
 */
export async function addressSpaceFrom(
  input: CommandInput,
  context: CliContext,
  trace: Trace,
  symbols: GuestSymbols,
): Promise<ChosenSpace | undefined> {
  const text = findText(input, 'addressSpace');
  if (text === undefined) return undefined;
  requireCapability(trace, 'address-space', FLAG);
  if (/^\d+$/.test(text)) {
    const { spaces } = await findAddressSpaces(context, trace, symbols);
    return spaceNumbered(trace, spaces, parseCount(text, FLAG), text);
  }
  const cr3 = requireAddress(
    text,
    FLAG,
    `a number that "loadstore address-spaces ${quoteWord(trace.path)}" lists, or a CR3: ${FLAG} 0x3c15000`,
  );
  if (!(await hasNeighbour(trace, cr3))) return { addressSpace: cr3, ordinals: undefined };
  const { spaces } = await findAddressSpaces(context, trace, symbols);
  const isPair = spaces.some(
    ({ table, userTable }) =>
      userTable !== undefined &&
      [table, userTable].some((one) => pageOf(one) === pageOf(join(cr3))),
  );
  return { addressSpace: { ...cr3, isPair }, ordinals: undefined };
}

function spaceNumbered(
  trace: Trace,
  spaces: readonly AddressSpace[],
  number: number,
  text: string,
): ChosenSpace {
  const space = spaces.find((one) => one.number === number);
  if (space === undefined) {
    throw new TraceError('bad-argument', `${FLAG}: there is no address space of that number`, {
      expected: `1 to ${spaces.length}, as "loadstore address-spaces" lists them, or a CR3 with 0x`,
      found: text,
      remedy: `loadstore address-spaces ${quoteWord(trace.path)}, for their numbers`,
    });
  }
  const { table, userTable, first, last } = space;
  const hasOrder = trace.capabilities['global-order'].status === 'yes';
  return {
    addressSpace: { ...u64FromNumber(table), isPair: userTable !== undefined },
    ordinals: hasOrder ? { begin: first.ordinal, end: last.ordinal + 1 } : undefined,
  };
}

/** Whether CR3 had the table of the neighbouring page, too: else they are no pair. */
async function hasNeighbour(
  trace: Trace,
  cr3: { readonly lo: number; readonly hi: number },
): Promise<boolean> {
  const wanted = pageOf(join(cr3) + ((cr3.lo & PAIR_BIT) === 0 ? PAIR_BIT : -PAIR_BIT));
  const isIt = (value: bigint): boolean => pageOf(Number(BigInt.asUintN(52, value))) === wanted;
  if (trace.chunks.some(({ vcpuStates }) => vcpuStates.some((state) => isIt(state.cr3))))
    return true;
  for await (const note of trace.notes({ kinds: ['cr3'] })) {
    if (note.kind === 'cr3' && isIt(note.cr3)) return true;
  }
  return false;
}

const HI_MASK = 0x000f_ffff;

function join({ lo, hi }: { readonly lo: number; readonly hi: number }): number {
  return (hi & HI_MASK) * 2 ** 32 + lo;
}

function pageOf(address: number): number {
  return Math.floor(address / PAIR_BIT);
}
