// SPDX-License-Identifier: Apache-2.0
// Architectural accesses against recorded ones, byte by byte: QEMU may split an access or join two. Pure.

import { type ArchitecturalAccess, type Direction, UNKEPT_COMPONENT } from '../isa/index.ts';
import type { ExpectedAccess, SelectedElement } from './expected.ts';

export interface SeenAccess {
  readonly direction: Direction;
  readonly address: bigint;
  readonly bytes: number;
}

export interface Comparison {
  /** What the architecture prescribes and the trace lacks, a phrase each. */
  readonly missing: readonly string[];
  /** What QEMU makes at another address than is prescribed, and the trace has there, a phrase each. */
  readonly elsewhere: readonly string[];
  /** QEMU left out x87's last instruction, whole, as it does whenever it restores. */
  readonly isUnkept: boolean;
  /** Recorded bytes that the architecture does not know. */
  readonly extra: { readonly load: number; readonly store: number };
  /** What was allowed for, a phrase each: accesses that are made on a condition only, and the like. */
  readonly remarks: readonly string[];
}

/** Recorded bytes that no architectural access has claimed yet. */
class Unclaimed {
  readonly #counts = new Map<string, number>();
  readonly #bytes: Record<Direction, number> = { load: 0, store: 0 };

  constructor(seen: readonly SeenAccess[]) {
    for (const { direction, address, bytes } of seen) {
      for (let i = 0; i < bytes; i++) this.#add(direction, address + BigInt(i), 1);
    }
  }

  left(direction: Direction): number {
    return this.#bytes[direction];
  }

  /** All of the bytes or none. */
  claim(direction: Direction, address: bigint, bytes: number): boolean {
    for (let i = 0; i < bytes; i++) {
      if ((this.#counts.get(`${direction} ${address + BigInt(i)}`) ?? 0) === 0) return false;
    }
    for (let i = 0; i < bytes; i++) this.#add(direction, address + BigInt(i), -1);
    return true;
  }

  /** So many bytes, wherever; or none. */
  claimAnywhere(direction: Direction, bytes: number): boolean {
    if (this.#bytes[direction] < bytes) return false;
    let open = bytes;
    for (const [key, count] of this.#counts) {
      if (open === 0) break;
      if (!key.startsWith(direction) || count === 0) continue;
      const taken = Math.min(count, open);
      this.#counts.set(key, count - taken);
      this.#bytes[direction] -= taken;
      open -= taken;
    }
    return true;
  }

  #add(direction: Direction, address: bigint, change: number): void {
    const key = `${direction} ${address}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + change);
    this.#bytes[direction] += change;
  }
}

export function compareAccesses(
  expected: readonly ExpectedAccess[],
  seen: readonly SeenAccess[],
): Comparison {
  const unclaimed = new Unclaimed(seen);
  const missing: string[] = [];
  const elsewhere: string[] = [];
  const unkept: string[] = [];
  const remarks: string[] = [];
  // What has an address first, what is sure before what is not: bytes are claimed by who can say most.
  const rank = ({ access, address }: ExpectedAccess): number =>
    (address === undefined ? 2 : 0) + (access.occurrence === 'conditional' ? 1 : 0);
  for (const one of expected.toSorted((a, b) => rank(a) - rank(b))) {
    const problem = claimOne(one, unclaimed, { elsewhere, unkept, remarks });
    if (problem !== undefined) missing.push(problem);
  }
  return {
    missing,
    elsewhere,
    isUnkept: unkept.length > 0,
    extra: { load: unclaimed.left('load'), store: unclaimed.left('store') },
    remarks: [...new Set(remarks)],
  };
}

interface Notes {
  readonly elsewhere: string[];
  readonly unkept: string[];
  readonly remarks: string[];
}

function claimOne(one: ExpectedAccess, unclaimed: Unclaimed, notes: Notes): string | undefined {
  const { access } = one;
  const { remarks } = notes;
  switch (access.kind) {
    case 'state-area':
      return claimFields(one, unclaimed, notes);
    case 'masked':
      return claimElements(one, unclaimed, notes);
    default:
      return access.occurrence === 'per-iteration'
        ? claimIterations(one, unclaimed, remarks)
        : claimOnce(one, unclaimed, remarks);
  }
}

function claimOnce(
  one: ExpectedAccess,
  unclaimed: Unclaimed,
  remarks: string[],
): string | undefined {
  const { access, address } = one;
  if (claimAt(address, access, unclaimed)) return undefined;
  if (access.occurrence === 'always') return describeExpected(one);
  remarks.push(`${describeExpected(one)} is made only if ${access.condition}`);
  return undefined;
}

function claimAt(
  address: bigint | undefined,
  { direction, bytes }: ArchitecturalAccess,
  unclaimed: Unclaimed,
): boolean {
  return address === undefined
    ? unclaimed.claimAnywhere(direction, bytes)
    : unclaimed.claim(direction, address, bytes);
}

function claimIterations(
  one: ExpectedAccess,
  unclaimed: Unclaimed,
  remarks: string[],
): string | undefined {
  const { access, addressAt, count, mayEndEarly } = one;
  let done = 0;
  while (done < count && claimAt(addressAt(done), access, unclaimed)) done++;
  if (done === count) return undefined;
  if (done === 0 || !mayEndEarly) {
    return `${describeExpected(one)}: ${count - done} of ${count} iterations`;
  }
  remarks.push(`the comparison ended it after ${done} of ${count} iterations`);
  return undefined;
}

function claimFields(
  one: ExpectedAccess,
  unclaimed: Unclaimed,
  { unkept, remarks }: Notes,
): string | undefined {
  const { access, address } = one;
  if (address === undefined || access.fields === undefined) return describeExpected(one);
  const lacking: string[] = [];
  const skipped = new Set<string>();
  for (const component of new Set(access.fields.map((field) => field.component))) {
    const fields = access.fields.filter((field) => field.component === component);
    const there = fields.filter(({ offset, bytes }) =>
      unclaimed.claim(access.direction, address + BigInt(offset), bytes),
    );
    if (there.length === fields.length) continue;
    if (there.length === 0 && component === UNKEPT_COMPONENT) unkept.push(component);
    else if (there.length === 0 && fields.every(({ optional }) => optional)) skipped.add(component);
    else lacking.push(component);
  }
  if (skipped.size > 0) {
    const word = access.direction === 'load' ? 'not loaded' : 'not stored';
    remarks.push(`${word}, as it may be: ${[...skipped].join(', ')}`);
  }
  return lacking.length === 0 ? undefined : `${describeExpected(one)}: ${lacking.join(', ')}`;
}

function claimElements(
  one: ExpectedAccess,
  unclaimed: Unclaimed,
  { elsewhere, remarks }: Notes,
): string | undefined {
  const { access, selected } = one;
  const { elements } = access;
  if (elements === undefined || selected === undefined) return claimOnce(one, unclaimed, remarks);
  const claims = (address: bigint): boolean =>
    unclaimed.claim(access.direction, address, elements.bytes);
  const absent = selected.filter(({ address }) => !claims(address));
  const moved = absent.filter(({ uncut }) => claims(uncut));
  elsewhere.push(...moved.map((element) => describeUncut(one, element)));
  const lacking = absent.filter((element) => !moved.includes(element));
  if (lacking.length > 0) {
    const numbers = lacking.map(({ element }) => element).join(', ');
    return `${describeElement(one)}: element ${numbers}`;
  }
  remarks.push(
    `the mask in ${elements.mask ?? 'its register'} selects ${selected.length} of ${elements.count} elements`,
  );
  return undefined;
}

/** Where QEMU makes the access to an element. */
export function describeUncut(one: ExpectedAccess, { element, uncut }: SelectedElement): string {
  return `${describeElement(one)}: element ${element} at 0x${uncut.toString(16)}`;
}

function describeElement(one: ExpectedAccess): string {
  const { access } = one;
  const bytes = access.elements?.bytes ?? access.bytes;
  return describeExpected({ ...one, access: { ...access, bytes } });
}

function describeExpected({ access, expression }: ExpectedAccess): string {
  const place = expression === '' ? '' : ` at ${expression}`;
  return `${access.direction} ${access.bytes}${place}${kindWord(access)}`;
}

function kindWord({ kind }: ArchitecturalAccess): string {
  return kind === 'descriptor' || kind === 'tss' || kind === 'vmcb' ? ` (${kind})` : '';
}
