// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { INFERENCES, OMISSIONS, RULES, type RuleText } from './rules.ts';

const DOCUMENT = path.join(import.meta.dirname, '..', '..', 'docs', 'instruction-audit.md');

function tableOf(rules: Readonly<Record<string, RuleText>>): string {
  const rows = Object.entries(rules).map(
    ([name, { what, bound, source }]) => `| ${name} | ${what} | ${bound} | ${source} |\n`,
  );
  return `| name | what | bound | source |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}

test('docs/instruction-audit.md has the tables of the rules, word for word', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  expect(text).toContain(tableOf(RULES));
  expect(text).toContain(tableOf(INFERENCES));
  expect(text).toContain(tableOf(OMISSIONS));
});
