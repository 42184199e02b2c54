// SPDX-License-Identifier: Apache-2.0
// A disk that QEMU can keep snapshots in, and its monitor, which takes and loads them.

import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const CLUSTER_BYTES = 65_536;
/** Header, table of reference counts, reference counts, L1 table: a cluster each. */
const CLUSTERS = 4;

/** An empty qcow2 image of 1 MiB (QEMU's docs/interop/qcow2.rst). */
export function emptyQcow2(): Buffer {
  const image = Buffer.alloc(CLUSTERS * CLUSTER_BYTES);
  image.writeUInt32BE(0x5146_49fb, 0);
  image.writeUInt32BE(3, 4); // version
  image.writeUInt32BE(Math.log2(CLUSTER_BYTES), 20);
  image.writeBigUInt64BE(1n << 20n, 24);
  image.writeUInt32BE(1, 36); // entries of the L1 table
  image.writeBigUInt64BE(BigInt(3 * CLUSTER_BYTES), 40);
  image.writeBigUInt64BE(BigInt(CLUSTER_BYTES), 48);
  image.writeUInt32BE(1, 56); // clusters of the table of reference counts
  image.writeUInt32BE(4, 96); // log2 of a reference count's bits
  image.writeUInt32BE(104, 100); // bytes of the header
  image.writeBigUInt64BE(BigInt(2 * CLUSTER_BYTES), CLUSTER_BYTES);
  for (let i = 0; i < CLUSTERS; i++) image.writeUInt16BE(1, 2 * CLUSTER_BYTES + 2 * i);
  return image;
}

const DEADLINE_MS = 30_000;

/** QEMU's human monitor at a socket (`-monitor unix:FILE,server=on,wait=off`). */
export class Monitor {
  private readonly socket: net.Socket;
  private said = '';

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.said += text;
    });
  }

  /** Waits for QEMU to listen. */
  static async connect(file: string): Promise<Monitor> {
    for (let waitedMs = 0; ; waitedMs += 20) {
      const socket = net.connect(file);
      const connected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => {
          resolve(true);
        });
        socket.once('error', () => {
          resolve(false);
        });
      });
      if (connected) {
        const monitor = new Monitor(socket);
        socket.on('error', () => undefined); // QEMU ended
        await monitor.prompt('its greeting');
        return monitor;
      }
      if (waitedMs > DEADLINE_MS) throw new Error(`QEMU does not listen at ${file}`);
      await delay(20);
    }
  }

  /** What the command prints. Throws when that begins with "Error". */
  async run(command: string): Promise<string> {
    this.said = '';
    this.socket.write(`${command}\n`);
    const lines = (await this.prompt(command)).split('\r\n').slice(1, -1).join('\n');
    if (lines.startsWith('Error')) throw new Error(`${command}: ${lines}`);
    return lines;
  }

  /** Waits until the 32-bit word at this physical address has the value. */
  async awaitWord(paddr: bigint, value: number): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const shown = await this.run(`xp /1wx 0x${paddr.toString(16)}`);
      if (Number(shown.split(': ')[1]) === value) return;
      if (performance.now() > end) throw new Error(`not ${value}, but: ${shown}`);
      await delay(10);
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private async prompt(what: string): Promise<string> {
    const end = performance.now() + DEADLINE_MS;
    while (!this.said.endsWith('(qemu) ')) {
      if (performance.now() > end) throw new Error(`no answer to ${what}: ${this.said}`);
      await delay(5);
    }
    return this.said;
  }
}
