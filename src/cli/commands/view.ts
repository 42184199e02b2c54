// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ExitCode, TraceError, UserError } from '../../base/index.ts';
import { openTrace, type Trace } from '../../format/index.ts';
import { type IndexState, startViewer, type Viewer } from '../../server/index.ts';
import { JOBS_OPTION } from '../analysis-run.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findText,
  findTexts,
  isOn,
  JSON_OPTION,
  threadsFrom,
  wordAt,
} from '../command-spec.ts';
import { databaseNames } from '../database-names.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from '../guest-symbols.ts';
import { inputFiles, requireNoInput } from '../input-files.ts';
import { withSignals } from '../interrupts.ts';
import { statusLine } from '../status-line.ts';

const MOST_PORT = 65_535;

export const viewCommand: CommandSpec = {
  details: `Serves a page on 127.0.0.1, at an address with a random token that nobody else knows, and opens it. The first time an
index is built beside the trace, FILE.view; what was built is not built again. Nothing can be changed from the page, and no
file be read but the trace. Ctrl-C ends it. docs/viewer.md tells more.`,
  options: [
    { flags: '--port <N>', description: 'port to listen on; default: any that is free' },
    { flags: '--no-open', description: 'print the address, start no browser' },
    { flags: '--index <FILE>', description: 'where the index is; default: FILE.view' },
    SYMBOLS_OPTION,
    JOBS_OPTION,
    { ...JSON_OPTION, description: 'print the address as JSON once the page can be opened' },
  ],
  examples: [
    'loadstore view boot.memtrace',
    'loadstore view boot.memtrace --no-open --port 8080 --symbols vmlinux',
  ],
  run: runView,
};

/** What --json prints when the page can be opened. */
interface ViewStart {
  readonly url: string;
  readonly token: string;
  readonly port: number;
  readonly pid: number;
  readonly index: IndexState & { readonly file: string };
}

async function runView(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const port = portFrom(input);
  const workers = threadsFrom(input);
  const file = wordAt(input, 0);
  const indexFile = findText(input, 'index') ?? `${file}.view`;
  const trace = await openTrace(file);
  try {
    requireNoInput([indexFile], inputFiles(input), '--index FILE');
    requireIndexPlace(indexFile);
    if (!trace.complete) {
      context.writeErr('loadstore: note: this trace was cut; "loadstore info" says where\n');
    }
    await serve(input, context, trace, { port, workers, indexFile });
    return ExitCode.ok;
  } finally {
    await trace.close();
  }
}

/** An index is written beside its place and then put there: whatever is there but a file would be gone. */
function requireIndexPlace(indexFile: string): void {
  if (statSync(indexFile, { throwIfNoEntry: false })?.isFile() !== false) return;
  throw new UserError(
    ExitCode.usage,
    `${indexFile} is no regular file, and an index cannot be put there`,
    'the name of a file: --index FILE',
  );
}

async function serve(
  input: CommandInput,
  context: CliContext,
  trace: Trace,
  { port, workers, indexFile }: { port: number; workers: number; indexFile: string },
): Promise<void> {
  const symbols = await readGuestSymbols(input, context, trace);
  const line = statusLine(context);
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  await withSignals({ onStop: stop }, async () => {
    const viewer = await startViewer({
      ...{ trace, symbols, indexFile, port, workers: Math.max(1, workers) },
      symbolFiles: findTexts(input, 'symbols'),
      sqlNames: databaseNames(trace.code, symbols),
      pageFolder: fileURLToPath(new URL('../../viewer/', import.meta.url)),
      onIndex: (state) => {
        if (state.state === 'building') line.showPart(state.part, 'building the index');
        else line.clear();
        if (state.state === 'failed') {
          context.writeErr(`loadstore: there will be no map: ${state.message ?? ''}\n`);
        } else if (state.state === 'ready' && state.message !== null) {
          context.writeErr(`loadstore: note: ${state.message}\n`);
        }
      },
      onBug: (error) => {
        const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
        context.writeErr(`loadstore: this is a bug in loadstore:\n${stack}\n`);
      },
    });
    try {
      await tell(input, context, viewer, indexFile);
      if (input.options.get('open') !== false) openBrowser(viewer.url);
      await stopped;
    } finally {
      line.clear();
      await viewer.close();
    }
  });
}

async function tell(
  input: CommandInput,
  context: CliContext,
  { url, token, port, index }: Viewer,
  indexFile: string,
): Promise<void> {
  if (!isOn(input, 'json')) {
    await context.writeOut(`${url}\n`);
    context.writeErr('loadstore: Ctrl-C ends it\n');
    return;
  }
  const start: ViewStart = {
    url,
    token,
    port,
    pid: process.pid,
    index: { ...index, file: indexFile },
  };
  await context.writeOut(`${JSON.stringify(start)}\n`);
}

function portFrom(input: CommandInput): number {
  const port = findCount(input, 'port', '--port') ?? 0;
  if (port <= MOST_PORT) return port;
  throw new TraceError('bad-argument', '--port is no port', {
    expected: `1 to ${MOST_PORT}, or 0 for any that is free`,
    found: String(port),
  });
}

/** The address was printed: where no browser can be started, nothing is lost. */
function openBrowser(url: string): void {
  const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
