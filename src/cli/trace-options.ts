// SPDX-License-Identifier: Apache-2.0
// What options about a trace's contents have in common.

import { parseHex64, TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';

/**
 * Throws 'missing-capability' when the trace cannot tell what something of the command line asks for; `instead`: what
 * to do without it.
 */
export function requireCapability(
  { capabilities, path }: Trace,
  name: 'icount' | 'cpl' | 'address-space' | 'paddr' | 'page-attributes',
  what: string,
  instead = `leave ${what} out`,
): void {
  const { status, why } = capabilities[name];
  if (status !== 'no') return;
  throw new TraceError('missing-capability', `${what}: the trace has no ${name}: ${why}`, {
    file: path,
    remedy: `${instead}, or ${recordAgain(why)}`,
  });
}

/** How a trace would have it, by what the recorder said of why this one does not. */
function recordAgain(why: string): string {
  return why.includes('thread=multi')
    ? 'record again without thread=multi'
    : 'record again with a QEMU that tells it, as "loadstore doctor" lists';
}

/** Throws 'bad-argument' for what is not a hexadecimal number. */
export function requireAddress(
  text: string,
  what: string,
  remedy = 'write digits 0 to 9 and a to f, with or without 0x: 0xffffffff81000000',
): { readonly lo: number; readonly hi: number } {
  const address = parseHex64(text.trim());
  if (address !== undefined) return address;
  throw new TraceError('bad-argument', `${what} is not an address`, {
    expected: 'a hexadecimal number: 0xffffffff81000000',
    found: text,
    remedy,
  });
}
