// SPDX-License-Identifier: Apache-2.0
// What must not be in a tracked file: where one developer's machine keeps things, which mirror it
// downloads from, notes to oneself. And what must be: a licence line in each source file.

import os from 'node:os';
import { findOutput, PROJECT_ROOT } from './run-command.mjs';
import { listProjectFiles, readProjectFile } from './tracked-files.mjs';

const LICENCE_TEXTS = ['LICENSE', 'plugin/COPYING'];
const BINARY = /\.(png|zst|bin|memtrace|ico|woff2?)$/;
const SOURCE = /(?:\.(?:tsx?|css|mjs|cjs|c|h|S|asm|ld|sh)|\/Makefile|^bin\/[^/]+|^\.ci\/run)$/;

/** Hosts that documents may name; a machine's mirrors and registries never are. */
const KNOWN_HOSTS =
  /^(?:(?:www\.)?(?:qemu\.org|apache\.org|gnu\.org|spdx\.org|w3\.org|github\.com|sqlite\.org)|localhost|127\.0\.0\.1|example\.(?:com|org))$/;

/** @type {readonly (readonly [string, RegExp])[]} */
const FORBIDDEN = [
  ["a path of one developer's machine", /(?<![\w.-])\/work\/[\w.-]+/g],
  ['a note to oneself', /\b(?:sub[-]?agents?|language[ ]model|as an A[I])\b/gi],
  ['a merge left over', /^(?:<{7}|>{7}) /gm],
];

/** Things only this machine knows: its mirrors, its registry, where this checkout is. */
function listMachineStrings() {
  const registry = findOutput('npm', ['config', 'get', 'registry']) ?? '';
  const mirrors = findOutput('apt-get', ['indextargets', '--format', '$(SITE)']) ?? '';
  const hosts = [registry, ...mirrors.split('\n')]
    .map((url) => /^https?:\/\/([^/:\s]+)/.exec(url.trim())?.[1])
    .filter((host) => host !== undefined && host.includes('.'));
  // A short root such as "/app" would be found in any text.
  const folders = [PROJECT_ROOT, os.homedir()].filter((folder) => folder.split('/').length > 2);
  return [...new Set([...hosts, ...folders])].filter((text) => text !== undefined);
}

/**
 * @param {string} file
 * @param {readonly string[]} machineStrings
 * @returns {string[]}
 */
function findProblems(file, machineStrings) {
  const text = readProjectFile(file);
  const problems = [];
  for (const [what, pattern] of FORBIDDEN) {
    for (const match of text.matchAll(pattern)) problems.push(`${what}: ${match[0]}`);
  }
  for (const known of machineStrings) {
    if (text.includes(known)) problems.push(`a name of this machine: ${known}`);
  }
  if (file === 'package-lock.json') {
    if (/"resolved": "https?:/.test(text)) problems.push('download addresses; see .npmrc');
  } else {
    for (const match of text.matchAll(/\b(?:https?|ftp):\/\/([\w.-]+)/g)) {
      const host = match[1] ?? '';
      if (!KNOWN_HOSTS.test(host)) problems.push(`a host not listed in check-leaks.mjs: ${host}`);
    }
  }
  if (SOURCE.test(file)) {
    const licence = file.startsWith('plugin/') ? 'GPL-2.0-or-later' : 'Apache-2.0';
    const head = text.split('\n', 3).join('\n');
    if (!head.includes(`SPDX-License-Identifier: ${licence}`)) {
      problems.push(`no "SPDX-License-Identifier: ${licence}" in the first three lines`);
    }
  }
  return problems;
}

const machineStrings = listMachineStrings();
const files = listProjectFiles().filter(
  (file) => !BINARY.test(file) && !LICENCE_TEXTS.includes(file),
);
const problems = files.flatMap((file) =>
  findProblems(file, machineStrings).map((problem) => `${file}: ${problem}`),
);
if (files.length === 0) problems.push('no files found to check');
if (problems.length > 0) {
  console.error(`leaks:\n  ${problems.join('\n  ')}`);
  process.exitCode = 1;
} else {
  console.log(`leaks: none in ${files.length} files`);
}
