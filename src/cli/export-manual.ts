// SPDX-License-Identifier: Apache-2.0
// The part of docs/exports.md that is made from the table of formats. scripts/write-cli-manual.mjs writes it.

import { EXPORT_FORMATS, type ExportFormat, LOSS_NAMES, LOSSES } from '../export/index.ts';

const BEGIN = '<!-- Made from src/export/formats.ts by scripts/write-cli-manual.mjs: from here -->';
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
    const formats = EXPORT_FORMATS.filter((format) => format.losses.includes(name));
    return `| \`${name}\` | ${LOSSES[name]} | ${formats.map((format) => format.name).join(', ')} |`;
  });
  return `| \`.lost\` | | left out of |\n|---|---|---|\n${losses.join('\n')}\n\n${EXPORT_FORMATS.map(renderFormat).join('\n')}`;
}

function renderFormat(format: ExportFormat): string {
  const output =
    format.output === 'folder'
      ? 'a folder with a file for each vCPU, compressed'
      : format.isOneVcpu
        ? 'a file, of one vCPU'
        : 'a file';
  const rows = [
    ['read by', format.readBy],
    ['output', output],
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
