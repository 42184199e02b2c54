// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from './command-table.ts';
import { replaceExportManual } from './export-manual.ts';
import { renderManual } from './manual.ts';

describe('docs/exports.md', () => {
  it('has what the table of formats says (else: node scripts/write-cli-manual.mjs)', () => {
    const file = path.join(import.meta.dirname, '..', '..', 'docs', 'exports.md');
    const text = readFileSync(file, 'utf8');
    expect(text).toBe(replaceExportManual(text));
  });
});

describe('docs/cli.md', () => {
  it('is what the command table says (else: node scripts/write-cli-manual.mjs)', async () => {
    const file = path.join(import.meta.dirname, '..', '..', 'docs', 'cli.md');
    expect(readFileSync(file, 'utf8')).toBe(await renderManual());
  });

  it.each(COMMANDS)('$name has an example', async ({ name, load }) => {
    const spec = await load();
    expect(spec.examples.length).toBeGreaterThan(0);
    for (const example of spec.examples) expect(example).toContain(`loadstore ${name}`);
  });
});
