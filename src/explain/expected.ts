// SPDX-License-Identifier: Apache-2.0
// The architectural accesses of an instruction with the addresses that the preset registers make of them. Pure.

import { type ArchitecturalAccess, type DecodedInstruction, formatAddress } from '../isa/index.ts';
import { type MachineState, SEGMENT_BASES, valueOf } from './machine-state.ts';
import { elementOf, findVector, selectedElements } from './vector-state.ts';

export interface ExpectedAccess {
  readonly access: ArchitecturalAccess;
  /** "ss:rsp-0x8"; '' when the code alone does not tell. */
  readonly expression: string;
  /** Linear, of the first occurrence; undefined when the code alone does not tell. */
  readonly address: bigint | undefined;
  /** Linear, of an occurrence, the first of which is 0; undefined as `address` is. */
  readonly addressAt: (occurrence: number) => bigint | undefined;
  /** Of 'masked': those that the mask selects; undefined when it cannot be said. */
  readonly selected: readonly SelectedElement[] | undefined;
  /** Most occurrences, as the preset repeat count has it. */
  readonly count: number;
  /** From one occurrence to the next, modulo the size of the address. */
  readonly step: bigint;
  /** A comparison may end the repetition. */
  readonly mayEndEarly: boolean;
}

export interface SelectedElement {
  /** Its number, from the lowest on. */
  readonly element: number;
  /** Linear. */
  readonly address: bigint;
  /** The same where the sum of the operand's address and the element's distance is not cut to 32 bits, as in QEMU. */
  readonly uncut: bigint;
}

const DIRECTION_FLAG = 1n << 10n;

/** `next` is the linear address of the next instruction. */
export function expectAccesses(
  { accesses, mnemonic }: DecodedInstruction,
  state: MachineState,
  next: bigint,
): ExpectedAccess[] {
  const isDown = (state.flags.value & DIRECTION_FLAG) !== 0n;
  return accesses.map((access) => {
    const { bytes, occurrence, elements } = access;
    const address = elements?.index?.from ?? access.address;
    const isRepeated = occurrence === 'per-iteration';
    const step = BigInt(isDown ? -bytes : bytes);
    const addressAt = (at: number): bigint | undefined => {
      if (!isKnown(address, state)) return undefined;
      const displacement = address.displacement + step * BigInt(at);
      return linearAddress({ ...address, displacement }, state, next);
    };
    const counter = BigInt.asUintN(address?.addressBits ?? state.bits, valueOf(state, 'rcx'));
    return {
      access,
      expression: address === undefined ? '' : formatAddress(address, address.addressBits),
      address: addressAt(0),
      addressAt,
      selected: selectedIn(access, state, next),
      count: isRepeated ? Number(counter) : 1,
      step,
      mayEndEarly: isRepeated && /(?:cmps|scas)[bwdq]$/.test(mnemonic),
    };
  });
}

function selectedIn(
  { elements, address }: ArchitecturalAccess,
  state: MachineState,
  next: bigint,
): SelectedElement[] | undefined {
  if (elements?.mask === undefined) return undefined;
  const mask = findVector(state.vectors, elements.mask);
  if (mask === undefined) return undefined;
  const { index, bytes } = elements;
  const place = index?.from ?? address;
  const indices = findVector(state.vectors, index?.from.index ?? '');
  if (place === undefined || (index !== undefined && indices === undefined)) return undefined;
  return selectedElements(elements, mask.value).map((element) => {
    const distance =
      index === undefined || indices === undefined
        ? BigInt(element * bytes)
        : BigInt.asIntN(8 * index.bytes, elementOf(indices.value, index.bytes, element)) *
          BigInt(place.scale);
    const operand = { ...place, index: index === undefined ? place.index : undefined };
    const own = { ...operand, displacement: place.displacement + distance };
    return {
      element,
      address: linearAddress(own, state, next),
      uncut: BigInt.asUintN(64, linearAddress(operand, state, next) + distance),
    };
  });
}

/** Not when it lies in what the code does not name: a descriptor, a VMCB, the stack of an inner level. */
function isKnown(
  address: ArchitecturalAccess['address'],
  state: MachineState,
): address is NonNullable<ArchitecturalAccess['address']> {
  if (address === undefined) return false;
  return [address.base, address.index].every(
    (name) =>
      name === undefined || name === 'rip' || state.registers.some((each) => each.name === name),
  );
}

function linearAddress(
  address: NonNullable<ArchitecturalAccess['address']>,
  state: MachineState,
  next: bigint,
): bigint {
  const { segment, base, index, scale, displacement, addressBits } = address;
  const bases = SEGMENT_BASES[state.bits];
  const read = (name: string | undefined): bigint => {
    if (name === undefined) return 0n;
    return name === 'rip' ? next - (bases.get('cs') ?? 0n) : valueOf(state, name);
  };
  const effective = read(base) + read(index) * BigInt(scale) + displacement;
  const linear = BigInt.asUintN(addressBits, effective) + (bases.get(segment) ?? 0n);
  return BigInt.asUintN(state.bits === 64 ? 64 : 32, linear);
}
