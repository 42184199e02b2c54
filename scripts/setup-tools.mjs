// SPDX-License-Identifier: Apache-2.0
// What the machine needs to build the plugin and the guests and to test, and a QEMU that can be recorded well.

import { spawnSync } from 'node:child_process';
import { hasApt, openAptScope, readDistribution, scopeArguments } from './apt-scope.mjs';
import { canBecomeRoot, runAsRoot } from './as-root.mjs';
import { findGoodQemu, findInPath } from './probe-qemu.mjs';
import { provideUnpackedQemu, QEMU_SOURCES } from './unpacked-qemu.mjs';

/** @type {readonly { packageName: string, isThere: () => boolean }[]} */
const TOOLS = [
  { packageName: 'chromium', isThere: () => findInPath('chromium') !== undefined },
  { packageName: 'gcc', isThere: () => findInPath('gcc') !== undefined },
  { packageName: 'libc6-dev', isThere: () => hasHeader('stdio.h') },
  { packageName: 'libzstd-dev', isThere: () => hasHeader('zstd.h') },
  { packageName: 'make', isThere: () => findInPath('make') !== undefined },
  { packageName: 'nasm', isThere: () => findInPath('nasm') !== undefined },
];

export function setUpTools() {
  const missing = TOOLS.filter((tool) => !tool.isThere()).map((tool) => tool.packageName);
  if (missing.length === 0) return 'here already';
  if (!hasApt())
    throw new Error(`missing: ${missing.join(', ')}; install them, then run this again`);
  const scope = openAptScope('own');
  runAsRoot('apt-get', [
    ...scopeArguments(scope),
    ...['install', '-y', '-qq', '--no-install-recommends', ...missing],
  ]);
  return `installed ${missing.join(', ')}`;
}

/** @returns {string} */
export function setUpQemu() {
  const present = findGoodQemu();
  if (present !== undefined) return `${present.path} (${present.version}) here already`;
  const { id, codename } = readDistribution();
  if (!hasApt() || id !== 'debian') {
    throw new Error(
      'no QEMU 10.0 or newer with plugins found: install one, or name it in LOADSTORE_QEMU',
    );
  }
  if (canBecomeRoot()) {
    // Debian 12's own QEMU is 7.2: its backports suite has 10.0. Later releases have it themselves.
    const scope =
      codename === 'bookworm'
        ? openAptScope('backports', {
            suites: ['bookworm', 'bookworm-updates', 'bookworm-backports'],
            targetSuite: 'bookworm-backports',
          })
        : openAptScope('own');
    runAsRoot('apt-get', [
      ...scopeArguments(scope),
      ...['install', '-y', '-qq', '--no-install-recommends', 'qemu-system-x86'],
    ]);
  } else {
    const source = QEMU_SOURCES.find((candidate) => candidate.id === '10.0');
    if (source !== undefined) provideUnpackedQemu(source);
  }
  const found = findGoodQemu();
  if (found === undefined)
    throw new Error('the QEMU that was installed has no plugins or is older than 10.0');
  return `${found.path} (${found.version})`;
}

/** @param {string} header */
function hasHeader(header) {
  const result = spawnSync('gcc', ['-E', '-x', 'c', '-'], {
    input: `#include <${header}>\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return result.status === 0;
}
