// SPDX-License-Identifier: Apache-2.0
// "loadstore view" as a process of its own, so that its memory can be told.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { arrayBuffer } from 'node:stream/consumers';
import { ExitCode, UserError } from '../base/index.ts';
import { PROJECT_FOLDER } from '../capture/index.ts';

export interface ViewerProcess {
  /** Of the page. */
  readonly url: string;
  /** The whole answer; throws UserError 'environment' when it is refused. */
  ask(name: string, parameters: Readonly<Record<string, string | number>>): Promise<ArrayBuffer>;
  /** Resident memory at most so far. */
  peakBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Throws UserError 'environment' when it does not come up; what it says goes to standard error. */
export async function startViewerProcess(file: string, indexFile: string): Promise<ViewerProcess> {
  const program = path.join(PROJECT_FOLDER, 'bin', 'loadstore');
  const words = ['view', file, '--index', indexFile, '--no-open', '--json'];
  // As a user starts it, for its first line tells malloc what to do; in this Node.js.
  const searchPath = `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH'] ?? ''}`;
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: searchPath },
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), ended.then(() => [])]);
  const start: unknown = typeof first[0] === 'string' ? JSON.parse(first[0]) : undefined;
  if (!isStart(start)) {
    throw new UserError(ExitCode.environment, 'the viewer did not start; see above');
  }
  const { url, pid } = start;
  return {
    url,
    async ask(name, parameters) {
      const pairs = Object.entries(parameters).map(([key, value]): [string, string] => [
        key,
        `${value}`,
      ]);
      const question = `${url}api/${name}?${new URLSearchParams(pairs).toString()}`;
      const reply = await new Promise<IncomingMessage>((resolve, reject) => {
        // fetch() gives up after five minutes: a summary of ten billion accesses takes longer.
        get(question, resolve).on('error', reject);
      });
      const body = await arrayBuffer(reply);
      if (reply.statusCode === 200) return body;
      throw new UserError(
        ExitCode.environment,
        `the viewer refused ${name}: ${reply.statusCode} ${new TextDecoder().decode(body)}`,
      );
    },
    async peakBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'latin1');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    },
    async stop() {
      child.kill('SIGINT');
      await ended;
    },
  };
}

function isStart(value: unknown): value is { readonly url: string; readonly pid: number } {
  return typeof value === 'object' && value !== null && 'url' in value && 'pid' in value;
}
