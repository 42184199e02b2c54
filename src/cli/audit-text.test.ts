// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { renderAudit } from './render/audit.ts';
import type { AuditCommandResult } from './results.ts';

function resultWith(lost: number, lostOfUnknownVcpu: number): AuditCommandResult {
  return {
    file: 'a.memtrace',
    wallSeconds: 1,
    ...{ executions: 9, expected: 0, recorded: 0, explained: 0, unexplained: 0 },
    ...{ missing: 0, extra: 0, addressesChecked: 0, addressMismatches: 0 },
    ...{ rules: {}, inferred: {}, omitted: {} },
    ...{ accesses: 20, eventDelivery: 20, pageWalk: 0, complete: true },
    ...{ byMnemonic: [], places: [], placeCount: 0 },
    deliveries: { deliveries: 2, unfinished: 0, wrong: 0, lost, lostOfUnknownVcpu, places: [] },
  };
}

describe('deliveries that were lost', () => {
  it('are told, with the reasons, in the first line too', () => {
    const text = renderAudit(resultWith(7, 5));
    expect(text).toMatch(/^a\.memtrace: every difference is explained: .*; 7 deliveries LOST\n/);
    expect(text).toContain(
      [
        'each is whole',
        '7 deliveries more LOST, the event alone is in the trace:',
        "  5: neither QEMU nor the vCPUs' state says which vCPU took it",
        '  2: what came of it, or its tables, could not be seen',
        '',
      ].join('\n'),
    );
  });

  it('are not spoken of when there are none', () => {
    expect(renderAudit(resultWith(0, 0))).not.toContain('LOST');
  });
});
