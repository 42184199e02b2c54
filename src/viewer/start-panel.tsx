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
    [formatCountShort(facts.events), 'interrupts, exceptions, SMM', formatCount(facts.events)],
    [
      `${(facts.bytesPerAccess ?? 0).toFixed(3)} B`,
      'per access',
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
      <Completeness reply={reply} />
      <h2>How it was made</h2>
      <dl class="facts">
        <dt>Recorded</dt>
        <dd>{facts.recorded ?? 'not known'}</dd>
        <dt>QEMU</dt>
        <dd>{facts.qemu ?? 'not known'}</dd>
        <dt>Command</dt>
        <dd>
          <code class="clamped" title={facts.command ?? ''}>
            {facts.command ?? 'not known'}
          </code>
        </dd>
        <dt>Names</dt>
        <dd>
          {facts.hasSymbols ? (
            'of functions and data'
          ) : (
            <>
              none: start with <code>--symbols vmlinux</code>
            </>
          )}
        </dd>
        <dt>File</dt>
        <dd>
          {reply.file}, {formatBytes(facts.fileBytes)}
        </dd>
      </dl>
    </div>
  );
}

interface Statement {
  readonly name: string;
  readonly status: 'yes' | 'partial' | 'no';
  readonly text: string;
}

/** What is missing first: it is what a reader must know. What is there in whole is one line until it is opened. */
function Completeness({ reply }: { reply: TraceReply }): JSX.Element {
  const known = new Set(reply.completeness.map(({ name }) => name));
  const statements: readonly Statement[] = [
    ...reply.completeness,
    ...reply.lacks
      .filter(({ name }) => !known.has(name))
      .map(({ name, why }) => ({ name, status: 'no' as const, text: why })),
  ];
  const whole = statements.filter(({ status }) => status === 'yes');
  const missing = statements.filter(({ status }) => status !== 'yes');
  return (
    <>
      <Statements rows={missing} label="Held in part, or not" />
      {whole.length === 0 ? null : (
        <details>
          <summary>
            <span class="status yes">all</span> {whole.map(({ name }) => name).join(', ')}
          </summary>
          <Statements rows={whole} label="Held in whole" />
        </details>
      )}
    </>
  );
}

function Statements({ rows, label }: { rows: readonly Statement[]; label: string }): JSX.Element {
  return (
    <table class="completeness" aria-label={label}>
      <tbody>
        {rows.map(({ name, status, text }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <span class={`status ${status}`}>{STATUS[status]}</span> {text}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
