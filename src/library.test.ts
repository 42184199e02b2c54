// SPDX-License-Identifier: Apache-2.0
// The snippets of docs/library.md are what they say: one module, which a user's compiler takes and Node.js runs.
// Needs what was built.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { endRepeating, randomTrace } from './format/program.oracle.ts';
import { encodeTrace } from './format/reference-encoder.oracle.ts';

const PROJECT = fileURLToPath(new URL('../', import.meta.url));
const COMPILER_OPTIONS = ['--strict', '--module', 'nodenext', '--target', 'es2023'];

it('the snippets of docs/library.md compile, run, and print figures of the trace', async () => {
  const manual = await readFile(path.join(PROJECT, 'docs', 'library.md'), 'utf8');
  const snippets = [...manual.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
  expect(snippets.length).toBeGreaterThan(4);
  const { bytes, seen } = encodeTrace(
    endRepeating(
      randomTrace({ seed: 5, blockCount: 9, executions: 1200, streams: 1, oddity: 0.2 }),
    ),
  );
  const folder = await mkdtemp(path.join(os.tmpdir(), 'library-'));
  try {
    await mkdir(path.join(folder, 'node_modules'));
    await symlink(PROJECT, path.join(folder, 'node_modules', 'loadstore'));
    const write = async (name: string, content: string | Uint8Array): Promise<void> =>
      writeFile(path.join(folder, name), content);
    await write('package.json', '{"type": "module"}\n');
    await write('boot.memtrace', bytes);
    await write('snippets.ts', snippets.join('\n'));
    const run = async (script: string, args: readonly string[]): Promise<string> => {
      const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
        cwd: folder,
      });
      return stdout;
    };
    await run(path.join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc'), [
      ...COMPILER_OPTIONS,
      ...['--lib', 'es2023,dom', '--skipLibCheck', 'snippets.ts'],
    ]);
    const lines = (await run('snippets.js', [])).split('\n');
    const executed = seen.blocks.reduce((sum, block) => sum + block.executed, 0);
    expect(executed).toBeGreaterThan(seen.instructions);
    // Of blocks(), and of countsAnalysis.
    expect(lines.filter((line) => line === String(seen.instructions))).toHaveLength(2);
    expect(lines.filter((line) => /^(L1I|L1D|L2) \d+ \d+$/.test(line)).length).toBe(3);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
