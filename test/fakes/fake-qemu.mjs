#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Stands in for qemu-system-x86_64 with the recorder in it: answers --version, writes the control page and
// the trace as the plugin would, and fails in the way that FAKE_QEMU names. No guest, no trace format.

import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';

const words = process.argv.slice(2);
const behaviour = process.env['FAKE_QEMU'] ?? 'runs-and-ends';
const version = process.env['FAKE_QEMU_VERSION'] ?? '10.0.2';

if (words.includes('--version')) {
  if (behaviour === 'no-version') console.log('not a QEMU');
  else console.log(`QEMU emulator version ${version} (fake)\nCopyright (c) nobody`);
  process.exit(0);
}

if (words[0] === '-d' && words[1] === 'help') {
  console.log('Log items (comma separated):\ntrace:PATTERN   enable trace events');
  process.exit(0);
}

const plugin = words[words.indexOf('-plugin') + 1] ?? '';
if (behaviour === 'no-plugins') fail('qemu-system-x86_64: -plugin: invalid option');
if (plugin.startsWith('file='))
  fail(`qemu-system-x86_64: Could not load plugin ${plugin}: no such file`);
if (behaviour === 'refuses-api') {
  fail(
    'qemu-system-x86_64: Could not load plugin loadstore.so: plugin requires API version 4, but this QEMU supports only a minimum version of 7',
  );
}
if (behaviour === 'bad-argument')
  fail('qemu-system-x86_64: -kernel none: could not open kernel file');

const settings = new Map(
  plugin.split(',').map((part) => {
    const equals = part.indexOf('=');
    return /** @type {[string, string]} */ ([part.slice(0, equals), part.slice(equals + 1)]);
  }),
);
const page = openSync(settings.get('control') ?? '', 'r+');
const STATE = { recording: 1, paused: 2, closing: 3, closed: 4, failed: 5 };
const report = process.env['FAKE_QEMU_REPORT'];
if (report !== undefined) {
  writeFileSync(
    report,
    JSON.stringify({ words, api: process.env['LOADSTORE_PLUGIN_API'], meta: settings.get('meta') }),
  );
}

setField(24, process.pid);
setState('recording');
setField(32, 1000);
setField(40, 400);
setField(56, 4096);
writeFileSync(settings.get('out') ?? '', 'MEMTRACE', { flag: 'wx', mode: 0o600 });

switch (behaviour) {
  case 'runs-and-ends':
    setState('closed');
    process.exit(0);
  // falls through
  case 'exits-3':
    setState('closed');
    process.exit(3);
  // falls through
  case 'never-runs':
    // As with a device that fails after the plugin was loaded: an empty trace, closed.
    setField(32, 0);
    setField(40, 0);
    setState('closed');
    fail('qemu-system-x86_64: could not initialize the device');
  // falls through
  case 'dies':
    console.error('qemu-system-x86_64: about to die');
    process.kill(process.pid, 'SIGKILL');
    break;
  case 'disk-full':
    setField(88, 28);
    setMessage('write: No space left on device');
    setState('failed');
    waitForSigterm();
    break;
  case 'limit':
    setState('closed');
    waitForSigterm();
    break;
  case 'obeys':
    setInterval(obey, 10);
    waitForSigterm();
    break;
  case 'sleeps':
    // The plugin does not come to the command; QEMU's own end closes the trace.
    process.once('SIGTERM', () => {
      setState('closed');
      process.exit(0);
    });
    setInterval(() => undefined, 1000);
    break;
  default:
    fail(`no such behaviour: ${behaviour}`);
}

function obey() {
  const command = Buffer.alloc(8);
  readSync(page, command, 0, 8, 8);
  const state = /** @type {const} */ (['recording', 'paused', 'closed'])[command[0] ?? 0];
  if (state !== undefined) setState(state);
}

function waitForSigterm() {
  process.once('SIGTERM', () => {
    closeSync(page);
    process.exit(0);
  });
  setInterval(() => undefined, 1000);
}

/** @param {keyof typeof STATE} state */
function setState(state) {
  setField(16, STATE[state]);
}

/**
 * @param {number} offset
 * @param {number} value
 */
function setField(offset, value) {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  writeSync(page, bytes, 0, 8, offset);
}

/** @param {string} text */
function setMessage(text) {
  writeSync(page, Buffer.from(`${text}\0`), 0, text.length + 1, 128);
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}
