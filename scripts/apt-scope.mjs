// SPDX-License-Identifier: Apache-2.0
// apt with lists of its own, kept in the cache folder. The machine's lists, sources and package state stay
// as they are, and everything but an installation works without root.
//
// A scope is a configuration file for apt's -c option. Its mirror is the machine's own mirror, read from
// apt itself, so that no address is written down here.

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CACHE_FOLDER, findOutput, run } from './run-command.mjs';

/** @typedef {{ folder: string, configFile: string, target: readonly string[] }} AptScope */

/**
 * @typedef {object} ScopeOptions
 * @property {readonly string[]} [suites] of the Debian archive; without them the machine's own sources
 * @property {string} [targetSuite] the suite to prefer, as with apt's -t
 * @property {boolean} [isolated] resolve as if nothing were installed: every dependency is listed
 */

/**
 * Makes the scope and fetches its package lists.
 * @param {string} name
 * @param {ScopeOptions} [options]
 * @returns {AptScope}
 */
export function openAptScope(name, options = {}) {
  const folder = path.join(CACHE_FOLDER, 'apt', name);
  for (const part of ['lists/partial', 'archives/partial', 'log']) {
    mkdirSync(path.join(folder, part), { recursive: true });
  }
  const lines = [
    `Dir::State::lists "${folder}/lists";`,
    `Dir::Cache::archives "${folder}/archives";`,
    'Dir::Cache::pkgcache "";',
    'Dir::Cache::srcpkgcache "";',
    'APT::Sandbox::User "root";',
    'APT::Install-Recommends "false";',
    'Acquire::Languages "none";',
  ];
  if (options.suites !== undefined) {
    const sources = path.join(folder, 'archive.sources');
    writeFileSync(sources, archiveSources(options.suites));
    lines.push(`Dir::Etc::sourcelist "${sources}";`, 'Dir::Etc::sourceparts "/dev/null";');
    lines.push('Dir::Etc::preferences "/dev/null";', 'Dir::Etc::preferencesparts "/dev/null";');
  }
  if (options.isolated === true) {
    const status = path.join(folder, 'status');
    writeFileSync(status, '');
    lines.push(
      `Dir::State "${folder}";`,
      `Dir::State::status "${status}";`,
      `Dir::State::extended_states "${folder}/extended_states";`,
      `Dir::Log "${folder}/log";`,
      'Debug::NoLocking "true";',
      'APT::Architecture "amd64";',
      '#clear APT::Architectures;',
      'APT::Architectures { "amd64"; };',
    );
  }
  const configFile = path.join(folder, 'apt.conf');
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const target = options.targetSuite === undefined ? [] : ['-t', options.targetSuite];
  const scope = { folder, configFile, target };
  run('apt-get', [...scopeArguments(scope), 'update', '-qq']);
  return scope;
}

/**
 * @param {AptScope} scope
 * @returns {string[]}
 */
export function scopeArguments(scope) {
  return ['-c', scope.configFile, ...scope.target];
}

/**
 * Downloads the packages and everything they depend on (isolated scope), unpacks them below `root`.
 * @param {AptScope} scope
 * @param {readonly string[]} packages
 * @param {string} root
 * @param {readonly string[]} skipped packages that are not unpacked
 * @returns {string[]} names of the package files
 */
export function unpackWithDependencies(scope, packages, root, skipped = []) {
  run('apt-get', [
    ...scopeArguments(scope),
    'install',
    '-y',
    '-qq',
    '--download-only',
    ...packages,
  ]);
  return unpackArchives(path.join(scope.folder, 'archives'), root, skipped);
}

/**
 * Downloads exactly these packages and unpacks them below `root`.
 * @param {AptScope} scope
 * @param {readonly string[]} packages
 * @param {string} root
 * @returns {string[]} names of the package files
 */
export function unpackPackages(scope, packages, root) {
  const archives = path.join(scope.folder, 'archives');
  run('apt-get', [...scopeArguments(scope), 'download', '-qq', ...packages], { cwd: archives });
  return unpackArchives(archives, root, []);
}

/** @param {AptScope} scope */
export function closeAptScope(scope) {
  rmSync(scope.folder, { recursive: true, force: true });
}

/**
 * @param {string} archives
 * @param {string} root
 * @param {readonly string[]} skipped
 */
function unpackArchives(archives, root, skipped) {
  const files = readdirSync(archives).filter((file) => file.endsWith('.deb'));
  if (files.length === 0) throw new Error(`apt downloaded nothing into ${archives}`);
  mkdirSync(root, { recursive: true });
  console.log(`$ dpkg-deb -x ARCHIVE ${root}   # ${files.length} archives`);
  for (const file of files) {
    if (skipped.some((name) => file.startsWith(`${name}_`))) continue;
    run('dpkg-deb', ['-x', path.join(archives, file), root], { quiet: true });
  }
  return files;
}

/** @param {readonly string[]} suites */
function archiveSources(suites) {
  return [
    'Types: deb',
    `URIs: ${findDebianMirror()}`,
    `Suites: ${suites.join(' ')}`,
    'Components: main',
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
    '',
  ].join('\n');
}

/** The address from which this machine takes Debian's main archive. */
function findDebianMirror() {
  const listed = findOutput('apt-get', [
    'indextargets',
    '--no-release-info',
    '--format',
    '$(SITE)|$(RELEASE)|$(COMPONENT)',
  ]);
  const sites = (listed ?? '')
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([, suite, component]) => component === 'main' && /^[a-z]+$/.test(suite ?? ''))
    .map(([site]) => site);
  const mirror = sites[0];
  if (mirror === undefined) {
    throw new Error('apt on this machine names no source for a Debian release (component main)');
  }
  return mirror;
}

/** @returns {{ id: string, codename: string }} such as debian, bookworm */
export function readDistribution() {
  const text = findOutput('cat', ['/etc/os-release']) ?? '';
  /** @param {string} key */
  const field = (key) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: field('ID'), codename: field('VERSION_CODENAME') };
}

/** True on a machine whose package manager is apt. */
export function hasApt() {
  return existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');
}
