// SPDX-License-Identifier: Apache-2.0
// What the page shows first: what this trace is, what it holds, how far the index is, and where to look.

import { completenessStatement, describeCommand, traceFactsOf } from '../query/index.ts';
import type { PageAxis } from '../tiles/index.ts';
import { bandsOf, memoryOfCommand, physicalNames, virtualNames } from './bands.ts';
import type { Space, SpaceInfo, StreamInfo, TraceReply } from './protocol.ts';
import type { Session } from './session.ts';
import { describeStreams } from './streams.ts';

/** Asked once for each session: bands are made of every page there is. */
export function createTraceReply(session: Session): () => TraceReply {
  const { trace, watch, index, symbols } = session;
  const facts = traceFactsOf(trace);
  const { totals } = facts;
  const spaceInfos = new Map<Space, SpaceInfo>();
  const nameOf = {
    virtual: virtualNames(symbols.addressMap),
    physical: physicalNames(memoryOfCommand(facts.recorder.command)),
  };
  const lacks = (['paddr', 'address-space', 'cpl', 'global-order'] as const)
    .filter((name) => trace.capabilities[name].status === 'no')
    .map((name) => ({ name, why: trace.capabilities[name].why }));
  const infoOf = (space: Space): SpaceInfo | null => {
    if (space === 'physical' && trace.capabilities.paddr.status === 'no') return null;
    const opened = index.find();
    if (opened === undefined) return { pageCount: 0, bands: [] };
    const axis: PageAxis | null = opened.pages[space];
    if (axis === null) return null;
    const info = spaceInfos.get(space) ?? {
      pageCount: axis.count,
      bands: bandsOf(axis, nameOf[space]),
    };
    spaceInfos.set(space, info);
    return info;
  };
  const { qemu, command, startedAt } = facts.recorder;
  return () => {
    const streams = describeStreams(session);
    const spaces = { virtual: infoOf('virtual'), physical: infoOf('physical') };
    return {
      file: trace.path,
      fingerprint: watch.fingerprint,
      streams,
      spaces,
      lacks,
      index: index.state,
      damaged: (index.find()?.damaged ?? []).map(({ stream, from, to, why }) => ({
        ...{ stream, from, to, why },
      })),
      facts: {
        recorded: startedAt ?? null,
        qemu: qemu.version ?? null,
        command: command === undefined ? null : describeCommand(command),
        complete: facts.complete,
        instructions: totals.instructions,
        accesses: totals.accesses,
        loads: totals.loads,
        stores: totals.stores,
        userAccesses: totals.userAccesses,
        events: totals.events,
        hasSymbols: session.names.hasSymbols,
        fileBytes: facts.fileBytes,
        bytesPerAccess: facts.bytesPerAccess,
      },
      completeness: completenessStatement(facts),
      guide: guideOf(streams[0], spaces),
    };
  };
}

/** Three clicks: everything, the last part of one band, one access. Views are hashes as the page writes them. */
function guideOf(
  stream: StreamInfo | undefined,
  { virtual }: { readonly virtual: SpaceInfo | null },
): TraceReply['guide'] {
  if (stream === undefined || virtual === null || virtual.pageCount === 0) return [];
  const { accesses } = stream;
  const whole = { from: 0, to: Math.max(2, accesses), low: 0, high: virtual.pageCount };
  const viewOf = (region: typeof whole, more: Readonly<Record<string, string>> = {}): string =>
    new URLSearchParams({
      ...{ space: 'virtual', stream: `${stream.stream}` },
      ...Object.fromEntries(Object.entries(region).map(([name, value]) => [name, `${value}`])),
      ...more,
    }).toString();
  const [widest] = [...virtual.bands].sort((a, b) => b.end - b.first - (a.end - a.first));
  const named = virtual.bands.find(({ name }) => name === 'kernel image') ?? widest;
  const middle = Math.floor(accesses / 2);
  return [
    {
      title: 'Everything',
      text: 'Time runs to the right, one step an access; up are the pages that were accessed, by address. The scale above the map says which colours are often.',
      view: viewOf(whole),
    },
    ...(named === undefined
      ? []
      : [
          {
            title: `One band: ${named.name}`,
            text: `${named.end - named.first} pages from ${named.lowAddress}. Zoom with the wheel, move by dragging.`,
            view: viewOf({ ...whole, low: named.first, high: named.end }),
          },
        ]),
    {
      title: 'One access',
      text: 'The access in the middle of the trace: its instruction, its block, and who touched the same bytes before and after.',
      // Without a region: the page goes to where the access is.
      view: new URLSearchParams({ stream: `${stream.stream}`, access: `${middle}` }).toString(),
    },
  ];
}
