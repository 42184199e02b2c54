// SPDX-License-Identifier: Apache-2.0

/** The column, or a bug: it was not asked for. */
export function requireColumn<T>(column: T | undefined, name: string): T {
  if (column === undefined) throw new Error(`internal: the batch has no column "${name}"`);
  return column;
}
