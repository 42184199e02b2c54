// SPDX-License-Identifier: Apache-2.0
// What happened in the selected window.

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import {
  formatBytes,
  formatCount,
  formatCountShort,
  formatQuantity,
  formatRatio,
} from '../base/index.ts';
import type { NamedCount, SummaryReply, WindowQuery } from '../server/protocol.ts';
import { windowQuery, zoomToSelection } from './actions.ts';
import { api } from './api-client.ts';
import { CopyButton } from './copy-button.tsx';
import { JobProgress } from './job-progress.tsx';
import { noteLink } from './navigation.ts';
import { announcement, tab } from './page-state.ts';
import { formatAddress, formatLastAddress } from './ticks.ts';
import { type Answer, useReply } from './use-reply.ts';
import type { Region } from './view.ts';

export function SummaryPanel({ region }: { region: Region }): JSX.Element {
  const query = useReply(async (signal) => windowQuery(region, signal));
  return (
    <section class="summary" aria-label="Summary of the selected window">
      <h2>Window</h2>
      <dl class="facts">
        <dt>Accesses</dt>
        <dd>
          #{formatCount(region.from)} to #{formatCount(region.to - 1)}
        </dd>
        <dt>Memory</dt>
        <dd>
          {query.value.state === 'here' ? <Addresses query={query.value.reply} /> : null}
          {formatBytes(Math.round((region.high - region.low) * 4096))} of what is used
        </dd>
      </dl>
      <p class="actions">
        <button type="button" title="Zoom to it (f)" onClick={() => zoomToSelection()}>
          Zoom to it
        </button>
        <button
          type="button"
          onClick={() => {
            tab.value = 'list';
            noteLink();
          }}
        >
          List accesses
        </button>
      </p>
      <Refusal answer={query.value} />
      {query.value.state === 'here' ? <Answered query={query.value.reply} /> : null}
    </section>
  );
}

function Addresses({ query }: { query: WindowQuery }): JSX.Element | null {
  const { lowAddress, highAddress } = query;
  if (lowAddress === undefined || highAddress === undefined) return null;
  return (
    <>
      <code>{formatAddress(lowAddress)}</code> to <code>{formatLastAddress(highAddress)}</code>,{' '}
    </>
  );
}

function Refusal({ answer }: { answer: Answer<unknown> }): JSX.Element | null {
  if (answer.state !== 'failed') return null;
  return (
    <p class="refusal" role="alert">
      {answer.message}
    </p>
  );
}

/** Caches of a window that is long are simulated for who wants it. */
function Answered({ query }: { query: WindowQuery }): JSX.Element {
  const isWanted = useSignal(false);
  return (
    <Counted
      key={String(isWanted.value)}
      query={isWanted.value ? { ...query, caches: 'any' } : query}
      want={() => {
        isWanted.value = true;
      }}
    />
  );
}

function Counted({
  query,
  want,
}: {
  query: Parameters<typeof api.summary>[0];
  want: () => void;
}): JSX.Element {
  const answer = useReply(async (signal) => {
    const reply = await api.summary(query, signal);
    announcement.value = `${formatQuantity(reply.accesses, 'access', 'accesses')} in the window: ${formatQuantity(reply.loads, 'load')}, ${formatQuantity(reply.stores, 'store')}`;
    return reply;
  });
  return (
    <>
      {answer.value.state === 'asked' ? (
        <JobProgress name="summary" label="Counting the window" />
      ) : null}
      <Refusal answer={answer.value} />
      {answer.value.state === 'here' ? <Summary reply={answer.value.reply} want={want} /> : null}
    </>
  );
}

function Summary({ reply, want }: { reply: SummaryReply; want: () => void }): JSX.Element {
  const { accesses } = reply;
  return (
    <>
      <dl class="figures">
        <div>
          <dt>accesses</dt>
          <dd>{formatCount(accesses)}</dd>
        </div>
        <div>
          <dt>{formatQuantity(reply.loads, 'load')}</dt>
          <dd>{formatRatio(reply.loads, accesses)}</dd>
        </div>
        <div>
          <dt>{formatQuantity(reply.stores, 'store')}</dt>
          <dd>{formatRatio(reply.stores, accesses)}</dd>
        </div>
        <div>
          <dt>{formatCount(reply.userAccesses)} in user mode</dt>
          <dd>{formatRatio(reply.userAccesses, accesses)}</dd>
        </div>
      </dl>
      <Counts title="Functions" rows={reply.functions} whole={accesses} />
      <Counts
        title="Instructions"
        rows={reply.instructions.map(({ address, name, count, disassembly }) => ({
          ...{ address, count, name: disassembly },
          place: [name, address === null ? '' : formatAddress(address)].join(' ').trim(),
        }))}
        whole={accesses}
      />
      <Counts
        title="Pages"
        rows={reply.pages.map((row) => ({
          ...row,
          name: row.address === null ? row.name : formatAddress(row.address),
          place: row.name,
        }))}
        whole={accesses}
      />
      <h3>Caches, begun cold</h3>
      {reply.cache === null ? (
        <p class="soft">
          So long a window takes a while to simulate.{' '}
          <button type="button" onClick={want}>
            Simulate it
          </button>
        </p>
      ) : (
        <table class="counts" aria-label="Caches, begun cold">
          <tbody>
            {reply.cache.map(({ level, accesses: asked, misses, sizeBytes, ways }) => (
              <tr
                key={level}
                title={`${formatCount(misses)} misses of ${formatCount(asked)} accesses`}
              >
                <th scope="row">
                  {level}{' '}
                  <small>
                    {formatBytes(sizeBytes)}, {ways} ways
                  </small>
                </th>
                <td class="n">{formatCountShort(asked)}</td>
                <td class="n">{formatRatio(misses, asked)} miss</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <h3>The same on the command line</h3>
      <div class="command">
        <code>{reply.command}</code>
        <CopyButton text={reply.command} />
      </div>
    </>
  );
}

function Counts({
  title,
  rows,
  whole,
}: {
  title: string;
  rows: readonly (NamedCount & { readonly place?: string })[];
  whole: number;
}): JSX.Element | null {
  if (rows.length === 0) return null;
  const most = rows[0]?.count ?? 1;
  return (
    <>
      <h3>{title}</h3>
      <table class="counts" aria-label={title}>
        <tbody>
          {rows.map(({ name, address, count, place }) => (
            <tr key={`${address}${name}`} title={[name, place, address].join('  ')}>
              <th scope="row">
                <span class="share" style={{ inlineSize: `${(100 * count) / most}%` }} />
                <span class="name">{name}</span>
                {place === undefined || place === '' ? null : <small>{place}</small>}
              </th>
              <td class="n">{formatRatio(count, whole)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
