// SPDX-License-Identifier: Apache-2.0
// Elements that the page is made with.

export function requireElement(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`internal: the page has no element "${id}"`);
  return element;
}
