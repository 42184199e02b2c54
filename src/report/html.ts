// SPDX-License-Identifier: Apache-2.0
// HTML as a template: what is put into it is text, and escaped, unless it is HTML itself.

export interface Html {
  readonly html: string;
}

type Part = string | number | Html | readonly Html[];

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const pieces = texts.flatMap((text, i) => {
    const part = parts[i];
    return part === undefined ? [text] : [text, htmlOf(part)];
  });
  return { html: pieces.join('') };
}

export const NOTHING: Html = { html: '' };

function htmlOf(part: Part): string {
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return 'html' in part ? part.html : part.map((one) => one.html).join('');
}

/** For text and for attributes in double quotes. */
function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A value as JSON that may stand within a script element: no "<" can end it. */
export function scriptJson(value: unknown): Html {
  return { html: JSON.stringify(value).replaceAll('<', String.raw`\u003c`) };
}
