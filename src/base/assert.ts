// SPDX-License-Identifier: Apache-2.0
// For what cannot happen unless this program is wrong. What may happen because a file, a user or a
// machine is wrong is a TraceError or a UserError (errors.ts).

/** Ends an exhaustive switch: a new member of the union stops compiling here. */
export function assertNever(value: never, what = 'value'): never {
  throw new Error(`unexpected ${what}: ${JSON.stringify(value) ?? String(value)}`);
}

export function assertTrue(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`internal: ${message}`);
}

/** Narrows away undefined where the caller knows better than the compiler, and says why. */
export function requireDefined<T>(value: T | undefined, why: string): T {
  if (value === undefined) throw new Error(`internal: missing value: ${why}`);
  return value;
}
