// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder, PLUGIN_IS_BUILT, runLoadstore } from './run-loadstore.ts';

interface Demo {
  readonly slowdown: number;
  readonly trace: {
    readonly complete: boolean;
    readonly totals: { readonly accesses: number; readonly instructions: number };
  };
  readonly report: string;
  readonly hot: {
    readonly loads: number;
    readonly stores: number;
    readonly pages: { readonly top: readonly unknown[] };
    readonly functions: { readonly top: readonly { readonly name: string }[] };
  };
}

describe.skipIf(!PLUGIN_IS_BUILT)('loadstore demo', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  afterAll(folder.remove);

  it('records a boot, compares it with one untraced, and names what accesses memory most', async () => {
    const { exitCode, out } = await runLoadstore('demo', '-o', trace, '--json');
    expect(exitCode).toBe(0);
    const result = JSON.parse(out) as Demo;
    expect(result.trace.complete).toBe(true);
    expect(result.slowdown).toBeGreaterThan(1);
    const { pages, functions, loads, stores } = result.hot;
    expect(pages.top).toHaveLength(10);
    expect(loads + stores).toBe(result.trace.totals.accesses);
    // The kernel checks its keys with multi-precision arithmetic and clears pages in every boot.
    const names = functions.top.map(({ name }) => name);
    expect(names).toHaveLength(10);
    expect(
      names.filter((name) => /^(mpihelp_|__?memset|memset|clear_page)/.test(name)).length,
    ).toBeGreaterThan(1);
    expect(result.report).toBe(path.join(folder.path, 'boot.html'));
    // The page tells what the text does; both come from the one pass over the trace.
    const page = readFileSync(result.report, 'utf8');
    const { accesses, instructions } = result.trace.totals;
    expect(page).toContain(
      `${accesses.toLocaleString('en')} memory accesses of ${instructions.toLocaleString('en')} instructions`,
    );
    expect(page).toMatch(/<code class="wrap">\S*qemu-system-x86_64 .*-kernel /);
    expect(page).toContain('demo-guest/initramfs.cpio</code>');
    for (const { name } of functions.top) {
      expect(page).toContain(`<code class="wrap">${name.replaceAll('>', '&gt;')}</code>`);
    }
    // All that ran at CPL 3 is the demo's busybox, which is known without being asked.
    expect(names).toContain('[busybox]');
    expect(page).toMatch(/: CR3 0x[0-9a-f]+, busybox, /);
  });

  it('does not touch a file that it did not make', async () => {
    const precious = path.join(folder.path, 'precious');
    writeFileSync(precious, 'text');
    const { exitCode, err } = await runLoadstore('demo', '-o', precious);
    expect(err).toContain('exists');
    expect(err).not.toContain('booting');
    expect(exitCode).toBe(2);
    expect(existsSync(precious)).toBe(true);
  });
});
