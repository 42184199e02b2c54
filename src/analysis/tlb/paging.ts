// SPDX-License-Identifier: Apache-2.0
// Whether a vCPU translates addresses at all, as far as a trace tells. A block's CPU mode says it of real mode (off: CR0.PG
// needs CR0.PE) and of long mode (on: EFER.LMA is set while it is; Intel SDM 3A 4.1.1). In protected mode outside
// long mode it is what was found last: by the mode before, or told with the page of an access to RAM. SMM begins in real
// mode (Intel SDM 3C 32.4) and gives back what was before; what is told of pages in it does not say.

import { ModeBit } from '../../base/index.ts';
import { PAGING_OFF, type PageKind, sizeOf, UNKNOWN_SIZE } from './page-sizes.ts';

export const PAGING_NOT_KNOWN = 0;
export const PAGING_IS_OFF = 1;
export const PAGING_IS_ON = 2;
const PAGING_BITS = 3;
/** Besides one of these: the block runs in SMM. */
const IN_SMM = 4;

/** Of one vCPU: what was found last, outside SMM and in it, and short cuts that end when that changes, by -1. */
export interface FoundPaging {
  pagingOutside: number;
  pagingInSmm: number;
  fetchVersion: number;
  dataVersion: number;
}

/** What the mode of a block says; undefined: the mode is not known. */
export function pagingOfMode(mode: number | undefined): number {
  if (mode === undefined) return PAGING_NOT_KNOWN;
  const where = (mode & ModeBit.smm) === 0 ? 0 : IN_SMM;
  if ((mode & ModeBit.protected) === 0) return where | PAGING_IS_OFF;
  return where | ((mode & ModeBit.long) === 0 ? PAGING_NOT_KNOWN : PAGING_IS_ON);
}

/** With page tables of four levels; so is what is not known. */
export function isLongMode(mode: number | undefined): boolean {
  return mode === undefined || (mode & ModeBit.long) !== 0;
}

/**
 * Paging while a block runs whose mode says `says`; `told`: what was told of the page for this very access, else
 * UNKNOWN_SIZE. Keeps it.
 */
export function findPaging(found: FoundPaging, says: number, told: PageKind): number {
  // Nearly all there is in most traces.
  if (says === PAGING_IS_ON && found.pagingOutside === PAGING_IS_ON) return says;
  const isInSmm = (says & IN_SMM) !== 0;
  const before = isInSmm ? found.pagingInSmm : found.pagingOutside;
  let paging = says & PAGING_BITS;
  if (paging === PAGING_NOT_KNOWN && told !== UNKNOWN_SIZE) {
    paging = sizeOf(told) === PAGING_OFF ? PAGING_IS_OFF : PAGING_IS_ON;
  }
  if (paging === PAGING_NOT_KNOWN || paging === before) return before;
  if (isInSmm) found.pagingInSmm = paging;
  else found.pagingOutside = paging;
  found.fetchVersion = -1;
  found.dataVersion = -1;
  return paging;
}
