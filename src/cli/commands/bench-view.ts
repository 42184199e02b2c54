// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ExitCode, TraceError, UserError } from '../../base/index.ts';
import { chooseQemu, requirePluginFile } from '../../capture/index.ts';
import { openTrace } from '../../format/index.ts';
import { demoBootArguments, prepareDemoGuest } from '../../guests/index.ts';
import type { TraceReply } from '../../server/index.ts';
import { buildViewIndex, endOfStream } from '../../tiles/index.ts';
import { measurePage } from '../bench-page.ts';
import { SAVE_OPTION, saveBenchResult } from '../bench-results.ts';
import { launchChromium } from '../chromium.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  isOn,
  JSON_OPTION,
  printResult,
  QEMU_OPTION,
} from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { describeMachine } from '../machine.ts';
import { cacheFolder, qemuSearchFrom } from '../qemu-search.ts';
import { renderBenchView } from '../render/bench.ts';
import type { BenchViewResult, ViewFigures } from '../results.ts';
import { type WalkedTrace, walkTiles } from '../tile-walk.ts';
import { startViewerProcess, type ViewerProcess } from '../viewer-process.ts';
import { holdSession } from '../viewer-session.ts';
import { recordWatched } from '../watched-recording.ts';

const DEFAULT_RUNS = 3;
const TILES = 300;
const SEED = 5;
/** Cells of a tile of the page, in both directions. */
const TILE_CELLS = 256;

export const benchViewCommand: CommandSpec = {
  details: `Each run builds the index in a temporary folder, opens the page in Chromium at 1280x720, zooms, drags and holds keys, asks
the server for 300 tiles one after the other, and then for what a long session may: windows, lists, accesses, caches of
the whole trace, SQL, a file, much of it at once. Medians count, of memory the highest. Without FILE the demo boot is recorded first. Keep the machine quiet meanwhile.`,
  options: [
    { flags: '--runs <N>', description: `how often; default: ${DEFAULT_RUNS}` },
    SAVE_OPTION,
    QEMU_OPTION,
    JSON_OPTION,
  ],
  examples: ['loadstore bench view boot.memtrace', 'loadstore bench view --runs 5 --json'],
  run: async (input, context) => {
    const runs = findCount(input, 'runs', '--runs') ?? DEFAULT_RUNS;
    if (runs < 1) throw new TraceError('bad-argument', '--runs is at least 1');
    const folder = await mkdtemp(path.join(os.tmpdir(), 'loadstore-bench-'));
    try {
      const file = input.words[0] ?? (await recordDemo(input, context, folder));
      const result = await benchView(file, folder, runs, context);
      await printResult(context, input, result, renderBenchView);
      if (isOn(input, 'save')) {
        await saveBenchResult(result, `node-${process.versions.node}`, context);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return ExitCode.ok;
  },
};

async function recordDemo(
  input: CommandInput,
  context: CliContext,
  folder: string,
): Promise<string> {
  const qemu = await chooseQemu(qemuSearchFrom(input, context));
  const guest = await prepareDemoGuest({
    cacheFolder: cacheFolder(context),
    qemuPath: qemu.path,
    onProgress: (what) => {
      context.writeErr(`loadstore: ${what}\n`);
    },
  });
  const outputFile = path.join(folder, 'boot.memtrace');
  const { verdict } = await recordWatched(
    {
      ...{ qemu, pluginFile: requirePluginFile(context.env['LOADSTORE_PLUGIN']), outputFile },
      guestArguments: demoBootArguments(guest, {
        console: { file: path.join(folder, 'console.txt') },
      }),
      ...{ force: true, limits: {}, startPaused: false, events: true, terminal: 'none' },
    },
    context,
    true,
  );
  if (verdict.cause === 'guest-exit') return outputFile;
  throw new UserError(
    verdict.exitCode === ExitCode.ok ? ExitCode.environment : verdict.exitCode,
    `the boot did not run to its end: ${verdict.explanation || verdict.cause}`,
    verdict.remedy,
  );
}

async function benchView(
  file: string,
  folder: string,
  runs: number,
  context: CliContext,
): Promise<BenchViewResult> {
  const measured: ViewFigures[] = [];
  for (let run = 0; run < runs; run++) {
    const indexFile = path.join(folder, 'index.view');
    const index = await measureIndex(file, indexFile);
    measured.push({ ...index.figures, ...(await measureViewer(file, indexFile, index, context)) });
    await rm(indexFile);
    context.writeErr(`loadstore: run ${run + 1} of ${runs} is done\n`);
  }
  const { accesses } = await sizeOf(file);
  return {
    benchmark: 'view',
    date: new Date().toISOString(),
    machine: describeMachine(),
    ...{ accesses, runs, ...mergeRuns(measured) },
  };
}

/** Medians; of memory the highest. */
export function mergeRuns(runs: readonly ViewFigures[]): ViewFigures {
  const values = (name: keyof ViewFigures): readonly number[] => runs.map((run) => run[name]);
  const median = (name: keyof ViewFigures): number =>
    values(name).toSorted((a, b) => a - b)[runs.length >> 1] ?? 0;
  return {
    indexAccessesPerSecond: median('indexAccessesPerSecond'),
    indexBytesPerAccess: median('indexBytesPerAccess'),
    pageReadyMs: median('pageReadyMs'),
    tileP95Ms: median('tileP95Ms'),
    framesPerSecond: median('framesPerSecond'),
    browserHeapBytes: Math.max(...values('browserHeapBytes')),
    serverPeakBytes: Math.max(...values('serverPeakBytes')),
  };
}

interface TraceSize {
  readonly accesses: number;
  /** Behind the last access of stream 0. */
  readonly ordinalEnd: number;
}

async function sizeOf(file: string): Promise<TraceSize> {
  const trace = await openTrace(file);
  try {
    const { loads, stores } = trace.summary();
    return { accesses: loads + stores, ordinalEnd: Math.max(1, endOfStream(trace, 0)) };
  } finally {
    await trace.close();
  }
}

async function measureIndex(
  file: string,
  indexFile: string,
): Promise<
  TraceSize & {
    readonly figures: Pick<ViewFigures, 'indexAccessesPerSecond' | 'indexBytesPerAccess'>;
  }
> {
  const size = await sizeOf(file);
  const trace = await openTrace(file);
  try {
    const beginMs = performance.now();
    const workers = os.availableParallelism();
    await withAbort(async (signal) => buildViewIndex(trace, indexFile, { signal, workers }));
    const seconds = (performance.now() - beginMs) / 1000;
    const { size: indexBytes } = await stat(indexFile);
    return {
      ...size,
      figures: {
        indexAccessesPerSecond: size.accesses / seconds,
        indexBytesPerAccess: indexBytes / Math.max(1, size.accesses),
      },
    };
  } finally {
    await trace.close();
  }
}

async function measureViewer(
  file: string,
  indexFile: string,
  size: TraceSize,
  context: CliContext,
): Promise<Omit<ViewFigures, 'indexAccessesPerSecond' | 'indexBytesPerAccess'>> {
  const browser = await launchChromium(context.env['PATH'] ?? '');
  try {
    const viewer = await startViewerProcess(file, indexFile);
    try {
      const page = await measurePage(browser, viewer.url);
      const pages = pagesOf(await viewer.ask('trace', {}));
      const walked = { pages, ordinalEnd: size.ordinalEnd };
      const elapsed = await askTiles(viewer, walked);
      await holdSession(viewer, walked);
      return { ...page, tileP95Ms: p95(elapsed), serverPeakBytes: await viewer.peakBytes() };
    } finally {
      await viewer.stop();
    }
  } finally {
    await browser.close();
  }
}

/** Milliseconds until each was there. */
async function askTiles(viewer: ViewerProcess, trace: WalkedTrace): Promise<readonly number[]> {
  const elapsed: number[] = [];
  for (const view of walkTiles(trace, TILES, SEED)) {
    const beginMs = performance.now();
    await viewer.ask('tile', { ...view, columns: TILE_CELLS, rows: TILE_CELLS });
    elapsed.push(performance.now() - beginMs);
  }
  return elapsed;
}

function pagesOf(reply: ArrayBuffer): WalkedTrace['pages'] {
  const trace: unknown = JSON.parse(new TextDecoder().decode(reply));
  if (!isTraceReply(trace)) throw new Error('internal: the viewer does not say what the trace is');
  return Object.entries(trace.spaces).flatMap(([space, info]) =>
    info === null ? [] : [{ space, pageCount: info.pageCount }],
  );
}

function isTraceReply(value: unknown): value is TraceReply {
  return typeof value === 'object' && value !== null && 'spaces' in value;
}

export function p95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * 0.95)] ?? 0;
}
