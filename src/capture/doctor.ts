// SPDX-License-Identifier: Apache-2.0
// Looks at every QEMU of the machine: what it is, whether it takes the plugin, what a trace made with it
// would hold. The last is not looked up in a table but taken from the header of a trace that is made for it.

import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  type BrokenQemu,
  findOtherAdvice,
  findQemus,
  probePluginSupport,
  type QemuOrigin,
  type QemuProgram,
  type QemuSearch,
} from './find-qemu.ts';
import { judgeOutcome } from './outcome.ts';
import { GOOD_API } from './qemu-version.ts';
import { startRecording } from './recording.ts';
import { scratchParent } from './run-folder.ts';

export interface Capability {
  readonly status: 'yes' | 'no' | 'partial';
  /** '' when there is nothing to say. */
  readonly why: string;
}

export interface QemuReport {
  readonly path: string;
  readonly origin: QemuOrigin;
  readonly version: string;
  readonly pluginApi: number;
  /** Undefined: it records. */
  readonly problem: string | undefined;
  /** By name, as in a trace's header; empty when there is a problem. */
  readonly capabilities: Readonly<Record<string, Capability>>;
  /** The command that would improve matters. */
  readonly advice: string | undefined;
}

export interface DoctorResult {
  readonly plugin: { readonly file: string | undefined; readonly advice: string | undefined };
  readonly qemus: readonly QemuReport[];
  readonly broken: readonly BrokenQemu[];
  /** Path of the QEMU that `record` would use; null for none. */
  readonly chosen: string | null;
  /** The command that would improve matters most; undefined when there is nothing to improve. */
  readonly advice: string | undefined;
}

export interface DoctorRequest {
  readonly search: QemuSearch;
  readonly pluginFile: string | undefined;
  /** Reads the capabilities of a trace's header: the reader belongs to the caller. */
  readonly readCapabilities: (file: string) => Promise<Readonly<Record<string, Capability>>>;
}

const SETUP = 'npm run setup';
const BUILD = 'npm run build';

export async function examineMachine(request: DoctorRequest): Promise<DoctorResult> {
  const { found, broken } = await findQemus(request.search);
  const qemus: QemuReport[] = [];
  for (const qemu of found) qemus.push(await examineQemu(qemu, request));

  const usable = qemus.filter((qemu) => qemu.problem === undefined);
  const chosen = usable.find((qemu) => qemu.pluginApi >= GOOD_API) ?? usable[0];
  const isBuilt = request.pluginFile !== undefined;
  return {
    plugin: { file: request.pluginFile, advice: isBuilt ? undefined : BUILD },
    qemus,
    broken,
    chosen: chosen?.path ?? null,
    advice: isBuilt ? await adviceFor(chosen, request.search) : BUILD,
  };
}

async function adviceFor(
  chosen: QemuReport | undefined,
  search: QemuSearch,
): Promise<string | undefined> {
  if (chosen === undefined) return (await findOtherAdvice(search)) ?? SETUP;
  return chosen.pluginApi < GOOD_API ? SETUP : undefined;
}

async function examineQemu(qemu: QemuProgram, request: DoctorRequest): Promise<QemuReport> {
  const plain = {
    path: qemu.path,
    origin: qemu.origin,
    version: qemu.version.text,
    pluginApi: qemu.pluginApi,
    capabilities: {},
  };
  const support = await probePluginSupport(qemu.path);
  if (!support.has) return { ...plain, problem: support.why, advice: SETUP };
  if (request.pluginFile === undefined) {
    return { ...plain, problem: "not tried: loadstore's plugin is not built", advice: BUILD };
  }
  try {
    const capabilities = await tryRecording(qemu, request.pluginFile, request.readCapabilities);
    const advice = qemu.pluginApi < GOOD_API ? SETUP : undefined;
    return { ...plain, capabilities, problem: undefined, advice };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { ...plain, problem, advice: SETUP };
  }
}

/** The first instructions of the firmware, recorded. */
async function tryRecording(
  qemu: QemuProgram,
  pluginFile: string,
  readCapabilities: DoctorRequest['readCapabilities'],
): Promise<Readonly<Record<string, Capability>>> {
  const folder = await mkdtemp(path.join(scratchParent(), 'loadstore-doctor-'));
  try {
    const outputFile = path.join(folder, 'probe.memtrace');
    const recording = await startRecording({
      qemu,
      pluginFile,
      outputFile,
      force: false,
      guestArguments: ['-nodefaults', '-display', 'none', '-no-reboot', '-m', '32'],
      limits: { instructions: PROBE_INSTRUCTIONS },
      startPaused: false,
      events: true,
      terminal: 'none',
    });
    const deadline = setTimeout(() => {
      recording.stop();
    }, PROBE_TIMEOUT_MS);
    const outcome = await recording.ended.finally(() => {
      clearTimeout(deadline);
    });
    judgeOutcome(outcome);
    return await readCapabilities(outputFile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const PROBE_INSTRUCTIONS = 20_000;
const PROBE_TIMEOUT_MS = 10_000;
