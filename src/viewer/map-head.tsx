// SPDX-License-Identifier: Apache-2.0
// Above the map: which addresses, which colours, the scale of colours, and the way out.

import type { JSX } from 'preact';
import { formatCountShort } from '../base/index.ts';
import type { Space } from '../server/protocol.ts';
import { canvasColours } from './colours.ts';
import { isExact } from './map-painter.ts';
import { painted } from './map-scene.ts';
import { jump, moveBy, showAll, showSpace } from './navigation.ts';
import { areShownSingly } from './near-accesses.ts';
import * as page from './page-state.ts';
import { colourAt, cssColour, rampOf } from './palette.ts';
import { COLOUR_MODES, type ColourMode, zoomRegion } from './view.ts';

const SPACES: readonly Space[] = ['virtual', 'physical'];
const MODE_NAMES: { readonly [M in ColourMode]: string } = {
  sum: 'Together',
  split: 'Apart',
  loads: 'Loads',
  stores: 'Stores',
};

export function MapHead(): JSX.Element {
  const { space, colours } = page.view.value;
  return (
    <div class="map-head" role="group" aria-label="What the map shows">
      <span class="group" role="group" aria-label="Addresses">
        {SPACES.map((name) => {
          const lacks = page.trace.value !== null && page.trace.value.spaces[name] === null;
          return (
            <button
              key={name}
              type="button"
              aria-pressed={space === name}
              disabled={lacks}
              title={lacks ? `This trace has no ${name} addresses` : `${name} addresses (v)`}
              onClick={() => showSpace(name)}
            >
              {name === 'virtual' ? 'Virtual' : 'Physical'}
            </button>
          );
        })}
      </span>
      <Streams />
      <span class="group" role="group" aria-label="Loads and stores">
        {COLOUR_MODES.map((mode) => (
          <button
            key={mode}
            type="button"
            aria-pressed={colours === mode}
            title="Loads and stores together, apart or alone (c)"
            onClick={() => jump({ colours: mode })}
          >
            {MODE_NAMES[mode]}
          </button>
        ))}
      </span>
      <Legend />
      <span class="space" />
      <button
        type="button"
        aria-pressed={page.brushMode.value}
        title="Drag to select a window; Shift and drag does so always (b)"
        onClick={() => {
          page.brushMode.value = !page.brushMode.peek();
        }}
      >
        Select
      </button>
      <span class="group" role="group" aria-label="Zoom">
        <button
          type="button"
          class="icon"
          aria-label="Zoom in"
          title="Zoom in (w)"
          onClick={() => moveBy((region) => zoomRegion(region, 0.5, 0.5))}
        >
          +
        </button>
        <button
          type="button"
          class="icon"
          aria-label="Zoom out"
          title="Zoom out (s)"
          onClick={() => moveBy((region) => zoomRegion(region, 2, 2))}
        >
          −
        </button>
        <button type="button" title="The whole trace (0)" onClick={showAll}>
          All
        </button>
      </span>
    </div>
  );
}

/** Each vCPU thread of QEMU has an order of its own; with thread=single there is one for all. */
function Streams(): JSX.Element | null {
  const streams = page.trace.value?.streams ?? [];
  if (streams.length < 2) return null;
  return (
    <select
      aria-label="Stream of accesses"
      value={page.view.value.stream}
      onChange={(event) => {
        const stream = Number(event.currentTarget.value);
        jump({ stream, selected: null, access: null, target: null });
      }}
    >
      {streams.map(({ stream, vcpus }) => (
        <option key={stream} value={stream}>
          {vcpus.length === 0 ? `order ${stream}` : `vCPU ${vcpus.join(', ')}`}
        </option>
      ))}
    </select>
  );
}

const STOPS = 24;

function Legend(): JSX.Element {
  const { colours } = page.view.value;
  const maximum = painted.value?.maximum ?? 1;
  const theme = page.theme.value;
  const parts = Array.from({ length: STOPS }, (_, i) => i / (STOPS - 1));
  const bar = (name: string, colourOf: (t: number) => string): JSX.Element => (
    <span class="ramp" key={name}>
      {parts.map((t) => (
        <i key={t} style={{ background: colourOf(t) }} />
      ))}
    </span>
  );
  const areSingle = areShownSingly.value;
  const { load, store } = canvasColours.value;
  const swatch = (mode: 'loads' | 'stores'): JSX.Element => {
    const single = mode === 'loads' ? load : store;
    const background = areSingle ? single : cssColour(colourAt(rampOf(mode, theme), 0.6));
    return (
      <>
        <span class="swatch" style={{ background }} />
        {mode}
      </>
    );
  };
  const isSplit = colours === 'split' || (areSingle && colours === 'sum');
  const map = painted.value;
  // Where cells are exact each of them is under the access that was counted.
  if (areSingle && (map === null || isExact(map))) {
    return (
      <span class="legend" role="img" aria-label="Colours: each access is a load or a store">
        {colours === 'stores' ? null : swatch('loads')}
        {colours === 'loads' ? null : swatch('stores')}
        <span class="soft unit">each access</span>
      </span>
    );
  }
  return (
    <span
      class="legend"
      role="img"
      aria-label={`Colours: 1 to ${maximum} accesses a cell, logarithmic`}
    >
      {isSplit ? (
        <>
          {swatch('loads')}
          {swatch('stores')}
        </>
      ) : null}
      {areSingle ? <span class="soft unit">each access; cells</span> : null}
      <span>1</span>
      {colours === 'split' ? (
        <span class="ramps">
          {bar('loads', (t) => cssColour(colourAt(rampOf('loads', theme), t)))}
          {bar('stores', (t) => cssColour(colourAt(rampOf('stores', theme), t)))}
        </span>
      ) : (
        bar(colours, (t) => cssColour(colourAt(rampOf(colours, theme), t)))
      )}
      <span data-testid="legend-maximum">{formatCountShort(maximum)}</span>
      {areSingle ? null : <span class="soft unit">per cell, log</span>}
    </span>
  );
}
