// SPDX-License-Identifier: Apache-2.0
// Header and totals of a trace: JSON, narrowed by hand (docs/format.md 1.2 and 1.3). Unknown keys are
// ignored; a known key of the wrong type is corruption.

import {
  type JsonRecord,
  narrowArray,
  narrowCount,
  narrowRecord,
  narrowString,
  optional,
  parseJsonRecord,
  wrongJson,
} from './json-narrow.ts';

const CAPABILITY_NAMES = [
  'vaddr',
  'paddr',
  'pc',
  'icount',
  'cpl',
  'mode',
  'address-space',
  'device',
  'region',
  'events',
  'event-delivery',
  'page-walk',
  'page-attributes',
  'port-io',
  'vcpu',
  'global-order',
  'values',
] as const;

export type CapabilityName = (typeof CAPABILITY_NAMES)[number];

export interface Capability {
  readonly status: 'yes' | 'no' | 'partial';
  /** Why not, or what is missing; '' for 'yes'. */
  readonly why: string;
}

export type Capabilities = Readonly<Record<CapabilityName, Capability>>;

export interface TraceImage {
  readonly path: string;
  readonly bytes: number | undefined;
  readonly sha256: string | undefined;
}

/** What the launcher said of the recording; what it did not say is undefined. */
export interface RecorderInfo {
  readonly producer: string | undefined;
  readonly startedAt: string | undefined;
  readonly qemu: { readonly path: string | undefined; readonly version: string | undefined };
  readonly command: readonly string[] | undefined;
  readonly images: readonly TraceImage[];
}

export interface PluginInfo {
  /** Version of the plugin interface that was spoken. */
  readonly api: number | undefined;
  /** What QEMU accepts, lowest and highest. */
  readonly accepts: readonly [number, number] | undefined;
  readonly vcpus: number | undefined;
  readonly maxVcpus: number | undefined;
  /** KIND:N: the recording was made wrong on purpose, for a test. */
  readonly fault: string | undefined;
}

export interface TraceHeader {
  readonly recorder: RecorderInfo;
  readonly plugin: PluginInfo;
  readonly capabilities: Capabilities;
}

export type TotalsCause = 'guest-exit' | 'limit' | 'stopped' | 'write-error';

const STREAM_COUNTS = [
  'stream',
  'captured',
  'encoded',
  'written',
  'accesses',
  'blocks',
  'instructions',
  'loads',
  'stores',
  'aborted',
  'events',
  'words',
  'waits',
  'unknownPaddr',
  'mapChecks',
  'mapMismatches',
  'strays',
  'aliasedBlocks',
  'cutBlocks',
  'unresolvedCuts',
] as const;

/** Counts that files of version 1 lack. */
const LATER_COUNTS = [
  'deliveries',
  'missingDeliveries',
  'deliveryMismatches',
  'confirmedDeliveries',
  'apartEvents',
  'walkUpdates',
  'walkMismatches',
] as const;

/**
 * Counts of one vCPU thread, docs/format.md 1.3. captured, encoded and written must be equal. `missingOrApart` are the
 * missingDeliveries of a file that does not tell events apart that have no delivery; its missingDeliveries are 0.
 */
export type StreamTotals = Readonly<
  Record<(typeof STREAM_COUNTS)[number] | (typeof LATER_COUNTS)[number] | 'missingOrApart', number>
>;

export interface VcpuTotals {
  readonly vcpu: number;
  readonly instructions: number;
  readonly loads: number;
  readonly stores: number;
}

/** What a comparison of guest RAM with the recorded stores found (docs/memory-audit.md). */
export interface MemoryAudit {
  /** Of the machine's main RAM block, which is the one that is compared. */
  readonly auditedBytes: number;
  readonly comparisons: number;
  /** Bytes that were not what the stores that callbacks reported made them, all comparisons together. */
  readonly differingBytes: number;
  readonly unknownBytes: number;
  readonly byCause: Readonly<Record<string, number>>;
  /** The first unknown ones: offset into the block, and length. */
  readonly ranges: readonly { readonly paddr: number; readonly bytes: number }[];
}

export interface TraceTotals {
  readonly cause: TotalsCause;
  /** Why writing failed; '' when it did not. */
  readonly error: string;
  /** Times that the located CPU state disagreed with QEMU; undefined: the recorder did not tell. */
  readonly viewMismatches: number | undefined;
  /** How often recording was resumed after a pause; undefined: the recorder did not tell. */
  readonly gaps: number | undefined;
  /** Undefined when memory was not audited. */
  readonly memoryAudit: MemoryAudit | undefined;
  /** Accesses that are wrong on purpose; undefined when none was asked for. */
  readonly injectedFaults: number | undefined;
  readonly streams: readonly StreamTotals[];
  readonly vcpus: readonly VcpuTotals[];
  /** Replaces the header's when present. */
  readonly capabilities: Capabilities | undefined;
}

/** Throws TraceError 'corrupt' when it is not what docs/format.md 1.2 says. */
export function decodeHeader(payload: Uint8Array): TraceHeader {
  const root = parseJsonRecord(payload, 'the header');
  return {
    recorder: narrowRecorder(optional(root['recorder'], 'recorder', narrowRecord) ?? {}),
    plugin: narrowPlugin(optional(root['plugin'], 'plugin', narrowRecord) ?? {}),
    capabilities: narrowCapabilities(root['capabilities'], 'capabilities'),
  };
}

/** Throws TraceError 'corrupt' when it is not what docs/format.md 1.3 says. */
export function decodeTotals(payload: Uint8Array): TraceTotals {
  const root = parseJsonRecord(payload, 'the totals');
  return {
    cause: narrowCause(root['cause'], 'cause'),
    error: optional(root['error'], 'error', narrowString) ?? '',
    viewMismatches: optional(root['viewMismatches'], 'viewMismatches', narrowCount),
    gaps: optional(root['gaps'], 'gaps', narrowCount),
    memoryAudit: optional(root['memoryAudit'], 'memoryAudit', narrowAudit),
    injectedFaults: optional(root['injectedFaults'], 'injectedFaults', narrowCount),
    streams: narrowArray(root['streams'], 'streams').map((value, i) =>
      narrowStreamTotals(narrowRecord(value, `streams[${i}]`), `streams[${i}]`),
    ),
    vcpus: narrowArray(root['vcpus'], 'vcpus').map((value, i) => {
      const record = narrowRecord(value, `vcpus[${i}]`);
      return {
        vcpu: narrowCount(record['vcpu'], `vcpus[${i}].vcpu`),
        instructions: narrowCount(record['instructions'], `vcpus[${i}].instructions`),
        loads: narrowCount(record['loads'], `vcpus[${i}].loads`),
        stores: narrowCount(record['stores'], `vcpus[${i}].stores`),
      };
    }),
    capabilities: optional(root['capabilities'], 'capabilities', narrowCapabilities),
  };
}

function narrowAudit(value: unknown, place: string): MemoryAudit {
  const record = narrowRecord(value, place);
  const count = (name: string): number => narrowCount(record[name], `${place}.${name}`);
  const causes = narrowRecord(record['byCause'], `${place}.byCause`);
  return {
    auditedBytes: count('auditedBytes'),
    comparisons: count('comparisons'),
    differingBytes: count('differingBytes'),
    unknownBytes: count('unknownBytes'),
    byCause: Object.fromEntries(
      Object.entries(causes).map(([name, bytes]) => [
        name,
        narrowCount(bytes, `${place}.byCause.${name}`),
      ]),
    ),
    ranges: narrowArray(record['ranges'], `${place}.ranges`).map((one, i) => {
      const range = narrowRecord(one, `${place}.ranges[${i}]`);
      return {
        paddr: narrowCount(range['paddr'], `${place}.ranges[${i}].paddr`),
        bytes: narrowCount(range['bytes'], `${place}.ranges[${i}].bytes`),
      };
    }),
  };
}

function narrowRecorder(record: JsonRecord): RecorderInfo {
  const qemu = optional(record['qemu'], 'recorder.qemu', narrowRecord) ?? {};
  const images = optional(record['images'], 'recorder.images', narrowArray) ?? [];
  return {
    producer: optional(record['producer'], 'recorder.producer', narrowString),
    startedAt: optional(record['startedAt'], 'recorder.startedAt', narrowString),
    qemu: {
      path: optional(qemu['path'], 'recorder.qemu.path', narrowString),
      version: optional(qemu['version'], 'recorder.qemu.version', narrowString),
    },
    command: optional(record['command'], 'recorder.command', narrowArray)?.map((word, i) =>
      narrowString(word, `recorder.command[${i}]`),
    ),
    images: images.map((value, i) => {
      const place = `recorder.images[${i}]`;
      const image = narrowRecord(value, place);
      return {
        path: narrowString(image['path'], `${place}.path`),
        bytes: optional(image['bytes'], `${place}.bytes`, narrowCount),
        sha256: optional(image['sha256'], `${place}.sha256`, narrowString),
      };
    }),
  };
}

function narrowPlugin(record: JsonRecord): PluginInfo {
  return {
    api: optional(record['api'], 'plugin.api', narrowCount),
    accepts: optional(record['accepts'], 'plugin.accepts', narrowPair),
    vcpus: optional(record['vcpus'], 'plugin.vcpus', narrowCount),
    maxVcpus: optional(record['maxVcpus'], 'plugin.maxVcpus', narrowCount),
    fault: optional(record['fault'], 'plugin.fault', narrowString),
  };
}

function narrowPair(value: unknown, place: string): readonly [number, number] {
  const pair = narrowArray(value, place);
  return [narrowCount(pair[0], `${place}[0]`), narrowCount(pair[1], `${place}[1]`)];
}

/** A capability that is not stated is a "no": nothing may be assumed of it. */
function narrowCapabilities(value: unknown, place: string): Capabilities {
  const record = narrowRecord(value, place);
  const capability = (name: CapabilityName): Capability => {
    const stated = optional(record[name], `${place}.${name}`, narrowRecord);
    if (stated === undefined) return { status: 'no', why: 'the recorder did not state it' };
    return {
      status: narrowStatus(stated['status'], `${place}.${name}.status`),
      why: optional(stated['why'], `${place}.${name}.why`, narrowString) ?? '',
    };
  };
  return {
    vaddr: capability('vaddr'),
    paddr: capability('paddr'),
    pc: capability('pc'),
    icount: capability('icount'),
    cpl: capability('cpl'),
    mode: capability('mode'),
    'address-space': capability('address-space'),
    device: capability('device'),
    region: capability('region'),
    events: capability('events'),
    'event-delivery': capability('event-delivery'),
    'page-walk': capability('page-walk'),
    'page-attributes': capability('page-attributes'),
    'port-io': capability('port-io'),
    vcpu: capability('vcpu'),
    'global-order': capability('global-order'),
    values: capability('values'),
  };
}

function narrowStatus(value: unknown, place: string): Capability['status'] {
  if (value === 'yes' || value === 'no' || value === 'partial') return value;
  throw wrongJson(place, 'yes, no or partial', value);
}

function narrowCause(value: unknown, place: string): TotalsCause {
  switch (value) {
    case 'guest-exit':
    case 'limit':
    case 'stopped':
    case 'write-error':
      return value;
    default:
      throw wrongJson(place, 'a known cause', value);
  }
}

function narrowStreamTotals(record: JsonRecord, place: string): StreamTotals {
  const count = (name: (typeof STREAM_COUNTS)[number]): number =>
    narrowCount(record[name], `${place}.${name}`);
  const laterCount = (name: (typeof LATER_COUNTS)[number]): number =>
    optional(record[name], `${place}.${name}`, narrowCount) ?? 0;
  const isSorted = record['apartEvents'] !== undefined;
  const missing = laterCount('missingDeliveries');
  return {
    stream: count('stream'),
    captured: count('captured'),
    encoded: count('encoded'),
    written: count('written'),
    accesses: count('accesses'),
    blocks: count('blocks'),
    instructions: count('instructions'),
    loads: count('loads'),
    stores: count('stores'),
    aborted: count('aborted'),
    events: count('events'),
    words: count('words'),
    waits: count('waits'),
    unknownPaddr: count('unknownPaddr'),
    mapChecks: count('mapChecks'),
    mapMismatches: count('mapMismatches'),
    strays: count('strays'),
    aliasedBlocks: count('aliasedBlocks'),
    cutBlocks: count('cutBlocks'),
    unresolvedCuts: count('unresolvedCuts'),
    deliveries: laterCount('deliveries'),
    missingDeliveries: isSorted ? missing : 0,
    missingOrApart: isSorted ? 0 : missing,
    apartEvents: laterCount('apartEvents'),
    deliveryMismatches: laterCount('deliveryMismatches'),
    confirmedDeliveries: laterCount('confirmedDeliveries'),
    walkUpdates: laterCount('walkUpdates'),
    walkMismatches: laterCount('walkMismatches'),
  };
}
