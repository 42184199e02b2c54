// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount } from '../../base/index.ts';
import type { CtlResult } from '../results.ts';

export function renderCtl(result: CtlResult): string {
  if (result.recordings.length === 0) return 'no recording is running\n';
  return result.recordings
    .map(({ traceFile, qemuPid, status }) => {
      const counts = `${formatCount(status.instructions)} instructions, ${formatCount(status.accesses)} accesses, ${formatBytes(status.bytesWritten)}`;
      const message = status.message === '' ? '' : `\n  ${status.message}`;
      return `${traceFile} (QEMU ${qemuPid}): ${status.state}, ${counts}${message}\n`;
    })
    .join('');
}
