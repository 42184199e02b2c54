// SPDX-License-Identifier: Apache-2.0
// Columns of text that line up.

import { formatBytes, formatQuantity } from '../../base/index.ts';

export type Align = 'left' | 'right';

/** Rows of cells as lines, each ending in a newline; a missing alignment is 'left'. */
export function drawTable(rows: readonly (readonly string[])[], aligns: readonly Align[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return aligns[column] === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** Words filled into lines of at most `width`, all but the first indented. */
export function fillText(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.join(`\n${indent}`);
}

/** At most `width` characters, with an ellipsis where something is left out. */
export function cutText(text: string, width: number, kept: 'begin' | 'end' = 'begin'): string {
  if (text.length <= width) return text;
  return kept === 'begin' ? `${text.slice(0, width - 1)}…` : `…${text.slice(1 - width)}`;
}

/** null: not known. */
export function renderBytes(sizeBytes: number | null): string {
  return sizeBytes === null ? 'unknown' : formatBytes(sizeBytes);
}

/** " and 12 more mnemonics" below a table that was cut; '' when it was not. */
export function moreLine(count: number, one: string, many: string = `${one}s`): string {
  return count <= 0 ? '' : ` and ${formatQuantity(count, `more ${one}`, `more ${many}`)}\n`;
}
