// SPDX-License-Identifier: Apache-2.0
// A QEMU of another Debian suite, unpacked with all its libraries in the cache folder and started through
// a launcher script. Nothing is installed, no root is needed, paths mean what they mean on the machine.

import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  closeAptScope,
  openAptScope,
  readDistribution,
  unpackWithDependencies,
} from './apt-scope.mjs';
import { findQemu } from './probe-qemu.mjs';
import { CACHE_FOLDER, findOutput } from './run-command.mjs';

/**
 * @typedef {object} QemuSource
 * @property {string} id
 * @property {readonly string[]} suites
 * @property {string} [targetSuite]
 * @property {number} libcMinor glibc 2.x of the suite
 */

/** @type {readonly QemuSource[]} */
export const QEMU_SOURCES = [
  { id: '7.2', suites: ['bookworm', 'bookworm-updates'], libcMinor: 36 },
  {
    id: '10.0',
    suites: ['bookworm', 'bookworm-updates', 'bookworm-backports'],
    targetSuite: 'bookworm-backports',
    libcMinor: 36,
  },
  {
    id: '11.1',
    suites: ['trixie', 'trixie-updates', 'trixie-backports'],
    targetSuite: 'trixie-backports',
    libcMinor: 41,
  },
];

/** @param {string} id */
export function launcherPath(id) {
  return path.join(CACHE_FOLDER, `qemu-${id}`, 'qemu-system-x86_64');
}

/**
 * Brings the QEMU unless it is already there.
 * @param {QemuSource} source
 */
export function provideUnpackedQemu(source) {
  const launcher = launcherPath(source.id);
  if (findQemu(launcher)?.version.startsWith(`${source.id}.`)) return launcher;
  const { id } = readDistribution();
  if (id !== 'debian') throw new Error(`needs a Debian machine for its archive keys, not "${id}"`);

  const folder = path.dirname(launcher);
  const unfinished = `${folder}.unfinished`;
  for (const old of [folder, unfinished]) rmSync(old, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  const scope = openAptScope(`qemu-${source.id}`, { ...source, isolated: true });
  const useOwnLibc = hostLibcMinor() <= source.libcMinor;
  const skipped = useOwnLibc ? [] : ['libc6'];
  unpackWithDependencies(scope, ['qemu-system-x86'], path.join(unfinished, 'root'), skipped);
  closeAptScope(scope);
  writeFileSync(
    path.join(unfinished, 'qemu-system-x86_64'),
    launcherScript(findLoader(unfinished)),
  );
  chmodSync(path.join(unfinished, 'qemu-system-x86_64'), 0o755);
  renameSync(unfinished, folder);

  const found = findQemu(launcher);
  if (found === undefined || !found.version.startsWith(`${source.id}.`) || !found.hasPlugins) {
    throw new Error(
      `${launcher}: expected QEMU ${source.id} with plugins, found ${found?.version}`,
    );
  }
  return launcher;
}

/**
 * The newer of the two C libraries is used, since the plugin was built against the machine's: the
 * unpacked loader when the unpacked library was kept, else the machine's.
 * @param {string} folder
 */
function findLoader(folder) {
  return (
    ['lib64', 'usr/lib64']
      .map((place) => `root/${place}/ld-linux-x86-64.so.2`)
      .filter((file) => existsSync(path.join(folder, file)))
      .map((file) => `$here/${file}`)[0] ?? '/lib64/ld-linux-x86-64.so.2'
  );
}

/** @param {string} loader */
function launcherScript(loader) {
  return `#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
here=$(dirname -- "$(readlink -f -- "$0")")
root=$here/root
lib=$root/usr/lib/x86_64-linux-gnu
QEMU_MODULE_DIR=$lib/qemu exec "${loader}" \\
  --library-path "$lib:$root/lib/x86_64-linux-gnu" "$root/usr/bin/qemu-system-x86_64" \\
  -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" -L "$root/usr/lib/ipxe/qemu" "$@"
`;
}

function hostLibcMinor() {
  const version = /glibc 2\.(\d+)/.exec(findOutput('getconf', ['GNU_LIBC_VERSION']) ?? '');
  return version === null ? 0 : Number(version[1]);
}

/** @param {string} id */
export function hasUnpackedQemu(id) {
  return existsSync(launcherPath(id));
}
