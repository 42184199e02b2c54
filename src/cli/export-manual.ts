// SPDX-License-Identifier: Apache-2.0
// The part of docs/exports.md that is made from the table of formats. scripts/write-cli-manual.mjs writes it.

import { EXPORT_FORMATS, type FormatDescription, LOSS_NAMES, LOSSES } from '../export/index.ts';
import { PARQUET_FORMAT } from './parquet-export.ts';

const BEGIN = '<!-- Made from src/export/formats.ts by scripts/write-cli-manual.mjs: from here -->';
const FORMATS: readonly FormatDescription[] = [...EXPORT_FORMATS, PARQUET_FORMAT];
const END = '<!-- to here -->';

/** The document with its part between the marks made anew. Throws when it has no marks. */
export function replaceExportManual(document: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`no "${BEGIN}" with an "${END}" behind it`);
  return `${document.slice(0, begin)}${BEGIN}\n\n${renderFormats()}\n${document.slice(end)}`;
}

function renderFormats(): string {
  const losses = LOSS_NAMES.map((name) => {
    const formats = FORMATS.filter((format) => format.losses.includes(name));
    return `| \`${name}\` | ${LOSSES[name]} | ${formats.map((format) => format.name).join(', ')} |`;
  });
  return `| \`.lost\` | | left out of |\n|---|---|---|\n${losses.join('\n')}\n\n${FORMATS.map(renderFormat).join('\n')}`;
}

const OUTPUTS: Readonly<Record<FormatDescription['output'], string>> = {
  file: 'a file',
  folder: 'a folder with a file for each vCPU, compressed',
  partitions:
    'a folder with a folder for each vCPU: vcpu=0/part-00000.parquet ..., each of some 34 million accesses, and _SUCCESS, which is written last',
};

function renderFormat(format: FormatDescription): string {
  const rows = [
    ['read by', format.readBy],
    ['output', format.isOneVcpu ? 'a file, of one vCPU' : OUTPUTS[format.output]],
    ['a record is', format.record],
    ['units', format.units],
    ['keeps', format.keeps],
    ['loses', format.loses],
    ['use', `\`${format.use}\``],
    ['needs', format.needs.join(', ')],
  ].filter(([, text]) => text !== '');
  const drawn = rows.map(([name, text = '']) => `| ${name} | ${text.replaceAll('|', '\\|')} |`);
  return `### ${format.name}\n\n| | |\n|---|---|\n${drawn.join('\n')}\n`;
}
