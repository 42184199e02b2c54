// SPDX-License-Identifier: Apache-2.0
import type { Capabilities } from '../format/index.ts';
import type { Space } from './view-index.ts';

/** Those whose addresses a trace has, in whole or in part. */
export function spacesOf(capabilities: Capabilities): Space[] {
  const spaces: Space[] = [];
  if (capabilities.vaddr.status !== 'no') spaces.push('virtual');
  if (capabilities.paddr.status !== 'no') spaces.push('physical');
  return spaces;
}
