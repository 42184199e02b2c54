// SPDX-License-Identifier: Apache-2.0
// node scripts/with-node.mjs SCRIPT [ARGUMENT...]: runs a script of this folder with this Node.js or, when it is
// too old, with one that is brought for the project alone.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { continueWith, isNodeUsable, provideNode } from './provided-node.mjs';

const [script = '', ...args] = process.argv.slice(2);
if (isNodeUsable()) {
  const file = path.resolve(script);
  process.argv.splice(1, 2, file);
  await import(pathToFileURL(file).href);
} else {
  console.log(`Node.js ${process.versions.node} is older than the project needs`);
  continueWith(provideNode(), [script, ...args]);
}
