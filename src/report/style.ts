// SPDX-License-Identifier: Apache-2.0
// Style of the page. Every colour is in the two tables below; style.test.ts says what they have to be: told apart by
// colour-blind people, legible.

const LIGHT = `
  color-scheme: light;
  --page: #fbfbfa; --card: #ffffff; --ink: #1b1f24; --soft: #5b6470; --line: #e1e4e8; --edge: #808891; --bar: #cfe3f5;
  --good: #006b4f; --bad: #b23c00; --accent: #0b5fa5;
  --s0: #0c5484; --s1: #b48418; --s2: #0c8454; --s3: #a83c00; --s4: #e45490; --s5: #3c90cc; --s7: #545454;
  --h1: #c4dcef; --h2: #8abfe2; --h3: #3f8fc6; --h4: #14538f; --h5: #051b3b;`;

const DARK = `
  color-scheme: dark;
  --page: #0f1318; --card: #171c22; --ink: #e6e9ed; --soft: #9aa5b1; --line: #2b333c; --edge: #6b7682; --bar: #1f4a6b;
  --good: #3fc79a; --bad: #ff9359; --accent: #6cb6f5;
  --s0: #3c84c0; --s1: #e4a824; --s2: #24b484; --s3: #cc783c; --s4: #cca8c0; --s5: #9cd8fc; --s7: #788490;
  --h1: #204672; --h2: #256aa0; --h3: #3f9abf; --h4: #b5cd72; --h5: #fff7b8;`;

/** The theme that was chosen goes before what the system says. */
export const PAGE_STYLE: string = `
:root {${LIGHT} }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) {${DARK} } }
:root[data-theme="dark"] {${DARK} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main, header, footer { max-width: 1200px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 24px; display: flex; gap: 16px; align-items: flex-start; justify-content: space-between; }
h1 { font-size: 22px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 0; line-height: 1.35; }
h3 { font-size: 14px; margin: 16px 0 4px; }
p { margin: 4px 0; }
.soft, .about { color: var(--soft); }
.about { font-size: 13px; }
button { font: inherit; font-size: 13px; color: var(--ink); background: var(--card); border: 1px solid var(--edge);
  border-radius: 6px; padding: 4px 10px; cursor: pointer; white-space: nowrap; }
button:hover { border-color: var(--accent); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 16px 0 12px; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.tile { padding: 10px 14px; }
.tile b { display: block; font-size: 22px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { font-size: 12.5px; color: var(--soft); }
section { padding: 14px 16px 12px; margin: 0 0 12px; min-width: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; align-items: stretch; }
.pair > section { margin: 0; }
.pair { margin-bottom: 12px; }
.chart { height: 250px; margin-top: 8px; }
.heat { position: relative; margin-top: 8px; }
.heat canvas { display: block; width: 100%; touch-action: pan-y; }
.readout { min-height: 1.5em; font-size: 13px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; margin-top: 4px; font-variant-numeric: tabular-nums; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; margin-top: 8px; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); padding: 3px 10px 3px 0; white-space: nowrap; }
td { padding: 3px 10px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td:last-child, th:last-child { padding-right: 0; }
.n { text-align: right; white-space: nowrap; }
.share { background: linear-gradient(var(--bar), var(--bar)) no-repeat left center / var(--part) 70%; padding-left: 6px; min-width: 74px; }
code { font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
td code { white-space: nowrap; }
.wrap { overflow-wrap: anywhere; white-space: normal; }
td .wrap { white-space: normal; }
.facts td:first-child { color: var(--soft); white-space: nowrap; width: 1%; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.warning { border: 2px solid var(--bad); padding: 10px 14px; border-radius: 8px; margin: 12px 0; }
footer { padding-bottom: 28px; font-size: 13px; }
@media (max-width: 860px) {
  .pair { grid-template-columns: minmax(0, 1fr); }
  main, header, footer { padding: 0 10px; }
  header { padding-top: 14px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  section { padding: 12px 10px; }
}
@media print { button { display: none; } section { break-inside: avoid; } }
`;
