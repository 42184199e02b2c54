// SPDX-License-Identifier: Apache-2.0
// Loaded before dependency-cruiser, which asks @swc/core for TypeScript alone and takes a `.tsx` file for an error: here
// it is told when a file is TSX.

'use strict';

const swc = require('@swc/core');

const { parseFileSync } = swc;

/**
 * @param {string} file
 * @param {import('@swc/core').ParseOptions} options
 */
swc.parseFileSync = (file, options) =>
  parseFileSync(file, { ...options, syntax: 'typescript', tsx: file.endsWith('.tsx') });
