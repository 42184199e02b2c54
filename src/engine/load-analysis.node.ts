// SPDX-License-Identifier: Apache-2.0
// Loads an analysis from a module of the user's.

import { register } from 'node:module';
import type { Digesting } from '../analysis/index.ts';
import { TraceError } from '../base/index.ts';
import { COLUMN_NAMES } from '../format/index.ts';
import type { AnyAnalysis } from './pass.ts';

type AnyDigesting = Digesting<unknown, unknown, unknown, unknown>;

/** Throws TraceError 'bad-argument' for a module that cannot be loaded or exports no analysis. */
export async function loadAnalysis(moduleUrl: string): Promise<AnyAnalysis> {
  const module = await importModule(moduleUrl);
  const found = module.get('analysis') ?? module.get('default');
  if (isAnalysis(found)) {
    requireColumnNames(found, moduleUrl);
    return guarded(found, moduleUrl);
  }
  throw new TraceError(
    'bad-argument',
    `the module exports no analysis: ${describeMissing(found)}`,
    {
      file: moduleUrl,
      expected: 'an export "analysis", or by default, as docs/analyses.md has it',
      found: `exports ${[...module.keys()].join(', ') || 'nothing'}`,
    },
  );
}

function requireColumnNames({ columns }: AnyAnalysis, moduleUrl: string): void {
  for (const column of columns) {
    if (COLUMN_NAMES.includes(column)) continue;
    throw new TraceError('bad-argument', '"columns" of the analysis names what is no column', {
      file: moduleUrl,
      expected: COLUMN_NAMES.join(', '),
      found: JSON.stringify(column),
    });
  }
}

let isTypeScriptTaught = false;

async function importModule(moduleUrl: string): Promise<ReadonlyMap<string, unknown>> {
  if (/\.m?ts$/.test(moduleUrl) && !isTypeScriptTaught) {
    isTypeScriptTaught = true;
    register('./typescript.hooks.node.js', import.meta.url);
  }
  try {
    const module: unknown = await import(moduleUrl);
    return new Map<string, unknown>(Object.entries(module ?? {}));
  } catch (cause) {
    throw new TraceError('bad-argument', 'the module does not load', {
      file: moduleUrl,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy:
        'the path of a file that Node.js can import (.js, .mjs, .ts), from here: ./alignment.mjs',
    });
  }
}

function isAnalysis(value: unknown): value is AnyAnalysis {
  return describeMissing(value) === undefined;
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

/** The same analysis; what its functions throw is told as a failure of the module, with the place. */
function guarded(analysis: AnyAnalysis, moduleUrl: string): AnyAnalysis {
  const guard: Guard = (what, call) => {
    try {
      return call();
    } catch (cause) {
      if (cause instanceof TraceError) throw cause;
      const place = cause instanceof Error ? cause.stack?.split('\n')[1]?.trim() : undefined;
      throw new TraceError('bad-argument', `${what}() of the analysis "${analysis.name}" failed`, {
        file: moduleUrl,
        found: [String(cause), place ?? ''].filter((part) => part !== '').join(' '),
      });
    }
  };
  const digesting = analysis.order === 'any' ? undefined : analysis.digesting;
  const safe: AnyAnalysis = {
    ...analysis,
    init: (parameters, trace, shard) =>
      guard('init', () => analysis.init(parameters, trace, shard)),
    consume: (state, batch) => {
      guard('consume', () => {
        analysis.consume(state, batch);
      });
    },
    merge: (a, b) => guard('merge', () => analysis.merge(a, b)),
    finish: (data, trace) => guard('finish', () => analysis.finish(data, trace)),
  };
  if (safe.order === 'any' || digesting === undefined) return safe;
  return { ...safe, digesting: guardedDigesting(digesting, guard) };
}

/** Calls the function; what it throws is told as a failure of what is named. */
type Guard = <T>(what: string, call: () => T) => T;

function guardedDigesting(digesting: AnyDigesting, guard: Guard): AnyDigesting {
  return {
    isPossible: (parameters, trace) =>
      guard('digesting.isPossible', () => digesting.isPossible(parameters, trace)),
    init: (parameters, trace) => guard('digesting.init', () => digesting.init(parameters, trace)),
    consume: (digester, batch) => {
      guard('digesting.consume', () => {
        digesting.consume(digester, batch);
      });
    },
    take: (digester) => guard('digesting.take', () => digesting.take(digester)),
    absorb: (state, digest) => {
      guard('digesting.absorb', () => {
        digesting.absorb(state, digest);
      });
    },
  };
}
