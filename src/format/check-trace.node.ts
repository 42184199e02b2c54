// SPDX-License-Identifier: Apache-2.0
import { openByteSource } from './byte-source.node.ts';
import { type CheckOptions, type CheckResult, checkTraceSource } from './check-trace.ts';

/** Checks a whole trace file; see CheckResult. Throws 'io', 'limit', and an aborted signal's reason. */
export async function checkTrace(path: string, options: CheckOptions = {}): Promise<CheckResult> {
  const source = await openByteSource(path);
  try {
    return await checkTraceSource(source, options);
  } finally {
    await source.close();
  }
}
