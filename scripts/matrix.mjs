// SPDX-License-Identifier: Apache-2.0
// The QEMU versions that recordings are tested with.
//   node scripts/matrix.mjs prepare        brings the missing ones and boots each to its firmware's end
//   node scripts/matrix.mjs list [--json]  the ones that are here

import { findBootProblem } from './probe-boot.mjs';
import { findQemu } from './probe-qemu.mjs';
import { isStarted } from './run-command.mjs';
import { launcherPath, provideUnpackedQemu, QEMU_SOURCES } from './unpacked-qemu.mjs';

/** @typedef {{ id: string, path: string, version: string }} MatrixQemu */

/** The installed QEMU stands in for the unpacked one of its version.
 * @param {string} id
 */
function findMatrixQemu(id) {
  return [findQemu('qemu-system-x86_64'), findQemu(launcherPath(id))].find(
    (qemu) => qemu?.hasPlugins === true && qemu.version.startsWith(`${id}.`),
  );
}

/** @returns {MatrixQemu[]} */
export function listMatrix() {
  return QEMU_SOURCES.flatMap(({ id }) => {
    const found = findMatrixQemu(id);
    return found === undefined ? [] : [{ id, path: found.path, version: found.version }];
  });
}

/** @returns {MatrixQemu[]} */
export function prepareMatrix() {
  for (const source of QEMU_SOURCES) {
    if (findMatrixQemu(source.id) === undefined) provideUnpackedQemu(source);
  }
  const matrix = listMatrix();
  for (const qemu of matrix) {
    const problem = findBootProblem(qemu.path);
    if (problem !== undefined) throw new Error(`QEMU ${qemu.version} does not boot: ${problem}`);
    console.log(`QEMU ${qemu.id}: ${qemu.version}, boots, takes plugins: ${qemu.path}`);
  }
  if (matrix.length !== QEMU_SOURCES.length) throw new Error('a QEMU of the matrix is missing');
  return matrix;
}

if (isStarted(import.meta.filename)) {
  const [verb, ...flags] = process.argv.slice(2);
  if (verb === 'prepare') {
    prepareMatrix();
  } else if (verb === 'list') {
    const matrix = listMatrix();
    if (flags.includes('--json')) console.log(JSON.stringify(matrix, null, 2));
    else for (const { id, version, path } of matrix) console.log(`${id}\t${version}\t${path}`);
  } else {
    console.error('usage: node scripts/matrix.mjs prepare | list [--json]');
    process.exitCode = 2;
  }
}
