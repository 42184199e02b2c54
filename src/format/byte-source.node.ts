// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { describeSystemError, TraceError } from '../base/index.ts';
import { type ByteSource, shortRead } from './byte-source.ts';

/** Opens a file for positional reads. Throws TraceError 'io'. */
export async function openByteSource(path: string): Promise<ByteSource> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    throw ioError(path, cause);
  }
  try {
    const status = await handle.stat();
    if (status.isDirectory()) throw new TraceError('io', 'is a folder', { file: path });
    if (!status.isFile()) {
      throw new TraceError('io', 'not a regular file', {
        file: path,
        remedy: 'A trace is read at random: copy a pipe into a file first.',
      });
    }
    return fileSource(path, handle, status.size);
  } catch (cause) {
    await handle.close();
    throw cause instanceof TraceError ? cause : ioError(path, cause);
  }
}

function fileSource(path: string, handle: FileHandle, byteLength: number): ByteSource {
  return {
    name: path,
    byteLength,
    async read(fileOffset, byteCount) {
      const bytes = new Uint8Array(byteCount);
      let done = 0;
      while (done < byteCount) {
        const { bytesRead } = await readSome(path, handle, bytes, done, fileOffset + done);
        if (bytesRead === 0) throw shortRead(path, fileOffset, byteCount);
        done += bytesRead;
      }
      return bytes;
    },
    close: async () => {
      await handle.close();
    },
  };
}

async function readSome(
  path: string,
  handle: FileHandle,
  bytes: Uint8Array,
  begin: number,
  fileOffset: number,
): Promise<{ bytesRead: number }> {
  try {
    return await handle.read(bytes, begin, bytes.byteLength - begin, fileOffset);
  } catch (cause) {
    throw ioError(path, cause);
  }
}

export function ioError(path: string, cause: unknown): TraceError {
  return new TraceError('io', describeSystemError(cause), { file: path, cause });
}
