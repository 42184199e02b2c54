// SPDX-License-Identifier: Apache-2.0
// A name for every block of code, for counting by function: the symbol, else who runs it.

import { ModeBit, u64FromBigint } from '../base/index.ts';
import type { CodeBlocks } from './code-blocks.ts';
import type { GuestSymbols } from './guest-symbols.ts';
import { nameRegion } from './linux-regions.ts';
import { formatSymbol } from './symbol-table.ts';

/** "schedule", "main [prog]", "(user programs)", "(firmware and boot loader)", ... for a block of the code table. */
export function nameCode(code: CodeBlocks, symbols: GuestSymbols, block: number): string {
  if (code.bytes(block).length === 0) return '(event delivery)';
  const { lo, hi } = u64FromBigint(code.vaddr(block));
  const place = symbols.findCode(block, lo, hi);
  if (place !== undefined) return formatSymbol(place);
  const mode = code.mode(block);
  if (mode === undefined) return nameRegion(lo, hi, symbols.addressMap);
  if ((mode & ModeBit.cpl) === 3) return '(user programs)';
  if ((mode & ModeBit.long) === 0) return '(firmware and boot loader)';
  const isEarly = symbols.addressMap !== 'unknown' && hi < 0x8000_0000;
  return isEarly ? '(kernel before its final address)' : '(kernel)';
}
