// SPDX-License-Identifier: Apache-2.0
// Outputs that are there already and take bytes one after the other: standard output, FIFOs, devices. Nothing is
// replaced, and what a reader has taken is taken.

import { constants, openSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { isStandardOutput } from '../capture/index.ts';
import type { CliContext } from './command-spec.ts';

/** Where the bytes of a file end up. */
export interface ByteSink {
  /** Resolves when the next may come. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export type OutputStream = 'standard output' | 'fifo' | 'device';

/** What the name leads to, when it is such an output. */
export function findOutputStream(name: string): OutputStream | undefined {
  if (isStandardOutput(name)) return 'standard output';
  try {
    const facts = statSync(name, { throwIfNoEntry: false });
    if (facts?.isFIFO() === true) return 'fifo';
    return facts?.isCharacterDevice() === true ? 'device' : undefined;
  } catch {
    return undefined; // whoever makes a file of this name will say why not
  }
}

/** Throws what the system does, and the reason of an aborted signal while a FIFO has no reader. */
export async function openOutputStream(
  stream: OutputStream,
  name: string,
  { writeBytes }: Pick<CliContext, 'writeBytes'>,
  signal: AbortSignal,
): Promise<ByteSink> {
  if (stream === 'standard output') return { write: writeBytes, close: () => Promise.resolve() };
  if (stream === 'device') return fileSink(await open(name, 'w'));
  const socket = await openFifo(name, signal);
  signal.addEventListener('abort', () => socket.destroy()); // a reader that takes nothing keeps nobody here
  return socketSink(socket);
}

export function fileSink(handle: FileHandle): ByteSink {
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
      }
    },
    close: async () => handle.close(),
  };
}

const READER_POLL_MS = 50;

/** A FIFO that is opened in the usual way waits for its reader where no signal reaches it. */
async function openFifo(name: string, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    try {
      const fd = openSync(name, constants.O_WRONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENXIO')) throw error;
    }
    await wait(READER_POLL_MS);
    signal.throwIfAborted();
  }
}

function socketSink(socket: Socket): ByteSink {
  socket.on('error', () => undefined); // whoever writes next is told
  return {
    write: async (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    close: async () =>
      new Promise((resolve) => {
        socket.destroySoon();
        if (socket.closed) resolve();
        else socket.once('close', resolve);
      }),
  };
}
