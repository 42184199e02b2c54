// SPDX-License-Identifier: Apache-2.0
// Boundary rules, made from scripts/module-table.cjs. Run through scripts/check-boundaries.mjs, which
// also asserts that files were really read.

'use strict';

const {
  ALLOWED_EDGES,
  TOP_MODULES,
  PACKAGE_OWNERS,
  NODE_MODULES,
  DECLARED_ENTRIES,
} = require('./scripts/module-table.cjs');

const TEST = '\\.(test|oracle)\\.ts$';
const modules = Object.keys(ALLOWED_EDGES);

const edgeRules = Object.entries(ALLOWED_EDGES).map(([name, allowed]) => ({
  name: `edges-of-${name}`,
  severity: 'error',
  comment: `src/${name} may import ${allowed.length === 0 ? 'no other module' : allowed.join(', ')}`,
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: `^src/(${[name, ...allowed].join('|')})/` },
}));

const ownerRules = Object.entries(PACKAGE_OWNERS).map(([name, owner]) => ({
  name: `owner-of-${name}`,
  severity: 'error',
  comment: `only src/${owner} imports ${name}`,
  from: { path: '^src/', pathNot: [`^src/(${owner})/`, TEST] },
  to: { path: `^node_modules/${name}/` },
}));

module.exports = {
  forbidden: [
    ...edgeRules,
    ...ownerRules,
    {
      name: 'only-through-index',
      severity: 'error',
      comment: 'another module is its index.ts; its other files are its own business',
      from: { path: '^src/([^/]+)/', pathNot: TEST },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', ...DECLARED_ENTRIES],
      },
    },
    {
      name: 'public-library-through-index',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/[^/]+/', pathNot: '^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'module-without-a-row',
      severity: 'error',
      comment: 'a folder in src needs a row in scripts/module-table.cjs',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${modules.join('|')})/` },
      to: {},
    },
    {
      name: 'nothing-imports-the-top',
      severity: 'error',
      from: { pathNot: TOP_MODULES.map((name) => `^src/${name}/`) },
      to: { path: TOP_MODULES.map((name) => `^src/${name}/`) },
    },
    {
      name: 'only-owned-packages',
      severity: 'error',
      comment: 'a package that ships needs an owner in scripts/module-table.cjs',
      from: { path: '^src/', pathNot: TEST },
      to: {
        path: '^node_modules/',
        pathNot: [
          '^node_modules/@types/',
          ...Object.keys(PACKAGE_OWNERS).map((name) => `^node_modules/${name}/`),
        ],
      },
    },
    {
      name: 'node-only-at-the-edges',
      severity: 'error',
      comment: `only ${NODE_MODULES.join(', ')} and *.node.ts know that this is Node`,
      from: {
        path: '^src/',
        pathNot: [...NODE_MODULES.map((name) => `^src/${name}/`), '\\.node\\.ts$', TEST],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'tests-are-leaves',
      severity: 'error',
      from: { pathNot: TEST },
      to: { path: TEST },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.cache|coverage)/' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'] },
  },
};
