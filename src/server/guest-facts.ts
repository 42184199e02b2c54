// SPDX-License-Identifier: Apache-2.0
// What is worked out of the whole trace once, behind what the page asks: names of device regions, and address spaces as
// "loadstore address-spaces" numbers them. Until it is there it is not known, and nothing waits for it.

import { addressSpacesAnalysis } from '../analysis/index.ts';
import { analyse } from '../engine/index.ts';
import type { Trace } from '../format/index.ts';
import {
  type AddressSpaceRow,
  addressSpaceRows,
  addressSpacesParameters,
  describeRan,
} from '../query/index.ts';
import type { GuestSymbols } from '../symbols/index.ts';

export interface GuestFacts {
  /** Device region at a guest-physical address, as it was at that access; null: none, or not known. */
  regionOf(stream: number, ordinal: number, paddr: bigint): string | null;
  /** "3", "4: busybox": the address space that a table was then; null: not known. */
  addressSpaceOf(cr3: bigint, ordinal: number): string | null;
  /** All of them; undefined: not known. */
  findAddressSpaces(): readonly AddressSpaceRow[] | undefined;
}

interface Region {
  readonly stream: number;
  readonly ordinal: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly name: string;
}

const CR3_ADDRESS = 0x000f_ffff_ffff_f000n;

export interface GuestFactsReader {
  readonly facts: GuestFacts;
  /** Reads; throws as the trace does, and the signal's reason. What was read so far stands. */
  readonly read: (signal: AbortSignal) => Promise<void>;
}

export function createGuestFacts(trace: Trace, symbols: GuestSymbols): GuestFactsReader {
  const regions: Region[] = [];
  let rows: readonly AddressSpaceRow[] | undefined;
  const facts: GuestFacts = {
    regionOf(stream, ordinal, paddr) {
      const region = regions.findLast(
        (one) =>
          paddr >= one.first &&
          paddr <= one.last &&
          (one.stream !== stream || one.ordinal <= ordinal),
      );
      return region?.name ?? null;
    },
    addressSpaceOf(cr3, ordinal) {
      const table = cr3 & CR3_ADDRESS;
      const isOf = (row: AddressSpaceRow): boolean =>
        BigInt(row.cr3) === table || (row.userCr3 !== null && BigInt(row.userCr3) === table);
      const ofTable = rows?.filter(isOf) ?? [];
      const row = ofTable.findLast(({ first }) => first.ordinal <= ordinal) ?? ofTable[0];
      if (row === undefined) return null;
      return `${row.number}: ${describeRan(row)}`;
    },
    findAddressSpaces: () => rows,
  };
  return {
    facts,
    async read(signal) {
      if (trace.capabilities.region.status !== 'no') {
        for await (const note of trace.notes({ kinds: ['region'], signal })) {
          if (note.kind === 'region') regions.push(note);
        }
      }
      if (trace.capabilities['address-space'].status === 'no') return;
      // One thread: the page comes first.
      rows = await readAddressSpaces(trace, symbols, { workers: 1, signal });
    },
  };
}

/** Reads the whole trace in other threads. */
export async function readAddressSpaces(
  trace: Trace,
  symbols: GuestSymbols,
  run: {
    readonly workers: number;
    readonly signal: AbortSignal;
    readonly onProgress?: (part: number) => void;
  },
): Promise<readonly AddressSpaceRow[]> {
  const parameters = await addressSpacesParameters(trace, symbols, undefined, run.signal);
  const requests = [{ analysis: addressSpacesAnalysis, parameters }] as const;
  const [{ spaces }] = await analyse(trace, requests, { ...run, keepsFree: true });
  return addressSpaceRows(spaces, symbols);
}
