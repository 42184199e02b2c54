// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, without a window. playwright-core, which drives it, comes with the sources only.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { ExitCode, UserError } from '../base/index.ts';

/** Throws UserError 'environment' when the browser or what drives it is not installed. */
export async function launchChromium(searchPath: string): Promise<Browser> {
  const program = searchPath
    .split(path.delimiter)
    .map((folder) => path.join(folder, 'chromium'))
    .find(existsSync);
  if (program === undefined) {
    throw new UserError(
      ExitCode.environment,
      'chromium is not installed: there is none in PATH',
      'apt-get install chromium, or npm run setup in the sources',
    );
  }
  const { chromium } = await import('playwright-core').catch((cause: unknown) => {
    throw new UserError(
      ExitCode.environment,
      `playwright-core cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      'it drives the browser, and is a package for development: npm ci in the sources',
    );
  });
  return chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
}
