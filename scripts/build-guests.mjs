// SPDX-License-Identifier: Apache-2.0
// Assembles guests/*.asm into dist/guests/assembled/: NAME.bin, the image for `-bios`; NAME.symbols, a symbol and its value a line;
// and the sources themselves, in which the expected accesses are written.
//
// Lines that are to be found again at run time get a label FILE_LINE, "..@plain_42": instructions in a CASE
// or in a sequence of expected accesses, and the macros that a run leaves its traces at.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isStarted, PROJECT_ROOT } from './run-command.mjs';

const SOURCES = path.join(PROJECT_ROOT, 'guests');
const OUTPUT = path.join(PROJECT_ROOT, 'dist', 'guests', 'assembled');

const MARKING_MACRO = /^(?:CASE|ENDCASE|CHECK|NEEDS)\b/;
const NO_INSTRUCTION =
  /^(?:$|[[%]|(?:align|bits|cpu|db|dd|default|dq|dw|org|resb|times|MARK|FIX|GATE|PASS|ENDNEEDS)\b|[\w.$]+\s+equ\b)/;

/**
 * @param {string} text of a source
 * @param {string} stem its name without extension
 */
export function labelLines(text, stem) {
  let isInside = false;
  let isMacro = false;
  return text
    .split('\n')
    .map((line, index) => {
      const where = `${stem} line ${index + 1}`;
      if (/^\s*;=\s*sequence\b/.test(line)) isInside = true;
      if (/^\s*;=\s*endsequence\b/.test(line)) isInside = false;
      const code = withoutComment(line);
      const [, label = '', rest = ''] = /^\s*(?:([\w.$]+):)?\s*(.*)$/.exec(code) ?? [];
      if (/^%macro\b/.test(rest)) isMacro = true;
      if (/^%endmacro\b/.test(rest)) isMacro = false;
      // A macro with a CASE is there to be used once; other macros are not.
      if (isMacro && !isInside && !/^CASE\b/.test(rest)) return line;
      const isMarking = MARKING_MACRO.test(rest);
      if (/^CASE\b/.test(rest)) isInside = true;
      const isKept = isMarking || (isInside && !NO_INSTRUCTION.test(rest));
      if (/^ENDCASE\b/.test(rest)) isInside = false;
      if (!isKept) return line;
      if (label.startsWith('.') || (label !== '' && isMarking)) {
        throw new Error(`${where}: the label ${label} cannot be kept: put it in a line of its own`);
      }
      return label === '' ? `..@${stem}_${index + 1}: ${line.trimStart()}` : line;
    })
    .join('\n');
}

/** @param {string} line */
function withoutComment(line) {
  return line.replace(/("[^"]*"|'[^']*'|`[^`]*`)|;.*/g, (_, quoted) => quoted ?? '').trim();
}

/** @param {string} map as nasm prints it */
function readSymbols(map) {
  /** @type {string[]} */
  const lines = [];
  // A symbol of a section has its address twice, one that is a number has it once.
  for (const [, value, symbol] of map.matchAll(/^\s*(?:[0-9A-F]+\s+)?([0-9A-F]+)\s+([\w.@]+)$/gm)) {
    if (value !== undefined && symbol !== undefined)
      lines.push(`${symbol} 0x${value.toLowerCase()}\n`);
  }
  return lines.join('');
}

export function buildGuests() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-guests-'));
  try {
    rmSync(OUTPUT, { recursive: true, force: true });
    mkdirSync(OUTPUT, { recursive: true });
    const files = readdirSync(SOURCES).filter((file) => /\.(?:asm|inc)$/.test(file));
    for (const file of files) {
      const text = readFileSync(path.join(SOURCES, file), 'utf8');
      writeFileSync(path.join(folder, file), labelLines(text, path.parse(file).name));
      cpSync(path.join(SOURCES, file), path.join(OUTPUT, file));
    }
    for (const file of files.filter((name) => name.endsWith('.asm'))) {
      const { name } = path.parse(file);
      const args = ['-f', 'bin', '-w+error', '-o', path.join(OUTPUT, `${name}.bin`), file];
      const map = execFileSync('nasm', args, { cwd: folder, encoding: 'utf8' });
      writeFileSync(path.join(OUTPUT, `${name}.symbols`), readSymbols(map));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isStarted(import.meta.filename)) {
  try {
    buildGuests();
  } catch (error) {
    // What nasm says is on stderr already.
    console.error(error instanceof Error ? error.message.split('\n')[0] : error);
    process.exitCode = 1;
  }
}
