// SPDX-License-Identifier: Apache-2.0
// What the vector registers hold when the instruction begins: all ones, so that a mask selects each element; indices of
// a gather are 0, 1, 2 ... Pure.

import { ExitCode, UserError } from '../base/index.ts';
import type { CpuMode, DecodedInstruction, MaskedElements } from '../isa/index.ts';
import { isNumber, numberOf } from './setting-number.ts';

type CodeBits = CpuMode['codeBits'];

export interface PresetVector {
  /** As wide as it is preset: 'ymm2'; 'xmm2' in real mode, which has no AVX. */
  readonly name: string;
  readonly value: bigint;
  /** Why it is not all ones; '' when it is. */
  readonly why: string;
}

/** "xmm2" leaves the upper half of ymm2 as it is. */
export interface VectorSetting {
  readonly name: string;
  readonly value: bigint;
}

/** Of a vector register, as an instruction names it. */
export interface NamedVector {
  readonly value: bigint;
  /** Of all its bytes, hexadecimal. */
  readonly digits: string;
  readonly why: string;
}

/** The bytes of each in the image. */
export const VECTOR_BYTES = 32;
const XMM_BYTES = 16;
const MMX_BYTES = 8;

/** `chosen` are the user's; of several for one register the last counts. */
export function presetVectors(
  bits: CodeBits,
  { accesses }: DecodedInstruction,
  chosen: readonly VectorSetting[],
): PresetVector[] {
  const indices = accesses.flatMap(({ elements }) => elements?.index ?? []);
  return wideNames(bits).map((name, number) => {
    const width = widthOf(name);
    const index = indices.find(({ from }) => vectorNumber(from.index ?? '') === number);
    const usual =
      index === undefined
        ? { name, value: ones(width), why: '' }
        : { name, value: countUp(index.bytes, width), why: 'indices' };
    return chosen
      .filter((setting) => vectorNumber(setting.name) === number)
      .reduce<PresetVector>(({ value }, setting) => {
        const kept = value & (ones(width) ^ ones(widthOf(setting.name)));
        return { name, value: kept | setting.value, why: '--set' };
      }, usual);
  });
}

/** Undefined: it is not preset here (AVX-512). */
export function findVector(
  vectors: readonly PresetVector[],
  name: string,
): NamedVector | undefined {
  const number = vectorNumber(name);
  if (number === undefined) return undefined;
  if (name.startsWith('mm')) {
    // The last four are the fraction of 1.0, which guests/explain.inc loads four times.
    return named(number < 4 ? 0n : 1n << 63n, MMX_BYTES, '');
  }
  const found = vectors.find((vector) => vectorNumber(vector.name) === number);
  const bytes = widthOf(name);
  if (found === undefined || bytes > VECTOR_BYTES) return undefined;
  return named(found.value & ones(bytes), bytes, found.why);
}

function named(value: bigint, bytes: number, why: string): NamedVector {
  return { value, digits: value.toString(16).padStart(2 * bytes, '0'), why };
}

/** 'xmm2' is a part of 'ymm2'; 'mm2' is not. */
export function isSameVector(a: string, b: string): boolean {
  return a.startsWith('mm') === b.startsWith('mm') && vectorNumber(a) === vectorNumber(b);
}

/** Element `at`, of so many bytes, unsigned. */
export function elementOf(value: bigint, bytes: number, at: number): bigint {
  return (value >> BigInt(8 * bytes * at)) & ones(bytes);
}

/** Which elements the mask selects, by their highest bits. */
export function selectedElements({ bytes, count }: MaskedElements, mask: bigint): number[] {
  const top = BigInt(8 * bytes - 1);
  return Array.from({ length: count }, (_, at) => at).filter(
    (at) => elementOf(mask, bytes, at) >> top === 1n,
  );
}

/** "ymm0 to ymm15": those that can be set. */
export function vectorRanges(bits: CodeBits): string[] {
  const last = wideNames(bits).length - 1;
  return (bits === 16 ? ['xmm'] : ['ymm', 'xmm']).map((stem) => `${stem}0 to ${stem}${last}`);
}

function vectorNames(bits: CodeBits): string[] {
  const wide = wideNames(bits);
  return bits === 16 ? wide : [...wide, ...wide.map((name) => name.replace('y', 'x'))];
}

/** "ymm2=NUMBER", or as many elements as 2, 4, 8, 16 or 32, the lowest first; undefined: it names no vector register. */
export function parseVector(setting: string, bits: CodeBits): VectorSetting | undefined {
  const [, word = '', text = ''] = /^(\w*mm\w*)=(.*)$/i.exec(setting.replaceAll('_', '')) ?? [];
  const name = word.toLowerCase();
  if (!vectorNames(bits).includes(name)) return undefined;
  const parts = text.split(',');
  const bytes = widthOf(name) / parts.length;
  if (!Number.isInteger(bytes) || !parts.every(isNumber)) {
    throw new UserError(
      ExitCode.usage,
      `--set ${setting}: that is not a number, nor as many elements as a vector register may have`,
      `for example --set ${name}=0, or --set ${name}=-1,0,0,-1 by elements, the lowest first`,
    );
  }
  let value = 0n;
  for (const [at, part] of parts.entries()) {
    const element = numberOf(part, 8 * bytes);
    if (element === undefined) {
      throw new UserError(
        ExitCode.usage,
        `--set ${setting}: ${part} has more than ${8 * bytes} bits`,
        `an element is a ${parts.length === 1 ? 'whole register' : `part of ${parts.length}`}: smaller numbers, or fewer`,
      );
    }
    value |= element << BigInt(8 * bytes * at);
  }
  return { name, value };
}

function wideNames(bits: CodeBits): string[] {
  const letter = bits === 16 ? 'x' : 'y';
  return Array.from({ length: bits === 64 ? 16 : 8 }, (_, number) => `${letter}mm${number}`);
}

function vectorNumber(name: string): number | undefined {
  const [, digits] = /^[xyz]?mm(\d+)$/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function widthOf(name: string): number {
  if (name.startsWith('z')) return 2 * VECTOR_BYTES;
  return name.startsWith('x') ? XMM_BYTES : VECTOR_BYTES;
}

function ones(bytes: number): bigint {
  return (1n << BigInt(8 * bytes)) - 1n;
}

function countUp(elementBytes: number, bytes: number): bigint {
  let value = 0n;
  for (let at = bytes / elementBytes - 1; at >= 0; at--) {
    value = (value << BigInt(8 * elementBytes)) | BigInt(at);
  }
  return value;
}
