// SPDX-License-Identifier: Apache-2.0
// The program: real streams around runCli. The only place that sets the exit code.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ExitCode, writeFailure } from '../base/index.ts';
import type { CliContext } from './command-spec.ts';
import { takeMallocSettings } from './malloc-settings.ts';
import { runCli } from './program.ts';
import { programName } from './program-name.ts';

/** What is written is bytes, and whoever writes them is told of errors. */
let failsByWrite = false;

const context: CliContext = {
  mallocSettings: takeMallocSettings(process.env),
  env: process.env,
  program: programName({
    file: fileURLToPath(new URL('../../bin/loadstore', import.meta.url)),
    workingFolder: process.cwd(),
    searchPath: process.env['PATH'] ?? '',
  }),
  stdoutIsTerminal: process.stdout.isTTY,
  stderrIsTerminal: process.stderr.isTTY,
  writeOut: async (text) => {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  },
  writeBytes: async (bytes) =>
    new Promise((resolve, reject) => {
      failsByWrite = true;
      process.stdout.write(bytes, (error) => {
        if (error) reject(error);
        else resolve();
      });
    }),
  writeErr: (text) => {
    process.stderr.write(text);
  },
};

// The reader of a pipe has seen enough (`loadstore dump FILE | head`), or there is no room (`loadstore dump FILE > x`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (failsByWrite) return;
  if (error.code === 'EPIPE') process.exit(ExitCode.ok);
  const failure = writeFailure('standard output', error, '> FILE');
  process.stderr.write(`loadstore: ${failure.message}\nTry: ${failure.remedy ?? ''}\n`);
  process.exit(failure.exitCode);
});
// What cannot be said is no reason not to do the work.
process.stderr.on('error', () => undefined);

try {
  process.exitCode = await runCli(process.argv.slice(2), context);
} catch (error) {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`loadstore: this is a bug in loadstore:\n${stack}\n`);
  process.exitCode = ExitCode.internal;
}
