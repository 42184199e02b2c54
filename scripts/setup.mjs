// SPDX-License-Identifier: Apache-2.0
// Brings what is missing on this machine: build tools, a QEMU, the npm packages, the demo guest's parts.
// Each command is printed before it runs; what is there already is left alone.

import { setUpDemoGuest } from './setup-demo-guest.mjs';
import { setUpPackages } from './setup-packages.mjs';
import { setUpQemu, setUpTools } from './setup-tools.mjs';

/** @type {readonly (readonly [string, () => string])[]} */
const STEPS = [
  ['build tools', setUpTools],
  ['QEMU', setUpQemu],
  ['npm packages', setUpPackages],
  ['demo guest', setUpDemoGuest],
];

for (const [name, setUp] of STEPS) {
  try {
    console.log(`setup: ${name}: ${setUp()}`);
  } catch (error) {
    console.error(`setup: ${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
