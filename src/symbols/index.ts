// SPDX-License-Identifier: Apache-2.0
// Guest addresses to names.

export type { CodeBlocks } from './code-blocks.ts';
export { nameCode } from './code-names.ts';
export {
  type GuestSymbols,
  type NamedSource,
  placeSymbols,
  type SourceFinding,
} from './guest-symbols.ts';
export { type AddressMap, nameRegion } from './linux-regions.ts';
export type { SymbolName } from './name-search.ts';
export {
  decodeSymbolFile,
  parseSymbolArgument,
  type SymbolPlacement,
  type SymbolSource,
} from './symbol-file.ts';
export {
  formatSymbol,
  formatSymbolPlace,
  type NamedSymbol,
  type SymbolPlace,
} from './symbol-table.ts';
