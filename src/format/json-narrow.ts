// SPDX-License-Identifier: Apache-2.0
// Narrowing of JSON from a file: each function takes an unknown value and the place it came from, and
// returns the type it promises or throws TraceError 'corrupt'.

import { TraceError } from '../base/index.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

export function wrongJson(place: string, expected: string, value: unknown): TraceError {
  const found = JSON.stringify(value) ?? 'nothing';
  return new TraceError('corrupt', `${place} is not ${expected}`, {
    found: found.length > 80 ? `${found.slice(0, 77)}...` : found,
  });
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isUnknownArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

export function parseJsonRecord(bytes: Uint8Array, place: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TraceError('corrupt', `${place} is not JSON`, { cause });
  }
  return narrowRecord(value, place);
}

export function narrowRecord(value: unknown, place: string): JsonRecord {
  if (!isRecord(value)) throw wrongJson(place, 'an object', value);
  return value;
}

export function narrowArray(value: unknown, place: string): readonly unknown[] {
  if (!isUnknownArray(value)) throw wrongJson(place, 'an array', value);
  return value;
}

export function narrowString(value: unknown, place: string): string {
  if (typeof value !== 'string') throw wrongJson(place, 'a text', value);
  return value;
}

/** A whole number from 0 to 2^53 - 1. */
export function narrowCount(value: unknown, place: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw wrongJson(place, 'a count', value);
  }
  return value;
}

/** Undefined when the value is missing or null, else what narrow makes of it. */
export function optional<T>(
  value: unknown,
  place: string,
  narrow: (value: unknown, place: string) => T,
): T | undefined {
  return value === undefined || value === null ? undefined : narrow(value, place);
}
