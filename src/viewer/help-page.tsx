// SPDX-License-Identifier: Apache-2.0
// All keys, from the table that they are bound by.

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { KEY_GROUPS } from './key-map.ts';
import { helpOpen } from './page-state.ts';

const NAMES: { readonly [key: string]: string } = {
  arrowleft: '←',
  arrowright: '→',
  arrowup: '↑',
  arrowdown: '↓',
  escape: 'Esc',
  enter: 'Enter',
  home: 'Home',
  'ctrl+k': 'Ctrl K',
  'shift+w': 'Shift W',
  'shift+s': 'Shift S',
};

export function HelpPage(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = helpOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const close = (): void => {
    helpOpen.value = false;
  };
  return (
    <dialog
      class="help"
      ref={dialog}
      aria-labelledby="help-title"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      <header>
        <h2 id="help-title">Keys</h2>
        <button type="button" class="icon" aria-label="Close" onClick={close}>
          ✕
        </button>
      </header>
      <div class="help-groups">
        {KEY_GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(({ keys: names, action, text }) => (
                <div key={action}>
                  <dt>
                    {names.map((name) => (
                      <kbd key={name}>{NAMES[name] ?? name.toUpperCase()}</kbd>
                    ))}
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Mouse and fingers</h3>
          <dl>
            <div>
              <dt>wheel, pinch</dt>
              <dd>zoom where the pointer is; Shift: time alone, Alt: addresses alone</dd>
            </div>
            <div>
              <dt>drag</dt>
              <dd>move; on an axis or a track along that axis alone</dd>
            </div>
            <div>
              <dt>Shift, drag</dt>
              <dd>select a window</dd>
            </div>
            <div>
              <dt>click</dt>
              <dd>select the cell or the access</dd>
            </div>
            <div>
              <dt>double click</dt>
              <dd>four times as close</dd>
            </div>
          </dl>
        </section>
      </div>
    </dialog>
  );
}
