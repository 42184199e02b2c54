// SPDX-License-Identifier: Apache-2.0
// Bundles the viewer's page into dist/viewer: index.html, one script and one style sheet, which `loadstore view`
// serves. Nothing in it is inline and nothing comes from elsewhere: its content security policy is 'self'.

import path from 'node:path';
import { build } from 'vite';
import { PROJECT_ROOT } from './run-command.mjs';

await build({
  configFile: false,
  root: path.join(PROJECT_ROOT, 'src', 'viewer'),
  // Relative: the page stands below a token that changes with each start of the server.
  base: './',
  logLevel: 'warn',
  build: {
    outDir: path.join(PROJECT_ROOT, 'dist', 'viewer'),
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: {
      output: {
        entryFileNames: 'viewer.js',
        chunkFileNames: '[name].js',
        assetFileNames: '[name][extname]',
      },
    },
  },
});
