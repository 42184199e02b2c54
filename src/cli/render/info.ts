// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatQuantity } from '../../base/index.ts';
import {
  describeAccounts,
  describeCommand,
  quoteWord,
  type TraceFacts,
} from '../../query/index.ts';
import type { InfoResult } from '../results.ts';
import { drawTable } from './table.ts';
import { renderAudit, renderDeliberateFault, renderNotHeld, renderTotals } from './trace-facts.ts';

export function renderInfo(facts: InfoResult, program = 'loadstore'): string {
  const state = describeState(facts);
  const held = Object.entries(facts.capabilities)
    .filter(([, { status }]) => status === 'yes')
    .map(([name]) => name);
  const notHeld = renderNotHeld(facts);
  return [
    renderDeliberateFault(facts.deliberateFault),
    `${facts.file}: ${state}\n\n`,
    renderProvenance(facts),
    '\n',
    renderTotals(facts),
    `${describeAccounts(facts)}\n`,
    `${formatQuantity(facts.chunkCount, 'chunk')}, ${formatQuantity(facts.codeBlockCount, 'block')} of code\n`,
    `\nof each access: ${held.join(', ')}\n`,
    notHeld === '' ? '' : `not in this trace:\n${notHeld}`,
    renderAudit(facts),
    `\nchunks were not decoded; to verify them: ${program} check ${quoteWord(facts.file)}\n`,
  ].join('');
}

function describeState(facts: InfoResult): string {
  if (facts.recordedBy !== null) return `still being recorded, by QEMU ${facts.recordedBy}`;
  return facts.complete ? describeComplete(facts) : describeCut(facts);
}

const ENDINGS: Readonly<Record<string, string>> = {
  'guest-exit': "the guest's end",
  limit: 'a limit that was set',
  stopped: 'a request to stop',
  'write-error': 'an error of writing the file',
};

/** Nothing was decoded: it is what the totals say. A repaired trace may have none. */
function describeComplete({ cause }: TraceFacts): string {
  return cause === null
    ? 'closed, without totals'
    : `complete, as its own totals say; recording ended with: ${ENDINGS[cause] ?? cause}`;
}

function describeCut({ cut, fileBytes }: TraceFacts): string {
  if (cut === null) return 'INCOMPLETE: recording was cut; what is there is good';
  const lost = fileBytes - cut.fileOffset;
  const rest = lost > 0 ? `; ${formatBytes(lost)} behind it are not read` : '';
  return `INCOMPLETE: good up to byte 0x${cut.fileOffset.toString(16)}, then: ${cut.reason}${rest}`;
}

function renderProvenance({ recorder, plugin }: TraceFacts): string {
  const rows: [string, string | undefined][] = [
    ['recorded', recorder.startedAt],
    ['by', recorder.producer],
    ['QEMU', recorder.qemu.version],
    ['plugin API', plugin.api?.toString()],
    ['vCPUs', plugin.vcpus?.toString()],
    ['command', recorder.command === undefined ? undefined : describeCommand(recorder.command)],
    ...recorder.images.map(({ path, sha256 }): [string, string] => [
      'image',
      `${path}: ${sha256 === undefined ? 'no digest' : `sha256 ${sha256}`}`,
    ]),
  ];
  return drawTable(
    rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ['left', 'left'],
  );
}
