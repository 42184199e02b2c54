// SPDX-License-Identifier: Apache-2.0
// The command line without a terminal, for tests: what it says and how it ends.

import { runCli } from './program.ts';

export interface Said {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export async function hearCli(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  program = 'loadstore',
  stderrIsTerminal = false,
): Promise<Said> {
  let out = '';
  let err = '';
  const exitCode = await runCli(words, {
    ...{ env, program, mallocSettings: {} },
    stdoutIsTerminal: false,
    stderrIsTerminal,
    writeOut: (text) => {
      out += text;
      return Promise.resolve();
    },
    writeBytes: (bytes) => {
      out += Buffer.from(bytes).toString('latin1');
      return Promise.resolve();
    },
    writeErr: (text) => {
      err += text;
    },
  });
  return { exitCode, out, err };
}
