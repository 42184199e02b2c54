// SPDX-License-Identifier: Apache-2.0
// Everything known about one access, the block it ran in, and who touched the same memory before and after.

import { Fragment, type JSX } from 'preact';
import { formatCount } from '../base/index.ts';
import type { AccessReply } from '../server/protocol.ts';
import { followMemory, neighbourQuestion, showAccess, step, zoomToSelection } from './actions.ts';
import { api, type NeighbourQuery } from './api-client.ts';
import { isShared } from './icounts.ts';
import { originText } from './list-columns.ts';
import { streamInfo, view } from './page-state.ts';
import { placeParts } from './place-parts.ts';
import { formatAddress } from './ticks.ts';
import { useReply } from './use-reply.ts';

export function AccessPanel({ ordinal }: { ordinal: number }): JSX.Element {
  return (
    <section class="access" aria-label={`Access ${ordinal}`}>
      <header>
        <h2>Access #{formatCount(ordinal)}</h2>
        <span class="group" role="group" aria-label="Other accesses">
          <button
            type="button"
            class="icon"
            aria-label="The access before"
            title="The access before (,)"
            onClick={() => step(-1)}
          >
            ‹
          </button>
          <button
            type="button"
            class="icon"
            aria-label="The next access"
            title="The next access (.)"
            onClick={() => step(1)}
          >
            ›
          </button>
        </span>
        <button type="button" title="Zoom to it (f)" onClick={() => zoomToSelection()}>
          Zoom
        </button>
      </header>
      <Answered key={ordinal} ordinal={ordinal} />
    </section>
  );
}

function Answered({ ordinal }: { ordinal: number }): JSX.Element | null {
  const answer = useReply((signal) => api.access({ stream: view.peek().stream, ordinal }, signal));
  switch (answer.value.state) {
    case 'asked':
      return <progress aria-label="Looking up the access" />;
    case 'failed':
      return (
        <p class="refusal" role="alert">
          {answer.value.message}
        </p>
      );
    case 'here':
      return <Known reply={answer.value.reply} />;
  }
}

function Known({ reply }: { reply: AccessReply }): JSX.Element {
  const { access } = reply;
  const facts: readonly (readonly [string, string | JSX.Element | null, boolean])[] = [
    ['Kind', `${access.kind}, ${access.size} bytes${access.aborted ? ', aborted' : ''}`, false],
    ['Virtual', access.vaddr === null ? null : formatAddress(access.vaddr), true],
    ['Physical', access.paddr === null ? null : formatAddress(access.paddr), true],
    ['Data', reply.data, false],
    ['Device', access.device ? (reply.region ?? 'yes, name not known') : null, false],
    ['pc', access.pc === null ? null : formatAddress(access.pc), true],
    ['Function', access.place === null ? null : <PlaceName place={access.place} />, false],
    ['icount', formatIcountOf(access), false],
    ['vCPU', String(access.vcpu), false],
    ['CPL', access.cpl === null ? null : String(access.cpl), false],
    ['CR3', reply.cr3, true],
    ['Address space', reply.addressSpace, false],
    ['Origin', originText(access), false],
    ['Evidence', reply.evidence === 'observed' ? 'observed by a callback' : 'reconstructed', false],
  ];
  return (
    <>
      <dl class="facts" data-testid="access-facts">
        {facts.map(([name, value, isCode]) =>
          value === null ? null : (
            <div key={name} data-fact={name}>
              <dt>{name}</dt>
              <dd>{isCode ? <code>{value}</code> : value}</dd>
            </div>
          ),
        )}
      </dl>
      <h3>Accesses to the same {reply.neighbourSpace} memory</h3>
      <table class="neighbours" aria-label="Accesses to the same memory">
        <tbody>
          {(['bytes', 'line', 'page'] as const).map((of) => (
            <tr key={of}>
              <th scope="row">{of}</th>
              <td>
                <Neighbour reply={reply} of={of} direction="previous" />
              </td>
              <td>
                <Neighbour reply={reply} of={of} direction="next" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {reply.block.length === 0 ? null : (
        <>
          <h3>The block it ran in</h3>
          <ol class="block" ref={showCurrent} aria-label="The block it ran in" tabIndex={0}>
            {reply.block.map(({ pc, bytes, disassembly, current }) => (
              <li key={pc} class={current ? 'current' : ''} aria-current={current}>
                <code class="soft" title={bytes}>
                  {formatAddress(pc)}
                </code>
                <code>{disassembly}</code>
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  );
}

function formatIcountOf({ icount, vcpu }: AccessReply['access']): string {
  return isShared(streamInfo.peek()?.vcpus ?? [])
    ? `${formatCount(icount)} of vCPU ${vcpu}`
    : formatCount(icount);
}

/** A name too long for its line is broken between its words, and never within its offset. */
function PlaceName({ place }: { place: string }): JSX.Element {
  const [words, offset] = placeParts(place);
  return (
    <>
      {words.map((word, i) => (
        // Words repeat, and their order never changes.
        <Fragment key={i}>
          {i === 0 ? null : <wbr />}
          {word}
        </Fragment>
      ))}
      <wbr />
      <span class="offset">{offset}</span>
    </>
  );
}

/** Long blocks scroll to the instruction in question. */
function showCurrent(list: HTMLOListElement | null): void {
  const current = list?.querySelector<HTMLElement>('.current');
  if (list === null || current === null || current === undefined) return;
  list.scrollTop = current.offsetTop - list.clientHeight / 2;
}

function Neighbour({
  reply,
  of,
  direction,
}: {
  reply: AccessReply;
  of: Unit;
  direction: 'previous' | 'next';
}): JSX.Element {
  const { complete, ...found } = reply.neighbours[of];
  const ordinal = found[direction];
  if (ordinal !== null) return <NeighbourAt ordinal={ordinal} of={of} direction={direction} />;
  const question = neighbourQuestion(reply, of, direction);
  if (complete || question === null) return <span class="soft">no {direction}</span>;
  return <FarNeighbour question={question} of={of} />;
}

/** It was not near: asked for again, with more patience; then it is the reader's to search on. */
function FarNeighbour({ question, of }: { question: NeighbourQuery; of: Unit }): JSX.Element {
  // What fails here was not asked for by the reader: searching on says it.
  const answer = useReply(
    async (signal) => api.neighbour(question, signal),
    () => undefined,
  );
  const { direction } = question;
  const reply = answer.value.state === 'here' ? answer.value.reply : null;
  if (reply !== null && reply.ordinal !== null) {
    return <NeighbourAt ordinal={reply.ordinal} of={of} direction={direction} />;
  }
  if (reply?.complete === true) return <span class="soft">no {direction}</span>;
  const from = reply === null ? question : { ...question, ordinal: reply.searched };
  return (
    <button
      type="button"
      id={neighbourId(of, direction)}
      aria-label={`Search for the ${direction} access to the same ${of}`}
      onClick={() => void followMemory(from)}
    >
      {direction === 'previous' ? '‹ search' : 'search ›'}
    </button>
  );
}

type Unit = 'bytes' | 'line' | 'page';

/** The same in the panel of another access: who follows a line of them by keys keeps the focus. */
function neighbourId(of: Unit, direction: 'previous' | 'next'): string {
  return `${direction}-${of}`;
}

function NeighbourAt({
  ordinal,
  of,
  direction,
}: {
  ordinal: number;
  of: Unit;
  direction: 'previous' | 'next';
}): JSX.Element {
  return (
    <button
      type="button"
      id={neighbourId(of, direction)}
      aria-label={`The ${direction} access to the same ${of}: #${formatCount(ordinal)}`}
      onClick={() => void showAccess(ordinal)}
    >
      {direction === 'previous' ? '‹ ' : ''}#{formatCount(ordinal)}
      {direction === 'next' ? ' ›' : ''}
    </button>
  );
}
