// SPDX-License-Identifier: Apache-2.0
// The runs that docs/how-qemu-reaches-guest-memory.md shows, those of the QEMU under test's version. To write them
// anew: vitest run --project e2e test/e2e/explain-document.test.ts -u, with each QEMU in LOADSTORE_QEMU.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { QemuProgram } from '../../src/capture/index.ts';
import { PLUGIN_IS_BUILT, qemuUnderTest, runLoadstore } from './run-loadstore.ts';

const DOCUMENT = path.join(
  import.meta.dirname,
  '..',
  '..',
  'docs',
  'how-qemu-reaches-guest-memory.md',
);
const BLOCK = /^```text\n\$ loadstore ((?:explain|conformance) .*)\n\n?([\s\S]*?)```$/gm;
const VERSION = /^(?:QEMU|kind of access) +((\d+)\.(\d+)\.\d+)/m;
/** Of blocks that nothing has been written to yet. */
const USUAL = { major: 10, minor: 0 };

/** As a shell does, for words with and without single quotes. */
function splitWords(line: string): string[] {
  return Array.from(
    line.matchAll(/'([^']*)'|(\S+)/g),
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
}

function isOfVersion(output: string, { major, minor }: QemuProgram['version']): boolean {
  const [, , shownMajor = USUAL.major, shownMinor = USUAL.minor] = VERSION.exec(output) ?? [];
  return Number(shownMajor) === major && Number(shownMinor) === minor;
}

describe.skipIf(!PLUGIN_IS_BUILT)('docs/how-qemu-reaches-guest-memory.md', () => {
  it('shows what loadstore explain and loadstore conformance print', async () => {
    const { version } = await qemuUnderTest();
    let text = readFileSync(DOCUMENT, 'utf8');
    const blocks = [...text.matchAll(BLOCK)].filter(([, , output = '']) =>
      isOfVersion(output, version),
    );
    expect(blocks.length).toBeGreaterThan(0);
    const rest = blocks.values();
    const runSome = async (): Promise<void> => {
      for (const [whole, line = '', shown = ''] of rest) {
        const { exitCode, out, err } = await runLoadstore(...splitWords(line));
        expect([exitCode, err]).toEqual([0, '']);
        // Releases of one version differ in nothing else that is shown.
        const release = VERSION.exec(shown)?.[1] ?? version.text;
        const printed = out.replaceAll(version.text, release);
        text = text.replace(whole, () => `\`\`\`text\n$ loadstore ${line}\n\n${printed}\`\`\``);
      }
    };
    await Promise.all([runSome(), runSome(), runSome()]);
    await expect(text).toMatchFileSnapshot(DOCUMENT);
  });
});
