// SPDX-License-Identifier: Apache-2.0
// Test support: a trace of the reference encoder, exported.

import { byteSourceFromBytes, openTraceSource, type Trace } from '../format/index.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { RefTrace, SeenTrace } from '../format/reference-trace.oracle.ts';
import { type ExportCounts, type ExportOptions, exportTrace } from './export-trace.ts';
import { EXPORT_FORMATS, type ExportFormat } from './formats.ts';

function requireFormat(name: string): ExportFormat {
  const format = EXPORT_FORMATS.find((one) => one.name === name);
  if (format === undefined) throw new Error(`no format ${name}`);
  return format;
}

export interface Exported extends ExportCounts {
  /** By name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The one file, where there is but one. */
  readonly bytes: Uint8Array;
}

export async function openEncoded(
  trace: RefTrace,
): Promise<{ readonly trace: Trace; readonly seen: SeenTrace }> {
  const { bytes, seen } = encodeTrace(trace);
  return { trace: await openTraceSource(byteSourceFromBytes(bytes)), seen };
}

export async function exportAll(
  trace: Trace,
  name: string,
  options: ExportOptions = {},
): Promise<Exported> {
  const parts = exportTrace(trace, requireFormat(name), options);
  const files = new Map<string, Uint8Array[]>();
  let step = await parts.next();
  for (; step.done !== true; step = await parts.next()) {
    const { file, bytes } = step.value;
    files.set(file, [...(files.get(file) ?? []), bytes]);
  }
  const whole = new Map([...files].map(([file, chunks]) => [file, concat(chunks)]));
  return { ...step.value, files: whole, bytes: whole.get('') ?? new Uint8Array(0) };
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
