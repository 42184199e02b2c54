// SPDX-License-Identifier: Apache-2.0
// The slow twin of the TLBs: lists of translations, one look-up at a time.

import type { TlbGeometry, TlbParameters } from './tlb-parameters.ts';

export interface PageKindFact {
  /** 0: paging off. */
  readonly pageBytes: number;
  readonly isGlobal: boolean;
}

export interface PageFact {
  /** Told of this very page; of a neighbour, last. */
  readonly own: PageKindFact | undefined;
  readonly near: PageKindFact | undefined;
}

export type TlbEvent =
  | { readonly kind: 'cr3'; readonly vcpu: number; readonly cr3: bigint }
  | {
      readonly kind: 'fetch' | 'data';
      readonly vcpu: number;
      readonly address: bigint;
      /** First byte of the access or instruction that `address` is a byte of. */
      readonly begin: bigint;
      /** CPU mode (docs/format.md 2); undefined: not known. */
      readonly mode: number | undefined;
      /** The access went to a device. */
      readonly isDevice?: boolean;
      readonly page: PageFact;
    };

interface Entry {
  readonly page: bigint;
  readonly pageBytes: number;
  readonly space: bigint | 'global';
}

interface SlowTlb {
  readonly geometry: TlbGeometry;
  sets: Entry[][];
}

export interface SlowTlbCounts {
  fetches: number;
  fetchMisses: number;
  data: number;
  dataMisses: number;
  second: number;
  secondMisses: number;
  walks: number;
  reads: number[];
  shortWalks: number;
  flushes: number;
  untranslated: number;
  assumedSizes: number;
  unknownSizes: number;
}

export function simulateTlbSlowly(
  parameters: TlbParameters,
  events: readonly TlbEvent[],
): SlowTlbCounts {
  const counts: SlowTlbCounts = {
    ...{ fetches: 0, fetchMisses: 0, data: 0, dataMisses: 0, second: 0, secondMisses: 0, walks: 0 },
    reads: [0, 0, 0, 0],
    ...{ shortWalks: 0, flushes: 0, untranslated: 0, assumedSizes: 0, unknownSizes: 0 },
  };
  const { walkCache } = parameters;
  const make = (geometry: TlbGeometry): SlowTlb => ({
    geometry,
    sets: Array.from({ length: geometry.entries / geometry.ways }, () => []),
  });
  const machines = new Map<number, ReturnType<typeof machine>>();
  const machine = () => ({
    l1i: make(parameters.l1i),
    l1d: make(parameters.l1d),
    l2: parameters.l2 === undefined ? undefined : make(parameters.l2),
    // By level of the tables: PML4, PDPT, directory.
    upper: [walkCache.pml4e, walkCache.pdpte, walkCache.pde].map((entries) =>
      entries === 0 ? undefined : make({ entries, ways: entries }),
    ),
    space: 0n,
    hasLooked: false,
    openFlushes: 0,
    // Outside SMM, in SMM.
    paging: new Map<boolean, 'on' | 'off'>(),
  });
  for (const event of events) {
    const one = machines.get(event.vcpu) ?? machine();
    machines.set(event.vcpu, one);
    if (event.kind === 'cr3') {
      if (parameters.spaces === 'tagged') {
        one.space = (event.cr3 >> 12n) % 2n ** 40n;
        continue;
      }
      if (one.hasLooked) one.openFlushes++;
      for (const tlb of [one.l1i, one.l1d, one.l2, ...one.upper]) {
        if (tlb === undefined) continue;
        tlb.sets = tlb.sets.map((set) => set.filter(({ space }) => space === 'global'));
      }
      continue;
    }
    const { address, mode } = event;
    const isLong = mode === undefined || (mode >> 14) % 2 === 1;
    const inSmm = mode !== undefined && (mode >> 19) % 2 === 1;
    const told = event.kind === 'data' && event.isDevice !== true ? event.page.own : undefined;
    if (mode !== undefined && (mode >> 7) % 2 === 0) one.paging.set(inSmm, 'off');
    else if (mode !== undefined && isLong) one.paging.set(inSmm, 'on');
    else if (told !== undefined) one.paging.set(inSmm, told.pageBytes === 0 ? 'off' : 'on');
    const paging = one.paging.get(inSmm);
    const candidates = [event.page.own, event.page.near].map((fact) =>
      paging === 'on' && fact?.pageBytes === 0 ? undefined : fact,
    );
    const page = candidates[0] ?? candidates[1];
    if (paging === 'off' || page?.pageBytes === 0) {
      counts.untranslated++;
      continue;
    }
    const pageBytes = parameters.pageBytes ?? page?.pageBytes ?? 4096;
    const isSecondPart = event.begin >> 12n !== address >> 12n;
    if (isSecondPart && event.begin / BigInt(pageBytes) === address / BigInt(pageBytes)) continue;
    if (parameters.pageBytes === undefined) {
      if (page === undefined) counts.unknownSizes++;
      else if (candidates[0] === undefined) counts.assumedSizes++;
    }
    one.hasLooked = true;
    counts.flushes += one.openFlushes;
    one.openFlushes = 0;
    const isFetch = event.kind === 'fetch';
    counts[isFetch ? 'fetches' : 'data']++;
    const isGlobal = parameters.pageBytes === undefined && page?.isGlobal === true;
    const entry: Entry = {
      page: address / BigInt(pageBytes),
      pageBytes,
      space: isGlobal ? 'global' : one.space,
    };
    const first = isFetch ? one.l1i : one.l1d;
    if (use(first, entry, one.space)) continue;
    counts[isFetch ? 'fetchMisses' : 'dataMisses']++;
    if (one.l2 !== undefined) counts.second++;
    if (one.l2 === undefined || !use(one.l2, entry, one.space)) {
      if (one.l2 !== undefined) {
        counts.secondMisses++;
        put(one.l2, entry);
      }
      counts.walks++;
      const levels = [39n, 30n, 21n, 12n];
      const last = pageBytes === 2 ** 12 ? 3 : pageBytes === 2 ** 30 ? 1 : 2;
      const top = isLong ? 0 : 2;
      const upperEntry = (level: number): Entry => ({
        page: address >> (levels[level] ?? 0n),
        pageBytes: 0,
        space: one.space,
      });
      let begin = top;
      for (let level = top; level < last; level++) {
        const held = one.upper[level];
        if (held !== undefined && find(held, upperEntry(level), one.space) >= 0) begin = level + 1;
      }
      if (begin > top) {
        counts.shortWalks++;
        const held = one.upper[begin - 1];
        if (held !== undefined) use(held, upperEntry(begin - 1), one.space);
      }
      for (let level = begin; level <= last; level++) {
        counts.reads[level] = (counts.reads[level] ?? 0) + 1;
        const held = one.upper[level];
        if (level < last && held !== undefined) put(held, upperEntry(level));
      }
    }
    put(first, entry);
  }
  return counts;
}

function setOf(tlb: SlowTlb, { page }: Entry): Entry[] {
  return tlb.sets[Number(page % BigInt(tlb.sets.length))] ?? [];
}

function find(tlb: SlowTlb, wanted: Entry, space: bigint): number {
  return setOf(tlb, wanted).findIndex(
    (one) =>
      one.page === wanted.page &&
      one.pageBytes === wanted.pageBytes &&
      (one.space === 'global' || one.space === space),
  );
}

function use(tlb: SlowTlb, wanted: Entry, space: bigint): boolean {
  const place = find(tlb, wanted, space);
  const set = setOf(tlb, wanted);
  if (place >= 0) set.unshift(...set.splice(place, 1));
  return place >= 0;
}

function put(tlb: SlowTlb, entry: Entry): void {
  const set = setOf(tlb, entry);
  set.unshift(entry);
  if (set.length > tlb.geometry.ways) set.pop();
}
