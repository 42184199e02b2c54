// SPDX-License-Identifier: Apache-2.0
// Where the name of a place in code may be broken into lines. Pure.

/** "do_page_fault+0x8b": the words of the name, each with what ends it, and the offset; together they are the name. */
export function placeParts(place: string): readonly [words: readonly string[], offset: string] {
  const at = place.lastIndexOf('+');
  const name = at < 0 ? place : place.slice(0, at);
  return [name.match(/[^_.:]*[_.:]+|[^_.:]+/g) ?? [], at < 0 ? '' : place.slice(at)];
}
