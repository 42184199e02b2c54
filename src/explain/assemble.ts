// SPDX-License-Identifier: Apache-2.0
// The instruction to explain, from assembler text or from bytes.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeSystemError, ExitCode, UserError } from '../base/index.ts';
import { scratchParent } from '../capture/index.ts';
import type { CodeBits } from './machine-state.ts';

/** The longest x86 instruction (SDM 2A 2.3.11). */
const MAX_INSTRUCTION_BYTES = 15;

/** "480fc70f", also with spaces between the bytes. Throws UserError 'usage' for what is not bytes. */
export function parseBytes(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s,]|0x/gi, '');
  if (!/^(?:[0-9a-f]{2})+$/i.test(digits) || digits.length / 2 > MAX_INSTRUCTION_BYTES) {
    throw new UserError(
      ExitCode.usage,
      `--bytes ${text}: an instruction is 1 to ${MAX_INSTRUCTION_BYTES} bytes, two hexadecimal digits each`,
      'for example --bytes 480fc70f',
    );
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function formatDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Assembles text with nasm, at the linear address that it will run at. Throws UserError 'usage' for text that is not
 * assembled and 'environment' when nasm is not there.
 */
export async function assembleText(
  text: string,
  bits: CodeBits,
  origin: bigint,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (/[\n\r]/.test(text) || /^\s*(?:[[%]|$)/.test(text)) {
    throw notAnInstruction(text);
  }
  if (text.replaceAll(/'[^']*'|"[^"]*"/g, '').includes(';')) {
    throw new UserError(
      ExitCode.usage,
      `"${text}": to nasm what is behind ";" is a comment`,
      `one instruction at a time: loadstore explain 'mov eax, [rdi]'`,
    );
  }
  const folder = await mkdtemp(path.join(scratchParent(), 'loadstore-nasm-'));
  try {
    const source = path.join(folder, 'text');
    const output = path.join(folder, 'code');
    const lines = [`bits ${bits}`, `org 0x${origin.toString(16)}`, text, ''];
    await writeFile(source, lines.join('\n'));
    // A number that does not fit would be cut, and be another instruction.
    const warnings = ['-w-all', '-w+number-overflow', '-w+error=number-overflow'];
    await runNasm(['-f', 'bin', ...warnings, '-o', output, source], text, source, signal);
    const bytes = Uint8Array.from(await readFile(output));
    // A word that nasm does not know is a label to it.
    if (bytes.length === 0) throw notAnInstruction(text);
    return bytes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function notAnInstruction(text: string): UserError {
  return new UserError(
    ExitCode.usage,
    `"${text}" is not an instruction`,
    `one instruction, as nasm writes it: loadstore explain 'mov eax, [rdi]'`,
  );
}

async function runNasm(
  args: readonly string[],
  text: string,
  source: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = {
    encoding: 'utf8',
    timeout: 10_000,
    ...(signal === undefined ? {} : { signal }),
  } as const;
  await new Promise<void>((resolve, reject) => {
    execFile('nasm', [...args], options, (error, _out, said) => {
      if (error === null) {
        resolve();
      } else if (error.name === 'AbortError') {
        reject(error);
      } else if (error.code === 'ENOENT' || typeof error.code === 'string') {
        reject(
          new UserError(
            ExitCode.environment,
            `nasm, which assembles the instruction, does not run: ${describeSystemError(error)}`,
            'sudo apt install nasm, or give the bytes: loadstore explain --bytes 480fc70f',
          ),
        );
      } else {
        const message = said
          .replaceAll(`${source}:3: `, '')
          .replaceAll(/ \[-w[^\]]*\]/g, '')
          .trim()
          .split('\n')
          .join('; ');
        reject(
          new UserError(
            ExitCode.usage,
            `nasm does not assemble "${text}": ${message}`,
            'nasm writes instructions as "mov eax, [rdi + 8]"; or give the bytes with --bytes',
          ),
        );
      }
    });
  });
}
