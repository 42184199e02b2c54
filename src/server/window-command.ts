// SPDX-License-Identifier: Apache-2.0
// What is seen of a window, as a command line of loadstore.

import { describeCommand } from '../query/index.ts';
import type { AddressRange, TraceWindow } from './parameters.ts';
import type { CommandVerb } from './protocol.ts';
import type { Session } from './session.ts';
import { onlyVcpuOf } from './streams.ts';

/** "loadstore hot FILE --from 1000 --to 2000 --address 0x1000-0x2000". */
export function windowCommand(
  session: Pick<Session, 'trace' | 'index' | 'symbolFiles'>,
  verb: CommandVerb,
  { stream, from, to, addresses }: TraceWindow,
): string {
  const { trace, symbolFiles } = session;
  const vcpu = onlyVcpuOf(session, stream);
  const flag = addresses?.space === 'physical' ? '--physical-address' : '--address';
  return describeCommand([
    ...['loadstore', verb, trace.path, '--from', `${from}`, '--to', `${to}`],
    ...(vcpu === undefined ? [] : ['--vcpu', `${vcpu}`]),
    ...(addresses === undefined ? [] : [flag, rangeText(addresses)]),
    // The page lists accesses of instructions that did not complete, and counts none.
    ...(verb === 'dump' ? ['--aborted'] : []),
    ...symbolFiles.flatMap((file) => ['--symbols', file]),
  ]);
}

/** As --address takes it. */
function rangeText({ low, high }: AddressRange): string {
  const isTop = high === 2n ** 64n;
  return `0x${low.toString(16)}${isTop ? `+${high - low}` : `-0x${high.toString(16)}`}`;
}
