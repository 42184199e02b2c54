// SPDX-License-Identifier: Apache-2.0
// Writes the answers in docs/sql.md: node scripts/write-sql-answers.mjs TRACE (a trace of `loadstore demo`).

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findOutput, PROJECT_ROOT } from './run-command.mjs';

const [trace] = process.argv.slice(2);
if (trace === undefined) {
  console.error('usage: node scripts/write-sql-answers.mjs TRACE');
  process.exit(2);
}
const file = path.join(PROJECT_ROOT, 'docs', 'sql.md');
const program = path.join(PROJECT_ROOT, 'bin', 'loadstore');
const QUESTION = /(```sql\n([\s\S]*?)```\n)(?:\n```text\n[\s\S]*?```\n)?/g;
const answered = readFileSync(file, 'utf8').replace(QUESTION, (_all, question, sql) => {
  const answer = findOutput(process.execPath, [program, 'query', trace, sql]);
  if (answer === undefined) throw new Error(`no answer: ${sql}`);
  console.log(answer);
  return `${question}\n\`\`\`text\n${answer.trimEnd()}\n\`\`\`\n`;
});
writeFileSync(file, answered);
