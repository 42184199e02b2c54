// SPDX-License-Identifier: Apache-2.0
// Writes the generated part of docs/completeness.md: conformance on the QEMUs of the matrix. Run it after
// `npm run build`; `node scripts/matrix.mjs prepare` brings the QEMUs.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { listMatrix } from './matrix.mjs';
import { findOutput, PROJECT_ROOT } from './run-command.mjs';
import { QEMU_SOURCES } from './unpacked-qemu.mjs';

const BEGIN = '<!-- written by scripts/write-completeness.mjs: begin -->\n';
const END = '<!-- end -->\n';

const matrix = listMatrix();
if (matrix.length !== QEMU_SOURCES.length) {
  throw new Error('a QEMU of the matrix is missing: node scripts/matrix.mjs prepare');
}
const { renderCompleteness } = await import(
  path.join(PROJECT_ROOT, 'dist', 'conformance', 'completeness.js')
);
const words = ['conformance', '--json', '--qemu', ...matrix.map((qemu) => qemu.path)];
const printed = findOutput(process.execPath, [
  path.join(PROJECT_ROOT, 'bin', 'loadstore'),
  ...words,
]);
if (printed === undefined)
  throw new Error('a case is not as it is declared: loadstore conformance');
const result = JSON.parse(printed);
const file = path.join(PROJECT_ROOT, 'docs', 'completeness.md');
const text = readFileSync(file, 'utf8');
const [before, rest] = text.split(BEGIN);
const after = rest?.split(END)[1];
if (before === undefined || after === undefined)
  throw new Error(`${file} has no part to be written`);
writeFileSync(file, `${before}${BEGIN}${renderCompleteness(result)}\n${END}${after}`);
