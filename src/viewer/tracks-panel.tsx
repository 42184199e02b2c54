// SPDX-License-Identifier: Apache-2.0
// Tracks by vCPU, below the map and on its time axis; a line goes through all of them where the pointer is.

import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatCount } from '../base/index.ts';
import { GUTTER_WIDTH } from './axis-painter.ts';
import { attachGestures } from './gestures.ts';
import { isShared } from './icounts.ts';
import { handlersFor } from './map-pane.tsx';
import { POINTER_ALPHA } from './overlay-painter.ts';
import * as page from './page-state.ts';
import { columnAt, tracks } from './track-data.ts';
import { SHARED_PAGES, spacesShown, TRACK_KINDS, type TrackKind } from './track-kinds.ts';
import { TrackPlot, trackHeight } from './track-plot.tsx';
import { xOfOrdinal } from './view.ts';

const LEAST_HEIGHT = 40;
const MOST_HEIGHT = 150;
/** As in the style sheet. */
const HEADING_MARGIN = 6;

/** There is no bar to scroll by: plots are as wide as the map. */
const isMoreBelow = signal(false);

export function TracksPanel(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const vcpus = page.streamInfo.value?.vcpus ?? [];
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    return attachGestures(place, handlersFor(null, true, false, GUTTER_WIDTH));
  }, []);
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    const noteRest = (): void => {
      isMoreBelow.value = place.scrollHeight - place.clientHeight - place.scrollTop > 4;
    };
    const observer = new ResizeObserver(() => {
      trackHeight.value = heightFor(place);
      requestAnimationFrame(noteRest);
    });
    observer.observe(place);
    place.addEventListener('scroll', noteRest, { passive: true });
    return () => {
      observer.disconnect();
      place.removeEventListener('scroll', noteRest);
    };
  }, [vcpus.length]);
  return (
    <div
      class="tracks"
      ref={box}
      role="region"
      aria-label="Tracks"
      tabIndex={0}
      style={{ '--track-height': `${trackHeight.value}px` }}
    >
      {vcpus.map((vcpu) => (
        <section key={vcpu} aria-label={`vCPU ${vcpu}`}>
          {isShared(vcpus) ? <h3>vCPU {vcpu}</h3> : null}
          {TRACK_KINDS.map((kind) => (
            <Track key={kind.name} kind={kind} vcpu={vcpu} of={`vCPU ${vcpu}`} />
          ))}
        </section>
      ))}
      {isShared(vcpus) ? (
        <section aria-label="All vCPUs">
          <h3>All vCPUs</h3>
          <Track kind={SHARED_PAGES} vcpu={vcpus[0] ?? 0} of="all vCPUs" />
        </section>
      ) : null}
      <CursorLine />
      {isMoreBelow.value ? (
        <div class="more-below" aria-hidden="true">
          <span>▾ more tracks</span>
        </div>
      ) : null}
    </div>
  );
}

/** All tracks fill the pane together, if they can be read then and are not higher than they have to say. */
function heightFor(place: HTMLElement): number {
  const headings = [...place.querySelectorAll('h3')];
  const used = headings.reduce((sum, { offsetHeight }) => sum + offsetHeight + HEADING_MARGIN, 0);
  const count = Math.max(1, place.querySelectorAll('.track').length);
  const each = Math.floor((place.clientHeight - used) / count) - 1;
  return Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, each));
}

function Track({ kind, vcpu, of }: { kind: TrackKind; vcpu: number; of: string }): JSX.Element {
  return (
    <div class="track" data-track={kind.name}>
      <div class="track-name" title={`${kind.title}; the wheel scrolls here`}>
        <b>{kind.title}</b>
        <TrackValue kind={kind} vcpu={vcpu} />
      </div>
      <TrackPlot kind={kind} vcpu={vcpu} name={`${kind.title} of ${of}`} />
    </div>
  );
}

/** At the pointer; without one, what the colours mean. */
function TrackValue({ kind, vcpu }: { kind: TrackKind; vcpu: number }): JSX.Element {
  const reply = tracks.value;
  const at = page.pointed.value;
  const track = reply?.vcpus.find((one) => one.vcpu === vcpu);
  const column = reply === null || at === null ? undefined : columnAt(reply, at.ordinal);
  if (reply !== null && track !== undefined && column !== undefined) {
    const said = reply.known[column] === true ? kind.say(track, column, reply) : 'not known';
    return <span class="value">{said}</span>;
  }
  const { series } = kind;
  if (kind.name === 'address-space') {
    const count =
      reply === null || track === undefined ? 0 : spacesShown(reply, track, page.view.value);
    return (
      <span title="Of each column that with the most accesses; others may have run in it">
        {count === 0 ? 'none known' : `${formatCount(count)} shown: busiest per column`}
      </span>
    );
  }
  return (
    <span>
      {series.map(({ label, colour }) => (
        <span key={label} class="key" data-colour={colour}>
          <i style={{ background: `var(--s${colour})` }} />
          {label}
        </span>
      ))}
    </span>
  );
}

function CursorLine(): JSX.Element | null {
  const at = page.pointed.value;
  if (at === null) return null;
  const x = GUTTER_WIDTH + xOfOrdinal(page.view.value, page.mapFrame.value, at.ordinal);
  const style = { transform: `translateX(${Math.round(x)}px)`, opacity: POINTER_ALPHA };
  return <div class="cursor-line" style={style} />;
}
