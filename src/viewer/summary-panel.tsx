// SPDX-License-Identifier: Apache-2.0
// What happened in the selected window.

import type { JSX } from 'preact';
import { formatBytes, formatCount, formatRatio } from '../base/index.ts';
import type { NamedCount, SummaryReply } from '../server/protocol.ts';
import { windowQuery, zoomToSelection } from './actions.ts';
import { api } from './api-client.ts';
import { CopyButton } from './copy-button.tsx';
import { JobProgress } from './job-progress.tsx';
import { noteLink } from './navigation.ts';
import { tab } from './page-state.ts';
import { formatAddress } from './ticks.ts';
import { useReply } from './use-reply.ts';
import type { Region } from './view.ts';

export function SummaryPanel({ region }: { region: Region }): JSX.Element {
  const answer = useReply(async (signal) => api.summary(await windowQuery(region, signal), signal));
  return (
    <section class="summary" aria-label="Summary of the selected window">
      <h2>Window</h2>
      <dl class="facts">
        <dt>Accesses</dt>
        <dd>
          #{formatCount(region.from)} to #{formatCount(region.to - 1)}
        </dd>
        <dt>Memory</dt>
        <dd>{formatBytes(Math.round((region.high - region.low) * 4096))} of what is used</dd>
      </dl>
      <p class="actions">
        <button type="button" title="f" onClick={() => zoomToSelection()}>
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
      {answer.value.state === 'asked' ? (
        <JobProgress name="summary" label="Counting the window" />
      ) : null}
      {answer.value.state === 'failed' ? (
        <p class="refusal" role="alert">
          {answer.value.message}
        </p>
      ) : null}
      {answer.value.state === 'here' ? <Summary reply={answer.value.reply} /> : null}
    </section>
  );
}

function Summary({ reply }: { reply: SummaryReply }): JSX.Element {
  const { accesses } = reply;
  return (
    <>
      <dl class="figures">
        <div>
          <dt>accesses</dt>
          <dd>{formatCount(accesses)}</dd>
        </div>
        <div>
          <dt>{formatCount(reply.loads)} loads</dt>
          <dd>{formatRatio(reply.loads, accesses)}</dd>
        </div>
        <div>
          <dt>{formatCount(reply.stores)} stores</dt>
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
        rows={reply.instructions.map((row) => ({ ...row, name: row.disassembly, place: row.name }))}
        whole={accesses}
      />
      <Counts title="Pages" rows={reply.pages} whole={accesses} />
      <h3>Cache, begun cold</h3>
      {reply.cache === null ? (
        <p class="soft">
          The window is too long to simulate while you wait: see "loadstore cache".
        </p>
      ) : (
        <>
          <table class="counts">
            <tbody>
              {reply.cache.map(({ level, accesses: asked, misses }) => (
                <tr key={level}>
                  <th scope="row">{level}</th>
                  <td class="n">{formatCount(asked)} accesses</td>
                  <td class="n">{formatRatio(misses, asked)} miss</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      <h3>The same on the command line</h3>
      <div class="command">
        <code>{reply.command}</code>
        <CopyButton text={reply.command} />
      </div>
    </>
  );
}

const MOST_ROWS = 8;

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
      <table class="counts">
        <tbody>
          {rows.slice(0, MOST_ROWS).map(({ name, address, count, place }) => (
            <tr key={`${address}${name}`} title={[name, place, address].join('  ')}>
              <th scope="row">
                <span class="share" style={{ inlineSize: `${(100 * count) / most}%` }} />
                <span class="name">
                  {name === '' && address !== null ? formatAddress(address) : name}
                </span>
                {place === undefined ? null : <small>{place}</small>}
              </th>
              <td class="n">{formatRatio(count, whole)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_ROWS ? (
        <p class="soft">{formatCount(rows.length - MOST_ROWS)} more on the command line</p>
      ) : null}
    </>
  );
}
