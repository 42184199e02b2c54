// SPDX-License-Identifier: Apache-2.0
// What figures were measured on. No names: results are published.

import os from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the last minute when the benchmark ended: a quiet machine shows its own work only. */
  readonly loadAverage: number;
}

export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryBytes: os.totalmem(),
    kernel: os.release(),
    node: process.version,
    loadAverage: os.loadavg()[0] ?? 0,
  };
}
