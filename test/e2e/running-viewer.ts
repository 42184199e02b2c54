// SPDX-License-Identifier: Apache-2.0
// "loadstore view" as a user starts it, and what its page asks, over real HTTP.

import type { ChildProcess } from 'node:child_process';
import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { ApiError, TraceReply } from '../../src/server/protocol.ts';
import { type Finished, startLoadstore } from './run-loadstore.ts';

export interface HttpReply {
  readonly status: number;
  readonly bytes: Buffer;
}

export interface RunningViewer {
  readonly url: string;
  readonly token: string;
  readonly port: number;
  readonly pid: number;
  /** Any path, any headers: nothing is tidied up. */
  raw(
    path: string,
    headers?: Readonly<Record<string, string>>,
    method?: string,
  ): Promise<HttpReply>;
  /** An answer as JSON; throws when it is refused. */
  ask<T>(name: string, parameters?: Readonly<Record<string, string | number>>): Promise<T>;
  bytes(name: string, parameters: Readonly<Record<string, string | number>>): Promise<Buffer>;
  refusal(name: string, parameters?: Readonly<Record<string, string | number>>): Promise<ApiError>;
  /** When the index is there or cannot be. */
  settled(): Promise<TraceReply>;
  /** As Ctrl-C does. */
  stop(): Promise<Finished>;
}

const POLL_MS = 100;

export async function startViewer(...words: readonly string[]): Promise<RunningViewer> {
  const { child, finished } = startLoadstore(['view', '--no-open', '--json', ...words]);
  const first = await Promise.race([
    firstLine(child),
    finished.then(({ err }) => {
      throw new Error(`it ended: ${err}`);
    }),
  ]);
  const start = JSON.parse(first) as { url: string; token: string; port: number; pid: number };
  const { port, token } = start;
  const raw: RunningViewer['raw'] = async (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, headers, method }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(parts) });
        });
      });
      sent.on('error', reject);
      sent.end();
    });
  const reply = async (
    name: string,
    parameters: Readonly<Record<string, string | number>> = {},
  ): Promise<HttpReply> => {
    const pairs = Object.entries(parameters).map(([key, value]): [string, string] => [
      key,
      `${value}`,
    ]);
    return raw(`/${token}/api/${name}?${new URLSearchParams(pairs).toString()}`);
  };
  const answer = async (...question: Parameters<typeof reply>): Promise<Buffer> => {
    const { status, bytes } = await reply(...question);
    if (status === 200) return bytes;
    throw new Error(`${question[0]}: ${status} ${bytes.toString('utf8')}`);
  };
  const ask = async <T>(...question: Parameters<typeof reply>): Promise<T> =>
    JSON.parse((await answer(...question)).toString('utf8')) as T;
  return {
    ...start,
    raw,
    ask,
    bytes: answer,
    async refusal(...question) {
      const { status, bytes } = await reply(...question);
      if (status < 400) throw new Error(`${question[0]} was answered`);
      return JSON.parse(bytes.toString('utf8')) as ApiError;
    },
    async settled() {
      for (;;) {
        const trace = await ask<TraceReply>('trace');
        if (trace.index.state !== 'building') return trace;
        await wait(POLL_MS);
      }
    },
    async stop() {
      child.kill('SIGINT');
      return finished;
    },
  };
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stdout?.on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text);
    });
  });
}
