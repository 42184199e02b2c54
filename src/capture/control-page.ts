// SPDX-License-Identifier: Apache-2.0
// The page of memory through which launcher and plugin talk while QEMU runs: a file of 4096 bytes that the
// plugin maps. The launcher writes the magic and the command, the plugin everything else. All fields are
// little-endian u64; a reader sees each field whole, but not all fields of one instant.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { ExitCode, findNumberFromU64, UserError } from '../base/index.ts';

export type ControlCommand = 'run' | 'pause' | 'stop';
export type RecorderState = 'not-loaded' | 'recording' | 'paused' | 'closing' | 'closed' | 'failed';

/** What the plugin says of itself. Counts are since the recording began. */
export interface RecorderStatus {
  readonly state: RecorderState;
  readonly command: ControlCommand;
  readonly qemuPid: number;
  readonly instructions: number;
  readonly accesses: number;
  /** Block executions. */
  readonly blocks: number;
  readonly bytesWritten: number;
  /** Times a vCPU waited for the encoder. */
  readonly waits: number;
  readonly hostNs: number;
  readonly events: number;
  /** errno of a failure, 0 for none. */
  readonly errno: number;
  /** Why the state is what it is, in the plugin's words; '' for nothing to say. */
  readonly message: string;
}

export const CONTROL_PAGE_BYTES = 4096;
const MAGIC = 'LSCTRL01';
const COMMAND_OFFSET = 8;
const MESSAGE_OFFSET = 128;
const MESSAGE_BYTES = 512;

const COMMANDS = ['run', 'pause', 'stop'] as const;
const STATES = ['not-loaded', 'recording', 'paused', 'closing', 'closed', 'failed'] as const;

export interface ControlPage {
  readonly file: string;
  readStatus(): RecorderStatus;
  sendCommand(command: ControlCommand): void;
  close(): void;
}

/** Makes a new page; the file must not exist. Only this user may open it. */
export function createControlPage(file: string, command: ControlCommand = 'run'): ControlPage {
  const fd = openSync(file, 'wx+', 0o600);
  const bytes = Buffer.alloc(CONTROL_PAGE_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(COMMANDS.indexOf(command), COMMAND_OFFSET);
  writeSync(fd, bytes, 0, bytes.length, 0);
  return controlPageFromFd(file, fd);
}

/** Opens the page of a running recording. Throws UserError 'environment' when it is not one. */
export function openControlPage(file: string): ControlPage {
  const fd = openSync(file, 'r+');
  const bytes = readPage(fd);
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    closeSync(fd);
    throw new UserError(ExitCode.environment, `${file} is not a recorder's control page`);
  }
  return controlPageFromFd(file, fd);
}

function controlPageFromFd(file: string, fd: number): ControlPage {
  return {
    file,
    readStatus: () => decodeStatus(readPage(fd)),
    sendCommand: (command) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE(COMMANDS.indexOf(command), 0);
      writeSync(fd, bytes, 0, bytes.length, COMMAND_OFFSET);
    },
    close: () => {
      closeSync(fd);
    },
  };
}

/** A status from the page's bytes. A state or command of a later version reads as 'failed' or 'run'. */
export function decodeStatus(page: Buffer): RecorderStatus {
  const messageArea = page.subarray(MESSAGE_OFFSET, MESSAGE_OFFSET + MESSAGE_BYTES);
  const messageEnd = messageArea.indexOf(0);
  return {
    state: STATES[readCount(page, 16)] ?? 'failed',
    command: COMMANDS[readCount(page, COMMAND_OFFSET)] ?? 'run',
    qemuPid: readCount(page, 24),
    instructions: readCount(page, 32),
    accesses: readCount(page, 40),
    blocks: readCount(page, 48),
    bytesWritten: readCount(page, 56),
    waits: readCount(page, 64),
    hostNs: readCount(page, 72),
    events: readCount(page, 80),
    errno: readCount(page, 88),
    message: messageArea.toString('utf8', 0, messageEnd === -1 ? MESSAGE_BYTES : messageEnd),
  };
}

function readPage(fd: number): Buffer {
  const bytes = Buffer.alloc(CONTROL_PAGE_BYTES);
  readSync(fd, bytes, 0, CONTROL_PAGE_BYTES, 0);
  return bytes;
}

function readCount(page: Buffer, offset: number): number {
  const count = findNumberFromU64(page.readUInt32LE(offset), page.readUInt32LE(offset + 4));
  return count ?? Number.MAX_SAFE_INTEGER;
}
