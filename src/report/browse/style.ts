/** What the pages of `igd browse` have besides a report's style: forms, and a list that is a table where there is room, else cards. */
export const BROWSE_STYLE = `
main { max-width: 1240px; }
a { color: var(--robust); text-underline-offset: 3px; text-decoration-thickness: 1px; }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible { outline: 2px solid var(--robust); outline-offset: 2px; border-radius: 4px; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 24px; margin-top: 20px; }
.filters { display: flex; flex-wrap: wrap; align-items: end; gap: 12px; margin: 28px 0 0; padding: 16px; border-radius: 10px; background: var(--panel); }
.filters label { display: grid; gap: 4px; font-size: 12.5px; color: var(--muted); flex: 1 1 130px; min-width: 0; }
.filters label.text { flex: 2 1 200px; }
.filters > a { line-height: 36px; }
input[type="search"], select, button {
  font: inherit; font-size: 14px; color: var(--ink); background: var(--page); border: 1px solid var(--line); border-radius: 7px;
  padding: 6px 10px; min-width: 0; width: 100%; height: 36px;
}
button { width: auto; padding: 6px 16px; font-weight: 560; cursor: pointer; }
button.main { background: var(--robust); border-color: var(--robust); color: var(--page); }
.runs td, .runs th { vertical-align: top; }
.runs td { white-space: normal; text-align: left; }
.runs th { text-align: left; }
.runs .heading { white-space: normal; min-width: 180px; }
.runs th, .runs td { padding-left: 16px; }
.runs .number { text-align: right; white-space: nowrap; }
.runs .attacked { min-width: 124px; }
.runs .pick { padding-left: 0; padding-right: 8px; white-space: nowrap; color: var(--muted); }
.runs .pick label { display: inline-flex; align-items: center; gap: 3px; margin-right: 8px; }
.runs .pick input { margin: 0; accent-color: var(--robust); }
.runs tbody tr:hover { background: var(--panel); }
time { white-space: nowrap; }
.runs .bar { position: sticky; bottom: 0; max-width: none; margin: 0; padding: 14px 0; background: var(--page); }
.runs .bar .note { margin: 0; }
h3 { margin-top: 28px; }
.name { font-weight: 560; overflow-wrap: anywhere; }
.sub { display: block; color: var(--muted); font-size: 12px; overflow-wrap: anywhere; }
.status { display: inline-flex; align-items: center; gap: 7px; white-space: nowrap; }
.status::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--muted); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.status.complete::before { background: var(--conf); }
.status.partial::before, .status.running::before { background: var(--random); }
.status.failed::before, .status.unreadable::before { background: var(--worst); }
.lead.fell { color: var(--worst); }
.plain.text td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.plain.text th { text-align: left; }
.plain.text tbody th { white-space: nowrap; vertical-align: top; }
@media (max-width: 720px) {
  .runs .scroll { overflow: visible; }
  .runs thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .runs table, .runs tbody { display: block; }
  .runs tr { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 2px 16px; padding: 14px 0; border-bottom: 1px solid var(--line); }
  .runs td, .runs th, .runs .number { display: block; border: 0; padding: 3px 0; text-align: left; white-space: normal; }
  .runs .heading, .runs .pick { grid-column: 1 / -1; min-width: 0; }
  .runs td[data-label]::before { content: attr(data-label); display: block; color: var(--muted); font-size: 12px; }
  .runs td:empty { display: none; }
  .filters { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .filters label.text { grid-column: 1 / -1; }
}
@media print { .filters, .bar, .pick { display: none; } }
`;
