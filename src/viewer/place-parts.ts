// SPDX-License-Identifier: Apache-2.0
// Where the name of a place in code may be broken into lines. Pure.

/**
 * "do_page_fault+0x8b": the words of the name, each with what ends it, and the offset; together they are the name. Of an
 * address without a name, "0xffffffff_81000123", the lower half is its offset.
 */
export function placeParts(place: string): readonly [words: readonly string[], offset: string] {
  const [, name = place, offset = ''] =
    /^(0x[0-9a-f]+_)([0-9a-f]+)$/.exec(place) ?? /^(.*)(\+[^+]*)$/.exec(place) ?? [];
  return [name.match(/[^_.:]*[_.:]+|[^_.:]+/g) ?? [], offset];
}
