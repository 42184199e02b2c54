// SPDX-License-Identifier: Apache-2.0
// Whose pages they are: which vCPU accessed which of a chunk's virtual pages, by stretch, and from that how many pages
// each vCPU accessed in each bucket. A stretch of one vCPU, as nearly all are, costs a number.

import { BASE_SHIFT } from './layout.ts';

/** Of a chunk's virtual pages. */
export interface VcpuPages {
  /** By stretch: who made all of its accesses; SEVERAL: the shares say who. */
  readonly vcpu: Uint32Array;
  /** A share is what one vCPU accessed in a stretch of several. Stretches ascend. */
  readonly shareStretch: Uint32Array;
  readonly shareVcpu: Uint32Array;
  readonly sharePages: Uint32Array;
  /** Of each share its pages, by index into the chunk's, ascending. */
  readonly page: Uint32Array;
}

/** No vCPU: they have 16 bits. */
const SEVERAL = 0xffff_ffff;

export interface VcpuPageCounter {
  /** `touched`: rows of the stretch until now. */
  switchTo(vcpu: number, touched: Uint32Array): void;
  /** Accessed by the vCPU that was switched to last. */
  add(row: number): void;
  closeStretch(): void;
  finish(pageOfRow: Uint32Array): VcpuPages;
}

interface Share {
  readonly stretch: number;
  readonly vcpu: number;
  readonly rows: ReadonlySet<number>;
}

export function createVcpuPageCounter(firstVcpu: number): VcpuPageCounter {
  const vcpus: number[] = [];
  const shares: Share[] = [];
  /** Of the stretch; empty while it has one vCPU. */
  let rowsOf = new Map<number, Set<number>>();
  let rows: Set<number> | undefined;
  let vcpu = firstVcpu;
  return {
    switchTo(next, touched) {
      if (rowsOf.size === 0 && touched.length > 0) rowsOf.set(vcpu, new Set(touched));
      if (rowsOf.size > 0) {
        rows = rowsOf.get(next) ?? new Set();
        rowsOf.set(next, rows);
      }
      vcpu = next;
    },
    add: (row) => rows?.add(row),
    closeStretch() {
      const own = [...rowsOf].filter(([, { size }]) => size > 0);
      for (const [of, taken] of own) {
        if (own.length > 1) shares.push({ stretch: vcpus.length, vcpu: of, rows: taken });
      }
      vcpus.push(own.length > 1 ? SEVERAL : (own[0]?.[0] ?? vcpu));
      rowsOf = new Map();
      rows = undefined;
    },
    finish: (pageOfRow) => ({
      vcpu: Uint32Array.from(vcpus),
      shareStretch: Uint32Array.from(shares, ({ stretch }) => stretch),
      shareVcpu: Uint32Array.from(shares, (share) => share.vcpu),
      sharePages: Uint32Array.from(shares, (share) => share.rows.size),
      page: Uint32Array.from(
        shares.flatMap((share) =>
          [...share.rows].map((row) => pageOfRow[row]).sort((a, b) => a - b),
        ),
      ),
    }),
  };
}

export function vcpusOfPages(pages: VcpuPages | undefined): Set<number> {
  const found = new Set([...(pages?.vcpu ?? []), ...(pages?.shareVcpu ?? [])]);
  found.delete(SEVERAL);
  return found;
}

/** What a vCPU accessed in a stretch, which is counted from the chunk's first. */
export interface PageShare {
  readonly vcpu: number;
  readonly stretch: number;
  /** By index into the chunk's pages. */
  readonly pages: Uint32Array;
}

/** Of all stretches of a chunk, ascending. */
export function* sharesOf(own: VcpuPages, { cellCount, page }: SharedPages): Generator<PageShare> {
  let [cell, share, sharePage] = [0, 0, 0];
  for (const [stretch, vcpu] of own.vcpu.entries()) {
    const end = cell + cellCount[stretch];
    if (vcpu !== SEVERAL) yield { vcpu, stretch, pages: page.subarray(cell, end) };
    cell = end;
    for (; own.shareStretch[share] === stretch; share++) {
      const next = sharePage + own.sharePages[share];
      const pages = own.page.subarray(sharePage, next);
      yield { vcpu: own.shareVcpu[share], stretch, pages };
      sharePage = next;
    }
  }
}

/** Of a chunk, as PageCounts. */
interface SharedPages {
  readonly cellCount: Uint32Array;
  readonly page: Uint32Array;
}

export interface WorkingSetCounter {
  /** Pages of the vCPU in a stretch, each by its rank; stretches do not descend, and one may come in several pieces. */
  add(vcpu: number, stretch: number, pages: Uint32Array, ranks: Uint32Array): void;
  /** By vCPU and level in time: pages by bucket. Of vCPUs that accessed any. */
  finish(): ReadonlyMap<number, readonly Uint32Array[]>;
}

interface VcpuCounter {
  /** One more than the stretch in which each page was seen last, 0 for none: 4 bytes x pages, for each vCPU of a stream. */
  readonly lastSeen: Uint32Array;
  readonly sets: readonly Uint32Array[];
}

/** `timeShifts`: ascending. */
export function createWorkingSetCounter(
  timeShifts: readonly number[],
  stretchCount: number,
  pageCount: number,
): WorkingSetCounter {
  const stretchShifts = timeShifts.map((timeShift) => timeShift - BASE_SHIFT);
  const counters = new Map<number, VcpuCounter>();
  const counterOf = (vcpu: number): VcpuCounter => {
    const known = counters.get(vcpu);
    if (known !== undefined) return known;
    const made = {
      lastSeen: new Uint32Array(pageCount),
      sets: stretchShifts.map((shift) => new Uint32Array(Math.ceil(stretchCount / 2 ** shift))),
    };
    counters.set(vcpu, made);
    return made;
  };
  return {
    add(vcpu, stretch, pages, ranks) {
      const { lastSeen, sets } = counterOf(vcpu);
      const buckets = stretchShifts.map((shift) => Math.floor(stretch / 2 ** shift));
      const begins = stretchShifts.map((shift, at) => buckets[at] * 2 ** shift);
      for (const page of pages) {
        const rank = ranks[page];
        const last = lastSeen[rank] - 1;
        lastSeen[rank] = stretch + 1;
        // Buckets of coarser levels begin no later: the page is in theirs, too.
        for (let at = 0; at < begins.length && last < begins[at]; at++) sets[at][buckets[at]]++;
      }
    },
    finish: () => new Map([...counters].map(([vcpu, { sets }]) => [vcpu, sets])),
  };
}
