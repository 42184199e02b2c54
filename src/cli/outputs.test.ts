// SPDX-License-Identifier: Apache-2.0
// Names that an output cannot have, for every format and every command that writes one: said before the trace is read,
// and nothing is touched.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXPORT_FORMATS } from '../export/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { openExportOutput } from './export-output.ts';
import { PARQUET_FORMAT } from './parquet-export.ts';
import { hearCli, type Said } from './program.oracle.ts';

const REFERENCE = randomTrace({ seed: 5, blockCount: 8, executions: 50, streams: 1, oddity: 0.1 });
let home = '';
let folder = '';
let trace = '';
const at = (name: string): string => path.join(folder, name);

beforeAll(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'loadstore-outputs-'));
  trace = path.join(home, 'x.memtrace');
  writeFileSync(trace, encodeTrace(REFERENCE).bytes);
});
afterAll(() => {
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  folder = mkdtempSync(path.join(home, 'o-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const loadstore = async (...words: readonly string[]): Promise<Said> =>
  hearCli(words, { LOADSTORE_CACHE: home });

const WRITERS: readonly {
  readonly name: string;
  readonly isFolder: boolean;
  /** How the command line names the output, in its advice. */
  readonly option: string;
  readonly words: (output: string, input?: string) => string[];
}[] = [
  ...[...EXPORT_FORMATS, PARQUET_FORMAT].map(({ name, output }) => ({
    ...{ name: `export --to ${name}`, isFolder: output !== 'file', option: '-o OUT' },
    words: (file: string, input = trace) => ['export', input, '--to', name, '-o', file],
  })),
  ...['csv', 'json', 'parquet'].map((format) => ({
    ...{ name: `query --format ${format}`, isFolder: false, option: '-o FILE' },
    words: (file: string, input = trace) => [
      ...['query', input, 'select * from accesses', '--format', format, '-o', file],
    ],
  })),
  {
    ...{ name: 'report', isFolder: false, option: '--html OUT' },
    words: (file: string, input = trace) => ['report', input, '--html', file],
  },
];

describe.each(WRITERS)('$name', ({ words, isFolder, option }) => {
  const refuses = async (output: string, exitCode: number, why: string, ...more: string[]) => {
    const said = await loadstore(...words(output), ...more);
    expect(said).toMatchObject({ exitCode, out: '' });
    expect(said.err).toContain(`loadstore: ${why}\nTry: `);
    expect(said.err).toContain(option);
  };

  it('says that the folder is not there, or none', async () => {
    writeFileSync(at('file'), 'mine');
    await refuses(at('none/x'), 4, `cannot write in ${at('none')}: no such folder`);
    await refuses(at('file/x'), 4, `cannot write in ${at('file')}: not a folder`);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('finds out that a folder takes no file before the trace is read', async () => {
    await refuses('/proc/x', 4, 'cannot write in /proc: it takes no new file');
    await refuses('/proc/x', 4, 'cannot write in /proc: it takes no new file', '--force');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not replace what it cannot have made, with --force either', async () => {
    writeFileSync(at('file'), 'mine');
    mkdirSync(at('folder'));
    writeFileSync(at('folder/thesis.tex'), 'mine');
    const listener = net.createServer();
    listener.listen(at('socket'));
    await once(listener, 'listening');
    const wrong = `exists and is not a ${isFolder ? 'folder' : 'regular file'}`;
    await refuses(at('socket'), 2, `${at('socket')} ${wrong}`, '--force');
    await refuses(at('socket'), 2, `${at('socket')} ${wrong}`);
    if (isFolder) {
      await refuses(at('file'), 2, `${at('file')} ${wrong}`, '--force');
      await refuses(at('folder'), 2, `${at('folder')} exists`);
    } else {
      await refuses(at('folder'), 2, `${at('folder')} ${wrong}`, '--force');
      await refuses(at('file'), 2, `${at('file')} exists`);
    }
    expect(lstatSync(at('socket')).isSocket()).toBe(true);
    listener.close();
    expect(readFileSync(at('file'), 'utf8')).toBe('mine');
    expect(existsSync(at('folder/thesis.tex'))).toBe(true);
  });

  it('does not replace what it reads, by any name, with --force either', async () => {
    const refusesInput = async (output: string, input: string, ...more: string[]) => {
      const said = await loadstore(...words(output, input), '--force', ...more);
      expect(said).toMatchObject({ exitCode: 2, out: '' });
      expect(said.err).toContain(' is read here, and is not replaced\nTry: ');
      expect(said.err).toContain(option);
    };
    const bytes = readFileSync(trace);
    const own = isFolder ? at('x/_SUCCESS') : at('x');
    if (isFolder) mkdirSync(at('x'));
    writeFileSync(own, bytes);
    symlinkSync(own, at('symbolic'));
    linkSync(own, at('hard'));
    const names = isFolder ? ['x'] : ['x', 'symbolic', 'hard'];
    for (const output of names) {
      for (const input of [own, at('symbolic'), at('hard')]) await refusesInput(at(output), input);
      await refusesInput(at(output), trace, '--symbols', `${own}@0x1000`);
    }
    expect(readdirSync(folder).sort()).toEqual(['hard', 'symbolic', 'x']);
    expect(readFileSync(own)).toEqual(bytes);

    renameSync(at('x'), at('y.partial'));
    const partial = isFolder ? at('y.partial/_SUCCESS') : at('y.partial');
    await refusesInput(at('y'), partial);
    expect(readFileSync(partial)).toEqual(bytes);
  });

  it('leaves what another one left, or is writing', async () => {
    const partial = at('x.partial');
    const file = isFolder ? path.join(partial, 'file') : partial;
    if (isFolder) mkdirSync(partial);
    writeFileSync(file, 'of another');
    await refuses(at('x'), 2, `${partial} exists`);
    expect(readdirSync(folder)).toEqual(['x.partial']);
    expect(readFileSync(file, 'utf8')).toBe('of another');
  });

  it('wants a name', async () => {
    expect(await loadstore(...words(''))).toEqual({
      ...{ exitCode: 2, out: '' },
      err: `loadstore: the output has no name\nTry: name one: ${option}\n`,
    });
  });
});

describe('standard output', () => {
  it.each(['-', '/dev/stdout'])(
    'called %s has the bytes of a format that is a file',
    async (name) => {
      await loadstore('export', trace, '--to', 'lackey', '-o', at('x'));
      const text = readFileSync(at('x'), 'utf8');
      const plain = await loadstore('export', trace, '--to', 'lackey', '-o', name);
      expect(plain).toMatchObject({ exitCode: 0, out: text });
      expect(plain.err).toContain(`${name}: lackey, `);
      const json = await loadstore('export', trace, '--to', 'lackey', '-o', name, '--json');
      expect(json).toMatchObject({ exitCode: 0, out: text });
      expect(JSON.parse(json.err)).toMatchObject({ output: name, bytes: text.length });
      expect(readdirSync(folder)).toEqual(['x']);
    },
  );

  it.each(WRITERS.filter(({ isFolder, name }) => isFolder || !name.startsWith('export')))(
    'is refused by $name, with --force too',
    async ({ words, option }) => {
      for (const name of ['-', '/dev/stdout', '/dev/fd/1']) {
        const said = await loadstore(...words(name), '--force');
        expect(said).toMatchObject({ exitCode: 2, out: '' });
        expect(said.err).toContain(`loadstore: ${name} is standard output, and `);
        expect(said.err).toContain(option);
      }
      expect(existsSync('-')).toBe(false);
    },
  );
});

describe('an output that is there and takes bytes', () => {
  const fifo = (): string => {
    execFileSync('mkfifo', [at('fifo')]);
    return at('fifo');
  };
  const isFifo = (): boolean => lstatSync(at('fifo')).isFIFO();
  const exportTo = async (name: string): Promise<Said> =>
    loadstore('export', trace, '--to', 'lackey', '-o', name);

  it('a FIFO: its reader gets all, also when it comes later', async () => {
    await exportTo(at('x'));
    const exported = exportTo(fifo());
    await setTimeout(100);
    expect(await readFile(at('fifo'))).toEqual(readFileSync(at('x')));
    expect(await exported).toMatchObject({ exitCode: 0, err: '' });
    expect(isFifo()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['fifo', 'x']);
  });

  it.each(WRITERS.filter(({ isFolder, name }) => isFolder || !name.startsWith('export')))(
    'is not replaced by $name, with --force either',
    async ({ words, option }) => {
      const said = await loadstore(...words(fifo()), '--force');
      expect(said).toMatchObject({ exitCode: 2, out: '' });
      expect(said.err).toContain(`loadstore: ${at('fifo')} exists and is not a `);
      expect(said.err).toContain(option);
      expect(isFifo()).toBe(true);
    },
  );

  it('is not replaced by an index for the viewer', async () => {
    const said = await loadstore('view', trace, '--no-open', '--index', fifo());
    expect(said).toMatchObject({ exitCode: 2, out: '' });
    expect(said.err).toContain(`${at('fifo')} is no regular file`);
    expect(said.err).toContain('--index FILE');
    expect(isFifo()).toBe(true);
  });

  it('a FIFO whose reader goes away', async () => {
    const name = fifo();
    const reader = await open(name, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeBytes = async (): Promise<void> => Promise.reject(new Error('not standard output'));
    const claim = { name, isFolder: false, force: false, option: '-o', inputs: [] };
    const output = await openExportOutput(claim, { writeBytes }, new AbortController().signal);
    await reader.close();
    await expect(output.write({ file: '', bytes: new Uint8Array(1) })).rejects.toMatchObject({
      exitCode: 4,
      message: `cannot write ${name}: its reader went away`,
    });
    await output.discard();
    expect(isFifo()).toBe(true);
  });

  it('a FIFO that nobody reads, until it is interrupted', async () => {
    const interrupt = new AbortController();
    const claim = { name: fifo(), isFolder: false, force: false, option: '-o', inputs: [] };
    const writeBytes = async (): Promise<void> => Promise.resolve();
    const opened = openExportOutput(claim, { writeBytes }, interrupt.signal);
    interrupt.abort();
    await expect(opened).rejects.toThrow(interrupt.signal.reason);
  });

  it('a device, which is not replaced', async () => {
    expect(await exportTo('/dev/null')).toMatchObject({ exitCode: 0, err: '' });
    expect(await exportTo('/dev/full')).toMatchObject({
      exitCode: 4,
      err: expect.stringContaining('cannot write /dev/full: no space left on the device\nTry: '),
    });
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});

describe('a part of a trace to export', () => {
  const exported = async (...words: string[]): Promise<Said> =>
    loadstore('export', trace, '--to', 'csv', '-o', at('x.csv'), ...words);

  it('that ends before it begins is told in the words of this command', async () => {
    expect(await exported('--from', '7', '--until', '5')).toMatchObject({
      exitCode: 2,
      err: 'loadstore: --from is not before --until (expected less than 5, found 7)\nTry: a later --until, which is not in the part itself, or an earlier --from\n',
    });
    expect(await exported('--count', '0')).toMatchObject({
      exitCode: 2,
      err: 'loadstore: --count selects nothing (expected at least 1, found 0)\nTry: a larger --count, or none for all\n',
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what a format needs', () => {
  it('and the trace has in part is said', async () => {
    const partly = encodeTrace(REFERENCE, {
      changeTotals: (totals) => ({
        ...totals,
        capabilities: {
          ...Object.fromEntries(
            ['vaddr', 'pc', 'icount', 'cpl', 'vcpu', 'device'].map((name) => [
              name,
              { status: 'yes' },
            ]),
          ),
          paddr: { status: 'partial', why: 'not above 4 GiB' },
        },
      }),
    });
    const file = path.join(home, 'partly.memtrace');
    writeFileSync(file, partly.bytes);
    const note = 'loadstore: note: paddr in part: not above 4 GiB\n';
    expect(await loadstore('export', file, '--to', 'gem5', '-o', at('x.gem5'))).toMatchObject({
      exitCode: 0,
      err: note,
    });
    expect(await loadstore('export', file, '--to', 'lackey', '-o', at('x.lackey'))).toMatchObject({
      exitCode: 0,
      err: '',
    });
  });
});
