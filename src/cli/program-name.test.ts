// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { hearCli } from './program.oracle.ts';
import { asTyped, programName } from './program-name.ts';

let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'program-name-'));
  for (const name of ['checkout/bin', 'links', 'other']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  file = path.join(folder, 'checkout', 'bin', 'loadstore');
  writeFileSync(file, '');
  writeFileSync(path.join(folder, 'other', 'loadstore'), '');
  symlinkSync(file, path.join(folder, 'links', 'loadstore'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it('is what can be typed here', () => {
  const checkout = path.join(folder, 'checkout');
  const links = path.join(folder, 'links');
  const other = path.join(folder, 'other');
  const name = (workingFolder: string, ...folders: string[]): string =>
    programName({ file, workingFolder, searchPath: ['', '/none', ...folders].join(':') });
  expect(name(checkout)).toBe('./bin/loadstore');
  expect(name(path.join(folder, 'other'))).toBe('../checkout/bin/loadstore');
  expect(name('/')).toBe(`.${file}`.length < file.length ? `.${file}` : file);
  expect(name(checkout, links)).toBe('loadstore');
  expect(name('/', other, links)).not.toBe('loadstore');
  expect(name('/', links, other)).toBe('loadstore');
});

it('is in what a message says to do, and in what comes next', async () => {
  const { bytes } = encodeTrace(
    randomTrace({ seed: 5, blockCount: 9, executions: 20, streams: 1, oddity: 0 }),
  );
  const whole = path.join(folder, 'whole.memtrace');
  writeFileSync(whole, bytes);
  const said = async (...words: string[]): Promise<string> => {
    const { out, err } = await hearCli(words, { LOADSTORE_CACHE: folder }, './bin/loadstore');
    return out + err;
  };
  expect(await said('explain', 'mov', 'eax')).toContain(
    'Try: the instruction in quotes: ./bin/loadstore explain ',
  );
  expect(await said('info', whole)).toContain(`verify them: ./bin/loadstore check ${whole}\n`);
  expect(await said('report', whole)).toContain(`\n  ./bin/loadstore info ${whole} says why\n`);
});

it('takes the place of commands, and not of other words', () => {
  expect(asTyped('see "loadstore info a"; /opt/loadstore b, a newer loadstore', './l')).toBe(
    'see "./l info a"; /opt/loadstore b, a newer loadstore',
  );
});
