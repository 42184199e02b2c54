// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { Trace } from '../format/index.ts';
import { BASE_SHIFT, INDEX_VERSION } from './layout.ts';

/**
 * What an index belongs to: SHA-256 of the trace's size, header and what each chunk says of itself, times of its
 * recording among it, and of the version of the index.
 */
export function fingerprintOf(trace: Trace): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([INDEX_VERSION, BASE_SHIFT, trace.fileBytes, trace.header]));
  for (const chunk of trace.chunks) {
    const { vcpuStates: _states, lowestVaddr, highestVaddr, ...numbers } = chunk;
    hash.update(JSON.stringify([numbers, String(lowestVaddr), String(highestVaddr)]));
  }
  return new Uint8Array(hash.digest());
}
