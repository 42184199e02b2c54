// SPDX-License-Identifier: Apache-2.0
// What options about a trace's contents have in common.

import { parseHex64, TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';

/** Throws 'missing-capability' when the trace cannot tell what the flag chooses by. */
export function requireCapability(
  trace: Trace,
  name: 'cpl' | 'address-space' | 'paddr',
  flag: string,
): void {
  const { status, why } = trace.capabilities[name];
  if (status !== 'no') return;
  throw new TraceError('missing-capability', `${flag}: the trace has no ${name}: ${why}`, {
    file: trace.path,
    remedy: `leave ${flag} out, or record again with a QEMU that tells: loadstore doctor`,
  });
}

/** Throws 'bad-argument' for what is not a hexadecimal number. */
export function requireAddress(
  text: string,
  what: string,
): { readonly lo: number; readonly hi: number } {
  const address = parseHex64(text.trim());
  if (address !== undefined) return address;
  throw new TraceError('bad-argument', `${what} is not an address`, {
    expected: 'a hexadecimal number: 0xffffffff81000000',
    found: text,
  });
}
