// SPDX-License-Identifier: Apache-2.0
// CRC-32 as in IEEE 802.3: Node has a fast one.
import { crc32 as zlibCrc32 } from 'node:zlib';

export function crc32(bytes: Uint8Array): number {
  return zlibCrc32(bytes);
}
