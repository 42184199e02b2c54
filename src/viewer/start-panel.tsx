// SPDX-License-Identifier: Apache-2.0
// What this trace is, a first look in three clicks, and what it holds and what it cannot.

import type { JSX } from 'preact';
import { formatBytes, formatCount, formatCountShort, formatRatio } from '../base/index.ts';
import type { TraceReply } from '../server/protocol.ts';

const STATUS: { readonly [S in 'yes' | 'partial' | 'no']: string } = {
  yes: 'all',
  partial: 'in part',
  no: 'none',
};

export function StartPanel({ reply }: { reply: TraceReply }): JSX.Element {
  const { facts } = reply;
  const figures: readonly (readonly [string, string, string])[] = [
    [formatCountShort(facts.accesses), 'accesses', formatCount(facts.accesses)],
    [formatCountShort(facts.instructions), 'instructions', formatCount(facts.instructions)],
    [
      formatRatio(facts.stores, facts.loads + facts.stores),
      'are stores',
      formatCount(facts.stores),
    ],
    facts.userAccesses === null
      ? ['-', 'in user mode', 'The trace does not know privilege levels']
      : [
          formatRatio(facts.userAccesses, facts.accesses),
          'in user mode',
          formatCount(facts.userAccesses),
        ],
    [formatCountShort(facts.events), 'interrupts and exceptions', formatCount(facts.events)],
    [
      `${(facts.bytesPerAccess ?? 0).toFixed(3)} B`,
      'by access',
      `${formatBytes(facts.fileBytes)} in all`,
    ],
  ];
  return (
    <div class="start">
      {facts.complete ? null : (
        <p class="warning" role="alert">
          This trace was cut: it has no end. All before the cut is here.
        </p>
      )}
      <dl class="figures">
        {figures.map(([value, name, exact]) => (
          <div key={name} title={exact}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {reply.guide.length === 0 ? null : (
        <>
          <h2>A first look</h2>
          <ol class="guide">
            {reply.guide.map(({ title, text, view }) => (
              <li key={title}>
                <a href={`#${view.replace(/^#/, '')}`}>{title}</a>
                <p>{text}</p>
              </li>
            ))}
          </ol>
        </>
      )}
      <h2>What it holds</h2>
      <table class="completeness">
        <tbody>
          {reply.completeness.map(({ name, status, text }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <span class={`status ${status}`}>{STATUS[status]}</span>
                {text}
              </td>
            </tr>
          ))}
          {reply.lacks.map(({ name, why }) => (
            <tr key={`lacks ${name}`}>
              <th scope="row">{name}</th>
              <td>
                <span class="status no">{STATUS.no}</span>
                {why}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>How it was made</h2>
      <dl class="facts">
        <dt>Recorded</dt>
        <dd>{facts.recorded ?? 'not known'}</dd>
        <dt>QEMU</dt>
        <dd>{facts.qemu ?? 'not known'}</dd>
        <dt>Command</dt>
        <dd>
          <code>{facts.command ?? 'not known'}</code>
        </dd>
        <dt>File</dt>
        <dd>
          {reply.file}, {formatBytes(facts.fileBytes)}
        </dd>
      </dl>
    </div>
  );
}
