// SPDX-License-Identifier: Apache-2.0
// Draws text as a picture of a terminal (SVG), for the README:
//   ./bin/loadstore demo | sed "s|$PWD/||g" | node scripts/terminal-picture.mjs '$ npm run demo' > docs/demo.svg

import { readFileSync } from 'node:fs';

const CHAR_WIDTH = 8.43;
const LINE_HEIGHT = 19;
const MARGIN = 18;
const BAR = 34;

/** @param {string} text */
function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const title = process.argv[2] ?? '';
const lines = [title, '', ...readFileSync(0, 'utf8').trimEnd().split('\n')];
const columns = Math.max(...lines.map((line) => line.length));
const width = Math.ceil(columns * CHAR_WIDTH + 2 * MARGIN);
const height = BAR + lines.length * LINE_HEIGHT + MARGIN;
const dots = ['#ff5f57', '#febc2e', '#28c840']
  .map((colour, i) => `<circle cx="${MARGIN + 4 + i * 20}" cy="18" r="6" fill="${colour}"/>`)
  .join('');
const rows = lines
  .map((line, i) => {
    const y = BAR + (i + 0.8) * LINE_HEIGHT;
    const isHeading = lines[i - 1] === '' && /^\S/.test(line) && lines[i + 1]?.startsWith(' ');
    const fill = i === 0 ? '#7ee787' : isHeading ? '#79c0ff' : '#e6edf3';
    return `<text x="${MARGIN}" y="${y.toFixed(1)}" fill="${fill}" xml:space="preserve">${escapeXml(line)}</text>`;
  })
  .join('\n');
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${dots}
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
${rows}
</g>
</svg>
`);
