// SPDX-License-Identifier: Apache-2.0
// What bin/loadstore tells glibc's malloc, which reads it once, when a program starts.

const NAMES = ['MALLOC_ARENA_MAX', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'] as const;

export type MallocSettings = Readonly<Record<string, string>>;

/** Takes them out of the environment: QEMU and other programs that are started from here have none. */
export function takeMallocSettings(env: NodeJS.ProcessEnv): MallocSettings {
  const taken: Record<string, string> = {};
  for (const name of NAMES) {
    const value = env[name];
    if (value !== undefined) taken[name] = value;
    delete env[name];
  }
  return taken;
}
