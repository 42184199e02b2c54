// SPDX-License-Identifier: Apache-2.0
// Numbers of --set, the same for every register. Pure.

/** Decimal, or hexadecimal behind "0x"; negative ones, too. */
export function isNumber(text: string): boolean {
  return /^-?(?:0x[0-9a-f]+|[0-9]+)$/i.test(text);
}

/** As `bits` bits hold it, negative ones in two's complement; undefined: it has more. Of what `isNumber`. */
export function numberOf(text: string, bits: number): bigint | undefined {
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  const held = BigInt.asUintN(bits, value);
  return value === held || value === BigInt.asIntN(bits, held) ? held : undefined;
}
