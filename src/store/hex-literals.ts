// SPDX-License-Identifier: Apache-2.0
// DuckDB has no hexadecimal numbers: it reads `select 0x10` as 0 under the name x10, without a word.

/** What a number cannot begin in: texts, quoted names, comments; then the number itself. */
const TOKENS =
  /\bE'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|\b0x([0-9a-f_]+)\b/gi;

/** The statement with each hexadecimal number written in decimal: `0xffff_8880` too. */
export function decimalLiterals(sql: string): string {
  return sql.replace(TOKENS, (token: string, _tag: unknown, digits: string | undefined) =>
    digits === undefined ? token : String(BigInt(`0x${digits.replaceAll('_', '')}`)),
  );
}
