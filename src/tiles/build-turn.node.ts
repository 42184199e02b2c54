// SPDX-License-Identifier: Apache-2.0
// Who builds an index: one process at a time. The turn is a socket with a name that has no file (Linux, unix(7):
// abstract), so that a builder that died has none. Whoever comes later asks there how far the index is.

import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { pid } from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';

export interface Builder {
  /** Undefined: it does not say. */
  readonly pid: number | undefined;
  /** Of the index, 0 to 1. */
  readonly part: number;
}

export interface BuildTurn {
  /** What others are told. */
  setPart(part: number): void;
  end(): Promise<void>;
}

const POLL_MS = 200;
const ANSWER_MS = 1000;

/** Waits until nobody else builds that file. Throws the reason of an aborted signal. */
export async function takeBuildTurn(
  indexFile: string,
  signal: AbortSignal | undefined,
  onWait: (builder: Builder) => void,
): Promise<BuildTurn> {
  const name = await nameOf(indexFile);
  for (;;) {
    signal?.throwIfAborted();
    const turn = await tryTurn(name);
    if (turn !== undefined) return turn;
    const builder = await askBuilder(name);
    if (builder !== undefined) onWait(builder);
    await wait(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** Undefined: somebody builds that file. */
export async function tryBuildTurn(indexFile: string): Promise<BuildTurn | undefined> {
  return tryTurn(await nameOf(indexFile));
}

async function nameOf(indexFile: string): Promise<string> {
  const folder = path.resolve(path.dirname(indexFile));
  const real = await realpath(folder).catch(() => folder);
  const hash = createHash('sha256').update(path.join(real, path.basename(indexFile)));
  return `\0loadstore-index-${hash.digest('hex')}`;
}

/** Undefined: somebody else has it. */
async function tryTurn(name: string): Promise<BuildTurn | undefined> {
  let part = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(JSON.stringify({ pid, part }));
  });
  if (!(await listens(server, name))) return undefined;
  server.unref();
  return {
    setPart(next) {
      part = next;
    },
    end: async () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}

async function listens(server: Server, name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('listening', () => {
      resolve(true);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(name);
  });
}

/** Undefined: it has just gone. */
async function askBuilder(name: string): Promise<Builder | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket: Socket = createConnection(name);
    socket.setTimeout(ANSWER_MS, () => {
      resolve({ pid: undefined, part: 0 });
      socket.destroy();
    });
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
    });
    socket.on('error', () => {
      resolve(undefined);
    });
    socket.on('end', () => {
      resolve(builderOf(text));
    });
  });
}

function builderOf(text: string): Builder {
  const words = /^\{"pid":(\d{1,9}),"part":([\d.e-]{1,30})\}$/.exec(text);
  const part = Number(words?.[2]);
  return {
    pid: words === null ? undefined : Number(words[1]),
    part: part >= 0 && part <= 1 ? part : 0,
  };
}
