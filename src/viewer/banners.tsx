// SPDX-License-Identifier: Apache-2.0

import type { JSX } from 'preact';
import { scene } from './map-pane.tsx';
import { closeProblem, problems } from './problems.ts';

export function Banners(): JSX.Element {
  return (
    <div class="banners" role="alert">
      {problems.value.map(({ kind, title, message }) => (
        <div class="banner" key={kind} data-kind={kind}>
          <b>{title}</b>
          <span>{message}</span>
          <button
            type="button"
            onClick={() => {
              closeProblem(kind);
              scene.current?.retry();
            }}
          >
            Try again
          </button>
          <button type="button" aria-label={`Close: ${title}`} onClick={() => closeProblem(kind)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
