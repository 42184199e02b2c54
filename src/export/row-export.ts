// SPDX-License-Identifier: Apache-2.0
// The formats csv and ndjson as exports: all columns that the trace has.

import { type AccessBatch, AccessFlag, type ColumnName, type Trace } from '../format/index.ts';
import type { LossCounts } from './losses.ts';
import { OutputBuffer } from './output-buffer.ts';
import { requireColumn } from './require-column.ts';
import { instructionTexts, type NameCode, type RowFormat, RowWriter, wideColumns } from './rows.ts';
import type { AccessWriter, NamedOutput } from './writer.ts';

/** Columns of a row, as far as this trace can have them. */
export function rowColumnsOf({ capabilities }: Pick<Trace, 'capabilities'>): readonly ColumnName[] {
  return [
    ...(['ordinal', 'vaddr', 'pc', 'icount', 'size', 'flags', 'vcpu', 'cpl'] as const),
    ...(['block', 'insn'] as const),
    ...(capabilities.paddr.status === 'no' ? [] : (['paddr'] as const)),
    ...(capabilities['address-space'].status === 'no' ? [] : (['cr3'] as const)),
  ];
}

export class RowExport implements AccessWriter {
  readonly kind = 'accesses';
  readonly hasTime = false;
  readonly columns: readonly ColumnName[];
  readonly outputs: readonly NamedOutput[];
  records = 0;
  readonly #losses: LossCounts;
  readonly #rows: RowWriter;

  constructor(trace: Trace, losses: LossCounts, format: RowFormat, nameCode: NameCode | undefined) {
    const buffer = new OutputBuffer();
    this.columns = rowColumnsOf(trace);
    this.outputs = [{ name: '', buffer }];
    this.#losses = losses;
    this.#rows = new RowWriter(buffer, format, instructionTexts(trace.code, format, nameCode));
    this.#rows.headline();
  }

  consume(batch: AccessBatch, wanted: Uint8Array | undefined): void {
    const flags = requireColumn(batch.flags, 'flags');
    const wide = wideColumns(batch);
    for (let i = 0; i < batch.length; i++) {
      if (wanted !== undefined && wanted[i] === 0) continue;
      if ((flags[i] & AccessFlag.aborted) !== 0) {
        this.#losses.aborted++;
        continue;
      }
      this.#rows.row(batch, wide, i);
      this.records++;
    }
  }

  finish(): void {
    // The last row is whole.
  }
}
