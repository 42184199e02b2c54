// SPDX-License-Identifier: Apache-2.0
// Guest addresses to names.

export { parseKallsyms, type SymbolSelection } from './kallsyms.ts';
export { nameLinuxRegion } from './linux-regions.ts';
export { findSymbolName, type SymbolTable } from './symbol-table.ts';
