// SPDX-License-Identifier: Apache-2.0
// Address spaces for drcachesim, whose TLBs know processes: a copy of an exported folder (--to drmemtrace-threads, one
// vCPU) in which the process changes where the trace has a new CR3.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

/** @typedef {{ fetches: number, process: number }} ProcessChange The process runs after so many fetched instructions. */

const ENTRY_BYTES = 12;
const TYPE_PID = 24;
const TYPE_MARKER = 28;
const TYPE_ENCODING = 47;
const MARKER_BRANCH_TARGET = 29;

/** Instructions that are fetched: other than further iterations of rep. @param {number} type */
function isFetched(type) {
  return (type >= 10 && type <= 16) || type === 48 || type === 49;
}

/**
 * @param {string} exported @param {string} folder @param {readonly ProcessChange[]} changes Ascending.
 * @returns {Promise<number>} Instructions that are fetched.
 */
export async function exportProcesses(exported, folder, changes) {
  const name = 'vcpu-0.trace.gz';
  const entries = gunzipSync(await readFile(path.join(exported, name)));
  const pieces = [];
  let copied = 0;
  let fetches = 0;
  let next = 0;
  // What is told of an instruction stands before it.
  let begin = -1;
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const type = entries.readUInt16LE(at);
    const isToldBefore =
      type === TYPE_ENCODING ||
      (type === TYPE_MARKER && entries.readUInt16LE(at + 2) === MARKER_BRANCH_TARGET);
    if (isToldBefore) {
      if (begin < 0) begin = at;
      continue;
    }
    if (isFetched(type)) {
      let change = changes[next];
      if (change !== undefined && change.fetches <= fetches) {
        const end = begin < 0 ? at : begin;
        pieces.push(entries.subarray(copied, end));
        copied = end;
        for (; change !== undefined && change.fetches <= fetches; change = changes[++next]) {
          pieces.push(pidEntry(change.process));
        }
      }
      fetches++;
    }
    begin = -1;
  }
  pieces.push(entries.subarray(copied));
  await writeFile(path.join(folder, name), gzipSync(Buffer.concat(pieces), { level: 1 }));
  return fetches;
}

/** @param {number} process */
function pidEntry(process) {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.writeUInt16LE(TYPE_PID, 0);
  entry.writeUInt16LE(4, 2);
  entry.writeBigUInt64LE(BigInt(process), 4);
  return entry;
}
