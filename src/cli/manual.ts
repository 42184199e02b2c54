// SPDX-License-Identifier: Apache-2.0
// The manual, docs/cli.md, from the same tables as --help. scripts/write-cli-manual.mjs writes it.

import type { CommandEntry } from './command-spec.ts';
import { COMMANDS, COMMON_EXIT_CODES, PROGRAM_SUMMARY } from './command-table.ts';

export async function renderManual(): Promise<string> {
  const head = `<!-- Made by scripts/write-cli-manual.mjs from src/cli/command-table.ts and src/cli/commands; edit there. -->

# The command line

${PROGRAM_SUMMARY}

From a checkout the program is \`./bin/loadstore\`. Results go to standard output, messages to standard error;
\`--json\` prints the result object that the text is drawn from. Counts take decimal multiples (\`10M\` = 10^7), sizes
binary ones (\`4K\` = 4096). Colours and cursor movements are never written to a file or a pipe.
`;
  const exitCodes = COMMON_EXIT_CODES.map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return [
    head,
    `\n${COMMANDS.map(({ name, summary }) => `- [\`${name}\`](#${anchorOf(name)}): ${summary}`).join('\n')}\n`,
    `\n## Exit codes\n\n| code | meaning |\n|---|---|\n${exitCodes.join('\n')}\n`,
    ...(await Promise.all(COMMANDS.map(renderCommand))),
    ENVIRONMENT,
  ].join('');
}

const ENVIRONMENT = `
## Environment

| variable | meaning |
|---|---|
| \`LOADSTORE_QEMU\` | the qemu-system-x86_64 to use when \`--qemu\` is not given |
| \`LOADSTORE_PLUGIN\` | the recorder plugin; default: plugin/build/loadstore.so |
| \`LOADSTORE_CACHE\` | where downloads and built guests are; default: .cache |
| \`LOADSTORE_RUNTIME\` | where running recordings are found by \`ctl\` |
`;

function anchorOf(name: string): string {
  return name.replaceAll(' ', '-');
}

async function renderCommand(entry: CommandEntry): Promise<string> {
  const spec = await entry.load();
  const words = entry.arguments.map(({ name, required, variadic }) => {
    const word = variadic === true ? `${name}...` : name;
    return required ? `<${word}>` : `[${word}]`;
  });
  const options = spec.options.length === 0 ? '' : '[options] ';
  const separator = entry.arguments.some(({ variadic }) => variadic === true) ? '-- ' : '';
  const usage = `loadstore ${entry.name} ${options}${separator}${words.join(' ')}`.trimEnd();
  const rows = [
    ...entry.arguments.map(({ name, description }) => `| \`${name}\` | ${description} |`),
    ...spec.options.map(({ flags, description }) => `| \`${flags}\` | ${description} |`),
  ];
  return [
    `\n## ${entry.name}\n\n${capitalise(entry.summary)}.\n\n    ${usage}\n`,
    spec.details === undefined ? '' : `\n${spec.details}\n`,
    rows.length === 0 ? '' : `\n| | |\n|---|---|\n${rows.join('\n')}\n`,
    spec.exitCodes === undefined ? '' : `\nExit codes:\n\n${indent(spec.exitCodes)}`,
    `\n${spec.examples.length === 1 ? 'Example' : 'Examples'}:\n\n${indent(spec.examples)}`,
  ].join('');
}

function capitalise(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}\n`).join('');
}
