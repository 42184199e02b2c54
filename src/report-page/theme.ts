// SPDX-License-Identifier: Apache-2.0
// Light or dark: as the system says, until the button says otherwise. Charts are told, since canvases have no style.

const root = document.documentElement;
const system = matchMedia('(prefers-color-scheme: dark)');

function isDark(): boolean {
  const chosen = root.dataset['theme'];
  return chosen === undefined ? system.matches : chosen === 'dark';
}

/** Shows the button; `onChange` is called after each change of the theme. */
export function startTheme(button: HTMLButtonElement, onChange: () => void): void {
  const update = (): void => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.title = isDark() ? 'Switch to light colours' : 'Switch to dark colours';
  };
  const change = (): void => {
    update();
    onChange();
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    root.dataset['theme'] = isDark() ? 'light' : 'dark';
    change();
  });
  system.addEventListener('change', change);
  update();
}

/** Value of a custom property: themeColour('line'). */
export function themeColour(name: string): string {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
}
