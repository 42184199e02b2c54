// SPDX-License-Identifier: Apache-2.0
// One builder at a time; what it leaves when it dies, or when the disk is full.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildViewIndex } from './build.node.ts';
import { type Builder, takeBuildTurn } from './build-turn.node.ts';
import { BUILD_WORKER, type SmallTrace, writeSmallTrace } from './small-trace.oracle.ts';

const BUILT_TURN = new URL('../../dist/tiles/build-turn.node.js', import.meta.url);
const BUILT_TILES = new URL('../../dist/tiles/index.js', import.meta.url);
const BUILT_FORMAT = new URL('../../dist/format/index.js', import.meta.url);

describe('who builds an index', { timeout: 60_000 }, () => {
  let small: SmallTrace;
  let alone: Buffer;
  beforeAll(async () => {
    small = await writeSmallTrace({
      ...{ seed: 31, executions: 1500, streams: 1, oddity: 0.1, blockCount: 11 },
    });
    const file = path.join(small.folder, 'alone.view');
    await buildViewIndex(small.trace, file, { workerUrl: BUILD_WORKER });
    alone = await readFile(file);
  }, 60_000);
  afterAll(async () => {
    await small.trace.close();
    await rm(small.folder, { recursive: true });
  });

  it('is the first that came; others wait for it and build nothing', async () => {
    const file = path.join(small.folder, 'both.view');
    const waits: Builder[] = [];
    const progress: string[] = [];
    const build = async (name: string): Promise<void> =>
      buildViewIndex(small.trace, file, {
        workerUrl: BUILD_WORKER,
        onWait: (builder) => waits.push(builder),
        onProgress: () => progress.push(name),
      });
    await Promise.all([build('first'), build('second')]);
    expect(waits[0]?.pid).toBe(process.pid);
    expect(new Set(progress).size).toBe(1);
    expect((await readFile(file)).equals(alone)).toBe(true);
  });

  it('is another one when it dies', async () => {
    const file = path.join(small.folder, 'died.view');
    const program = `
      const { takeBuildTurn } = await import(${JSON.stringify(BUILT_TURN.href)});
      const turn = await takeBuildTurn(${JSON.stringify(file)}, undefined, () => undefined);
      turn.setPart(0.25);
      console.log('mine');
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
    await once(createInterface({ input: child.stdout }), 'line');
    const waits: Builder[] = [];
    await buildViewIndex(small.trace, file, {
      workerUrl: BUILD_WORKER,
      onWait: (builder) => {
        waits.push(builder);
        child.kill('SIGKILL');
      },
    });
    expect(waits[0]).toEqual({ pid: child.pid, part: 0.25 });
    expect((await readFile(file)).equals(alone)).toBe(true);
  });

  it('is not waited for any longer than one wants', async () => {
    const file = path.join(small.folder, 'left.view');
    const turn = await takeBuildTurn(file, undefined, () => undefined);
    const stop = new AbortController();
    const build = buildViewIndex(small.trace, file, {
      ...{ workerUrl: BUILD_WORKER, signal: stop.signal },
      onWait: () => {
        stop.abort(new Error('enough'));
      },
    });
    await expect(build).rejects.toThrow('enough');
    await turn.end();
  });

  it('keeps what was counted when there is no room for more', async () => {
    const file = path.join(small.folder, 'full.view');
    const part = `${file}.part`;
    const program = `
      const { buildViewIndex } = await import(${JSON.stringify(BUILT_TILES.href)});
      const { openTrace } = await import(${JSON.stringify(BUILT_FORMAT.href)});
      const trace = await openTrace(${JSON.stringify(small.file)});
      try {
        await buildViewIndex(trace, ${JSON.stringify(file)});
      } catch (error) {
        console.log(JSON.stringify([error.kind, error.facts.file, error.facts.remedy]));
      }`;
    // No file may be longer than 16 blocks of 512 bytes: the system writes what fits, and refuses the next byte.
    const programFile = path.join(small.folder, 'full.mjs');
    await writeFile(programFile, program);
    const words = [process.execPath, programFile];
    const limited = ['-c', 'ulimit -f 16 && exec "$@"', 'sh', ...words];
    const child = spawn('sh', limited, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    expect(JSON.parse(line)).toEqual(['io', part, expect.stringContaining('kept')]);
    expect((await stat(part)).size).toBe(16 * 512);
    const before: number[] = [];
    await buildViewIndex(small.trace, file, {
      workerUrl: BUILD_WORKER,
      onProgress: (done) => before.push(done),
    });
    // It went on from there.
    expect(before[0]).toBeGreaterThan(0.9 / small.trace.chunks.length);
    expect((await readFile(file)).equals(alone)).toBe(true);
  });
});
