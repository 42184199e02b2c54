// SPDX-License-Identifier: Apache-2.0
// Loads an analysis from a module of the user's.

import { TraceError } from '../base/index.ts';
import type { AnyAnalysis } from './pass.ts';

/** Throws TraceError 'bad-argument' for a module that cannot be loaded or exports no analysis. */
export async function loadAnalysis(moduleUrl: string): Promise<AnyAnalysis> {
  const module = await importModule(moduleUrl);
  const found = module['analysis'] ?? module['default'];
  const missing = describeMissing(found);
  if (missing === undefined) return found as AnyAnalysis;
  throw new TraceError('bad-argument', `the module exports no analysis: ${missing}`, {
    file: moduleUrl,
    expected: 'an export "analysis", or by default, as docs/analyses.md has it',
    found: `exports ${Object.keys(module).join(', ') || 'nothing'}`,
  });
}

async function importModule(moduleUrl: string): Promise<Record<string, unknown>> {
  try {
    return (await import(moduleUrl)) as Record<string, unknown>;
  } catch (cause) {
    throw new TraceError('bad-argument', 'the module does not load', {
      file: moduleUrl,
      found: cause instanceof Error ? cause.message : String(cause),
    });
  }
}

/** What keeps a value from being an analysis; undefined for one. */
function describeMissing(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'it is not an object';
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const name of ['init', 'consume', 'merge', 'finish']) {
    if (typeof fields.get(name) !== 'function') return `"${name}" is not a function`;
  }
  if (typeof fields.get('name') !== 'string') return '"name" is not a text';
  if (!Array.isArray(fields.get('columns'))) return '"columns" is not a list of names';
  const order = fields.get('order');
  if (order !== 'any' && order !== 'per-shard') return '"order" is neither "any" nor "per-shard"';
  if (order === 'any') return undefined;
  for (const name of ['shardLimit', 'shardMasks']) {
    if (typeof fields.get(name) !== 'function') return `"${name}" is not a function`;
  }
  return undefined;
}
