// SPDX-License-Identifier: Apache-2.0
// The report of a guest with two vCPUs that was just recorded: text, page and JSON tell the same, and Ctrl-C ends it.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuestRun } from '../../src/guests/index.ts';
import type { TraceReport } from '../../src/query/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import {
  jsonOf,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
  startLoadstore,
} from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('the report of a recording', () => {
  const folder = makeFolder();
  let run: GuestRun;
  let file = '';

  beforeAll(async () => {
    run = await recordGuestNamed('smp');
    file = run.outcome.file;
  });
  afterAll(async () => {
    await run?.close();
    folder.remove();
  });

  it('tells the same figures as text, as a page and as JSON, with the audit of its instructions', async () => {
    const page = path.join(folder.path, 'report.html');
    const { exitCode, out, err } = await runLoadstore('report', file, '--audit', '--html', page);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: `loadstore: wrote ${page}\n` });
    const { result, parameters } = (await jsonOf('report', file, '--audit')) as TraceReport;
    const html = readFileSync(page, 'utf8');
    const completed = run.accesses.filter(({ aborted }) => !aborted).length;
    expect(result.counts.accesses).toBe(completed);
    expect(parameters.windowVcpus).toEqual([0, 1]);
    const audit = result.instructionAudit;
    expect(audit).toMatchObject({ unexplained: 0, addressMismatches: 0 });
    const [hottest] = result.hot.instructions.top;
    const count = (figure: number): string => figure.toLocaleString('en');
    for (const [text, inHtml] of [
      [`${count(completed)} accesses`, `${count(completed)} memory accesses`],
      [`of ${count(result.counts.instructions)} instructions`],
      ['0 unexplained, 0 wrong addresses'],
      [`${audit?.recorded} accesses`, `${count(audit?.recorded ?? 0)} accesses of`],
      ['a window adds up what 2 vCPUs did in theirs'],
      [hottest?.address ?? 'none'],
      [hottest?.text ?? 'none'],
    ] as const) {
      // Long lines are wrapped.
      const words = out.replaceAll(',', '').replaceAll(/\s+/g, ' ');
      expect(words).toContain(text.replaceAll(',', ''));
      expect(html).toContain(inHtml ?? text);
    }
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1];
    expect(JSON.parse(data ?? '')).toMatchObject({
      series: [
        { id: 'rate' },
        { id: 'spaces' },
        { id: 'vcpus' },
        { id: 'footprint' },
        { id: 'reuse' },
      ],
    });
  });

  it('replaces a page, and what was left of one, only with --force', async () => {
    const page = path.join(folder.path, 'old.html');
    writeFileSync(page, 'old');
    writeFileSync(`${page}.partial`, 'left');
    expect(await runLoadstore('report', file, '--html', page)).toMatchObject({ exitCode: 2 });
    expect(readFileSync(page, 'utf8')).toBe('old');
    const { exitCode, err } = await runLoadstore('report', file, '--html', page, '--force');
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: `loadstore: wrote ${page}\n` });
    expect(readFileSync(page, 'utf8')).toContain(': loadstore report</title>');
    expect(readdirSync(folder.path).filter((name) => name.startsWith('old'))).toEqual(['old.html']);
  });

  it('ends at Ctrl-C with nothing written', async () => {
    const page = path.join(folder.path, 'interrupted.html');
    const { child, finished } = startLoadstore(['report', file, '--audit', '--html', page]);
    // Node.js itself catches SIGINT, and SIGHUP is caught by us while there is work to interrupt.
    const begun = performance.now();
    const poll = setInterval(() => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'latin1');
      const caught = BigInt(`0x${/SigCgt:\s*([0-9a-f]+)/.exec(status)?.[1] ?? '0'}`);
      if (caught % 2n === 1n) {
        clearInterval(poll);
        child.kill('SIGINT');
      } else if (performance.now() - begun > 60_000) clearInterval(poll);
    }, 2);
    expect(await finished).toEqual({ exitCode: 130, out: '', err: 'loadstore: interrupted\n' });
    expect(readdirSync(folder.path).filter((name) => name.startsWith('interrupted'))).toEqual([]);
    expect(existsSync(page)).toBe(false);
  });
});
