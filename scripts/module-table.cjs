// SPDX-License-Identifier: Apache-2.0
// Who may import whom, as data. Read by .dependency-cruiser.cjs; a new module is a new row here.

'use strict';

/** module -> the modules it may import (each only through that module's index.ts). */
const ALLOWED_EDGES = {
  base: [],
  format: ['base'],
  analysis: ['base', 'format'],
  symbols: ['base'],
  isa: ['base'],
  engine: ['base', 'format', 'analysis'],
  audit: ['base', 'format', 'analysis', 'isa', 'engine'],
  query: ['base', 'format', 'analysis', 'symbols', 'isa', 'engine', 'audit'],
  report: ['base', 'query'],
  'report-page': ['base', 'report'],
  export: ['base', 'format', 'analysis', 'isa'],
  store: ['base', 'format', 'analysis'],
  capture: ['base', 'format'],
  guests: ['base', 'format', 'capture'],
  conformance: ['base', 'format', 'isa', 'capture', 'guests'],
  explain: ['base', 'format', 'isa', 'capture', 'guests'],
  tiles: ['base', 'format', 'analysis'],
  server: ['base', 'format', 'analysis', 'symbols', 'isa', 'engine', 'query', 'store', 'tiles'],
  viewer: ['base', 'server'],
  cli: [
    'base',
    'format',
    'analysis',
    'symbols',
    'isa',
    'engine',
    'query',
    'report',
    'export',
    'store',
    'capture',
    'guests',
    'audit',
    'conformance',
    'explain',
    'server',
    'tiles',
  ],
};

/** Nothing may import these: they are where a program begins. */
const TOP_MODULES = ['cli', 'viewer', 'report-page'];

/** npm package -> the module that may import it, or the few that may. The reasons are in docs/decisions/002-dependencies.md. */
const PACKAGE_OWNERS = {
  zstddec: 'format',
  commander: 'cli',
  'playwright-core': 'cli',
  'iced-x86': 'isa',
  uplot: 'report-page|viewer',
  preact: 'viewer',
  '@preact/signals': 'viewer',
  '@duckdb/node-api': 'store',
  '@duckdb/node-bindings': 'store',
  '@swc/wasm-typescript': 'engine',
};

/** Modules that may use Node's own modules; the others run in a browser too. */
const NODE_MODULES = ['capture', 'guests', 'conformance', 'explain', 'cli', 'server', 'store'];

/** Files that may be imported across modules beside index.ts. */
const DECLARED_ENTRIES = ['src/server/protocol\\.ts$', '\\.worker\\.ts$'];

module.exports = { ALLOWED_EDGES, TOP_MODULES, PACKAGE_OWNERS, NODE_MODULES, DECLARED_ENTRIES };
