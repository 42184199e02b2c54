// SPDX-License-Identifier: Apache-2.0
// The few commands of the set-up that change the machine: as root, or through sudo.

import { CommandFailed, findOutput, run } from './run-command.mjs';

export function canBecomeRoot() {
  if (process.getuid?.() === 0) return true;
  // Without a terminal nobody can type a password.
  return process.stdin.isTTY
    ? findOutput('sudo', ['-V']) !== undefined
    : findOutput('sudo', ['-n', 'true']) !== undefined;
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
export function runAsRoot(program, args) {
  if (process.getuid?.() === 0) {
    run(program, args, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
    return;
  }
  if (!canBecomeRoot()) {
    throw new CommandFailed(
      `${program} ${args.join(' ')}`,
      1,
      'this needs root, and sudo is missing or wants a password; run that command as root, then again',
    );
  }
  run('sudo', ['env', 'DEBIAN_FRONTEND=noninteractive', program, ...args]);
}
