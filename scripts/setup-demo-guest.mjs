// SPDX-License-Identifier: Apache-2.0
// The parts of the demo guest: Debian's newest cloud kernel and a static busybox, downloaded and unpacked
// in the cache folder. Nothing is installed on the machine.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {
  closeAptScope,
  hasApt,
  openAptScope,
  scopeArguments,
  unpackPackages,
} from './apt-scope.mjs';
import { CACHE_FOLDER, findOutput, run } from './run-command.mjs';

const KERNEL = 'linux-image-cloud-amd64';
const GUEST_FOLDER = path.join(CACHE_FOLDER, 'demo-guest');
/** Modules that need no other one, which tests load: a file system and a network device. */
const MODULES = ['kernel/fs/overlayfs/overlay.ko', 'kernel/drivers/net/dummy.ko'];
const PARTS_FILE = path.join(GUEST_FOLDER, 'parts.json');

/**
 * Written to .cache/demo-guest/parts.json; the paths are relative to that file.
 * @typedef {{ kernel: string, busybox: string, modules: string[], packages: string[] }} GuestParts
 */

export function setUpDemoGuest() {
  const present = readParts();
  if (present !== undefined) return `${path.basename(present.kernel)} here already`;
  if (!hasApt())
    throw new Error('the demo guest is made of Debian packages, and this machine has no apt');

  const unfinished = `${GUEST_FOLDER}.unfinished`;
  for (const folder of [GUEST_FOLDER, unfinished]) rmSync(folder, { recursive: true, force: true });
  const scope = openAptScope('guest');
  // The package of that name is empty and depends on the newest kernel.
  const depends = findOutput('apt-cache', [...scopeArguments(scope), 'depends', KERNEL]) ?? '';
  const kernelPackage = /^\s*Depends: (linux-image-\S+)$/m.exec(depends)?.[1];
  if (kernelPackage === undefined) throw new Error(`apt knows no package ${KERNEL}`);
  const root = path.join(unfinished, 'root');
  const packages = unpackPackages(scope, [kernelPackage, 'busybox-static'], root);
  closeAptScope(scope);

  const kernelFile = readdirSync(path.join(root, 'boot')).find((file) =>
    file.startsWith('vmlinuz-'),
  );
  const busyboxFolder = ['bin', 'usr/bin'].find((folder) =>
    existsSync(path.join(root, folder, 'busybox')),
  );
  if (kernelFile === undefined || busyboxFolder === undefined) {
    throw new Error(`no kernel or no busybox in ${packages.join(', ')}`);
  }
  const modules = keepModules(root, unfinished, kernelFile.replace(/^vmlinuz-/, ''));
  // The guest runs from its initramfs: the other 100 MB of modules and documents are not needed.
  for (const spare of ['lib/modules', 'usr/lib/modules', 'usr/share']) {
    rmSync(path.join(root, spare), { recursive: true, force: true });
  }
  /** @type {GuestParts} */
  const parts = {
    kernel: `root/boot/${kernelFile}`,
    busybox: `root/${busyboxFolder}/busybox`,
    modules,
    packages: packages.map((file) => decodeURIComponent(file)),
  };
  writeFileSync(path.join(unfinished, 'parts.json'), `${JSON.stringify(parts, null, 2)}\n`);
  renameSync(unfinished, GUEST_FOLDER);
  return kernelFile;
}

/**
 * @param {string} root
 * @param {string} guestFolder
 * @param {string} version
 * @returns {string[]} relative to the guest's folder
 */
function keepModules(root, guestFolder, version) {
  const folder = ['lib/modules', 'usr/lib/modules']
    .map((one) => path.join(root, one, version))
    .find((one) => existsSync(one));
  if (folder === undefined) throw new Error(`no modules of ${version} in its package`);
  mkdirSync(path.join(guestFolder, 'modules'));
  return MODULES.map((name) => {
    const file = path.join(folder, name);
    if (existsSync(`${file}.xz`)) run('xz', ['-d', `${file}.xz`]);
    const kept = `modules/${path.basename(name)}`;
    renameSync(file, path.join(guestFolder, kept));
    return kept;
  });
}

/** @returns {GuestParts | undefined} */
function readParts() {
  if (!existsSync(PARTS_FILE)) return undefined;
  const parts = /** @type {GuestParts} */ (JSON.parse(readFileSync(PARTS_FILE, 'utf8')));
  // A cache of an earlier set-up has no modules.
  if (parts.modules === undefined) return undefined;
  const files = [parts.kernel, parts.busybox, ...parts.modules];
  return files.every((file) => existsSync(path.join(GUEST_FOLDER, file))) ? parts : undefined;
}
