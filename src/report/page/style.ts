/** Colours are named by what they mean; plots use the same names. */
export const PALETTE = `
:root {
  color-scheme: light;
  --page: #ffffff; --panel: #f7f8fa; --ink: #1a1f2b; --muted: #646d7c; --line: #e4e7ec;
  --shade: rgb(26 31 43 / 22%); --notice: #fff8eb; --notice-line: #f2dcae; --notice-ink: #92600a;
  --clean: #8793a6; --clean-soft: #d5dae2; --robust: #2f6bdc; --worst: #c2417c;
  --none: #4b5563; --two-pass: #a8937a; --loir: #2f6bdc; --cdir: #7a4fc9; --random: #d9822b; --conf: #0f8f83;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --page: #101319; --panel: #181c24; --ink: #e7eaf0; --muted: #98a1b0; --line: #2a303b;
    --shade: rgb(231 234 240 / 34%); --notice: #231d10; --notice-line: #4a3b17; --notice-ink: #e5b65b;
    --clean: #7f8a9c; --clean-soft: #3a414d; --robust: #6ba0ff; --worst: #f07fb0;
    --none: #b9c0cc; --two-pass: #c4ad90; --loir: #6ba0ff; --cdir: #b094f5; --random: #f0a35c; --conf: #3cc4b4;
  }
}
`;

/** The page's one style sheet. */
export const STYLE = `${PALETTE}* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.6 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-feature-settings: "cv11", "ss01"; -webkit-font-smoothing: antialiased;
}
main { max-width: 960px; margin: 0 auto; padding: 56px 40px 72px; }
h1, h2, h3 { line-height: 1.25; letter-spacing: -0.012em; margin: 0; font-weight: 620; }
h1 { font-size: 32px; letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin-top: 56px; }
h3 { font-size: 14px; letter-spacing: 0; }
p { margin: 8px 0 0; max-width: 76ch; text-wrap: pretty; }
.overline { margin: 0 0 8px; font-size: 13px; color: var(--muted); }
.lead { margin-top: 14px; font-size: 18px; line-height: 1.5; }
.facts, .note, figcaption { color: var(--muted); font-size: 13.5px; }
.note { margin-top: 12px; }
code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
.notices {
  margin: 28px 0 0; padding: 16px 20px 18px; border: 1px solid var(--notice-line); border-radius: 10px; background: var(--notice);
}
.notices h2 { margin: 0; font-size: 15px; color: var(--notice-ink); letter-spacing: 0; }
.notices ul { margin: 8px 0 0; padding: 0; list-style: none; }
.notices li { padding: 9px 0; border-top: 1px solid var(--notice-line); font-size: 14px; line-height: 1.55; }
.notices li:first-child { border-top: 0; padding-top: 0; }
.notices li:last-child { padding-bottom: 0; }
.notices code { color: var(--notice-ink); }
.scroll {
  margin-top: 20px; overflow-x: auto;
  background:
    linear-gradient(90deg, var(--page) 30%, transparent) 0 0 / 40px 100% no-repeat local,
    linear-gradient(-90deg, var(--page) 30%, transparent) 100% 0 / 40px 100% no-repeat local,
    linear-gradient(90deg, var(--shade), transparent) 0 0 / 14px 100% no-repeat scroll,
    linear-gradient(-90deg, var(--shade), transparent) 100% 0 / 14px 100% no-repeat scroll;
}
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--robust); outline-offset: 3px; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; line-height: 1.4; font-variant-numeric: tabular-nums; }
th { font-weight: 500; color: var(--muted); font-size: 13px; text-align: right; white-space: nowrap; vertical-align: bottom; }
th, td { padding: 8px 0 8px 20px; border-bottom: 1px solid var(--line); }
td { text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody th { color: var(--ink); font-size: 14px; vertical-align: middle; }
.interval { display: block; color: var(--muted); font-size: 12px; }
.strong { font-weight: 650; }
.faint { color: var(--muted); }
.key { display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%; background: currentColor; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.results td { vertical-align: middle; }
.results td:nth-child(5) { padding-top: 0; padding-bottom: 0; }
.ranges, .scale { display: block; margin-left: auto; }
.heat { width: auto; min-width: 60%; border-collapse: separate; border-spacing: 2px; }
.heat th, .heat td { border: 0; padding: 0; }
.heat th { padding: 6px 4px; text-align: center; }
.heat th:first-child { padding: 6px 14px 6px 0; text-align: left; }
.cell {
  display: block; padding: 8px 6px; min-width: 56px; border-radius: 4px; text-align: center;
  background: color-mix(in srgb, var(--robust) var(--heat), var(--page));
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.cell.own { box-shadow: inset 0 0 0 1.5px var(--ink); }
.confusion { width: auto; border-collapse: separate; border-spacing: 2px; font-size: 12.5px; }
.confusion th, .confusion td { border: 0; padding: 0; }
.confusion thead th { padding: 4px 0; }
.confusion thead th span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); }
.confusion th:first-child { padding: 0 10px 0 0; font-size: 12.5px; }
.confusion .cell { min-width: 27px; padding: 5px 2px; font-size: 12px; }
.wrong.cell { background: color-mix(in srgb, var(--worst) var(--heat), var(--page)); }
.gallery { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 20px 24px; margin-top: 12px; }
.gallery + .facts { margin-top: 20px; }
.gallery figure { margin: 0; break-inside: avoid; }
.triple { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 4px; }
.triple img { display: block; width: 100%; height: auto; border-radius: 4px; image-rendering: pixelated; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.gallery figcaption { font-size: 12.5px; line-height: 1.45; overflow-wrap: anywhere; }
.gallery strong { color: var(--ink); font-weight: 560; }
h3.variant { margin-top: 24px; font-size: 15px; }
figure { margin: 20px 0 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { margin-top: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0 0 12px; padding: 0; list-style: none; font-size: 13px; color: var(--muted); }
h2 + .legend { margin-top: 16px; }
.legend li { display: flex; align-items: center; gap: 8px; }
.swatch { width: 16px; height: 0; border-top: 3px solid currentColor; border-radius: 2px; }
.swatch.dashed { border-top: 2px dashed currentColor; border-radius: 0; }
.swatch.block { height: 11px; border: 0; background: currentColor; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.swatch.tick { width: 2px; height: 13px; border: 0; border-radius: 0; background: currentColor; }
.panels { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 24px; margin-top: 20px; }
.panels.wide { grid-template-columns: minmax(0, 1fr); }
.panels figure { margin: 0; break-inside: avoid; }
.panels figure > svg { margin-top: 6px; }
.narrow-chart { display: none; }
.least { min-width: 580px; }
details { margin-top: 20px; }
summary { cursor: pointer; color: var(--muted); font-size: 14px; width: fit-content; }
summary:hover { color: var(--ink); }
dl { display: grid; grid-template-columns: minmax(140px, max-content) minmax(0, 1fr); gap: 6px 28px; margin: 20px 0 0; font-size: 14px; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 64px; padding-top: 16px; border-top: 1px solid var(--line); color: var(--muted); font-size: 13px; }
@media screen and (max-width: 760px) {
  main { padding: 28px 16px 48px; }
  h1 { font-size: 26px; }
  .notices { padding: 14px 14px 16px; }
  .wide-chart { display: none; }
  .narrow-chart { display: block; }
  .gallery { grid-template-columns: minmax(0, 1fr); }
  .scroll th:first-child { position: sticky; left: 0; z-index: 1; background: var(--page); }
  .scroll th:first-child { min-width: 96px; max-width: 44vw; white-space: normal; overflow-wrap: anywhere; padding-right: 8px; }
  .panels { grid-template-columns: minmax(0, 1fr); }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 8px; }
}
@media print {
  @page { margin: 16mm 14mm; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 28px; break-after: avoid; }
  figure, .notices, tr { break-inside: avoid; }
  .scroll { overflow: visible; background: none; }
  .least { min-width: 0; }
  .heat, .confusion { width: 100%; table-layout: fixed; }
  .heat th:first-child, .confusion th:first-child { width: 24%; overflow-wrap: anywhere; white-space: normal; }
  .heat thead th { white-space: normal; overflow-wrap: anywhere; font-size: 8pt; }
  .heat .cell, .confusion .cell { min-width: 0; padding: 4px 1px; font-size: 8pt; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`;
