// SPDX-License-Identifier: Apache-2.0
// npm run fuzz -- --minutes 10 [--seed 1]: the long run of src/format/trace-fuzz.test.ts.

import { parseArgs } from 'node:util';
import { localProgram, runCode } from './run-command.mjs';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' } },
});
process.exitCode = runCode(
  localProgram('vitest'),
  ['run', '--project', 'unit', 'src/format/trace-fuzz.test.ts', '--disable-console-intercept'],
  { env: { LOADSTORE_FUZZ_MINUTES: values.minutes, LOADSTORE_FUZZ_SEED: values.seed } },
);
