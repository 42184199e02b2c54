// SPDX-License-Identifier: Apache-2.0
// The only input the reader knows: bytes at a position. byte-source.node.ts opens a file.

import { TraceError } from '../base/index.ts';

export interface ByteSource {
  /** For messages: the file's path. */
  readonly name: string;
  /** Size when it was opened; a file that is still being written may have grown since. */
  readonly byteLength: number;
  /**
   * Exactly byteCount bytes from fileOffset, in memory of their own. The caller has compared both with
   * byteLength. Throws TraceError 'io' when the bytes are not there after all.
   */
  read(fileOffset: number, byteCount: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Bytes that are already in memory: tests, and a browser's dropped file. */
export function byteSourceFromBytes(bytes: Uint8Array<ArrayBuffer>, name = 'memory'): ByteSource {
  return {
    name,
    byteLength: bytes.byteLength,
    read: (fileOffset, byteCount) => {
      if (fileOffset + byteCount > bytes.byteLength) {
        return Promise.reject(shortRead(name, fileOffset, byteCount));
      }
      return Promise.resolve(bytes.slice(fileOffset, fileOffset + byteCount));
    },
    close: () => Promise.resolve(),
  };
}

export function shortRead(file: string, fileOffset: number, byteCount: number): TraceError {
  return new TraceError('io', 'the file is shorter than when it was opened', {
    file,
    fileOffset,
    expected: `${byteCount} bytes`,
    remedy: 'Was it overwritten while it was read? Open it again.',
  });
}
