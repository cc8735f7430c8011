import { count, counted, interval, percent } from '../format.ts';
import { type Content, html, type Markup, note } from '../page/markup.ts';
import { page } from '../page/page.ts';
import type { Best, Entry, EntrySummary } from './entry.ts';
import { choicesOf, FILTER_FIELDS, type Filters, filtered } from './filters.ts';
import { BROWSE_STYLE } from './style.ts';

export interface ListPage {
  /** The folder or bucket, as its user named it. */
  readonly place: string;
  /** All of them; the filters choose. */
  readonly entries: readonly Entry[];
  readonly filters: Filters;
  readonly version: string;
}

/** Where the pages are, from a page beside them. */
export const PAGES = { list: './', open: 'open', compare: 'compare', json: 'comparison.json' } as const;

/** All runs, sweeps, histories and analyses of a place. Its forms need no script: they ask for a page with what is filled in. */
export function listPage({ place, entries, filters, version }: ListPage): string {
  const shown = filtered(entries, filters);
  const counts =
    shown.length === entries.length
      ? counted(shown.length, 'entry')
      : `${count(shown.length)} of ${count(entries.length)} entries`;
  const head = html`<header>
<p class="overline">Runs, parameter sweeps, histories of schedules and analyses</p>
<h1>${place}</h1>
<p class="facts">${counts.replace(/entrys$/, 'entries')}, newest first</p>
</header>
`;
  const sections = entries.length === 0 ? [head, nothing()] : [head, filterForm(entries, filters), list(shown)];
  return page({ title: `${place}: runs`, sections, footer: `igd ${version}`, style: BROWSE_STYLE });
}

function nothing(): Markup {
  return html`<p class="lead">There is no run here yet.</p>\n${note('A run is a folder with a plan.json or a report.json, as "igd run --out" and "igd download --to" leave it.')}`;
}

function filterForm(entries: readonly Entry[], { text, fields }: Filters): Markup {
  const selects = FILTER_FIELDS.map((field) => {
    const options = choicesOf(entries, field).map((value) => option(value, value, value === fields[field]));
    return html`<label>${field}<select name="${field}">${option('', 'any', false)}${options}</select></label>\n`;
  });
  return html`<form class="filters" role="search" action="${PAGES.list}">
<label class="text">text<input type="search" name="q" value="${text}" placeholder="name, folder, attack, ..."></label>
${selects}<button class="main">Filter</button>
<a href="${PAGES.list}">all</a>
</form>
`;
}

function option(value: string, text: string, isChosen: boolean): Markup {
  return html`<option value="${value}"${isChosen ? html` selected=""` : null}>${text}</option>`;
}

interface Column {
  readonly label: string;
  readonly className?: 'number' | 'attacked';
  readonly cell: (entry: Entry) => Content;
}

/** After the run's name, in order; the columns of numbers are empty where there is no report. */
const COLUMNS: readonly Column[] = [
  { label: 'Date', cell: ({ date }) => dateCell(date) },
  { label: 'Status', cell: ({ status }) => html`<span class="status ${status}">${status}</span>` },
  ofSummary('Images', 'number', ({ images, data }) => html`${count(images)}<span class="sub">${data}</span>`),
  ofSummary('Model', undefined, ({ model }) => model),
  ofSummary('Threat, suite', 'attacked', ({ threat, suite }) => html`${threat}<span class="sub">${suite}</span>`),
  ofSummary('Clean', 'number', ({ best }) => bestCell(best.clean)),
  ofSummary('Robust', 'number', ({ best }) => bestCell(best.robust)),
  ofSummary('Worst case', 'number', ({ best }) => bestCell(best.worstCase)),
];

function ofSummary(label: string, className: Column['className'], of: (summary: EntrySummary) => Content): Column {
  return {
    label,
    ...(className && { className }),
    cell: ({ summary }) => (summary === undefined ? null : of(summary)),
  };
}

function list(entries: readonly Entry[]): Markup {
  if (entries.length === 0) return note('Nothing passes the filters.');
  const head = COLUMNS.map(({ label, className = '' }) => html`<th scope="col" class="${className}">${label}</th>`);
  return html`<form class="runs" action="${PAGES.compare}">
<div class="scroll" role="region" aria-label="Runs, sweeps, histories and analyses" tabindex="0">
<table>
<thead><tr><th scope="col" class="pick">Compare</th><th scope="col">Run</th>${head}</tr></thead>
<tbody>
${entries.map(row)}</tbody>
</table>
</div>
<p class="bar"><button class="main">Compare a with b</button><span class="note">on the same images, by McNemar's test</span></p>
</form>
${note('Accuracies are the highest of all variants, with their 95% intervals. A robust accuracy that the worst case does not bear out was never robustness.')}`;
}

function row(entry: Entry): Markup {
  const cells = COLUMNS.map(({ label, className = '', cell }) => {
    const value = cell(entry);
    return html`<td class="${className}"${value === null ? null : html` data-label="${label}"`}>${value}</td>`;
  });
  return html`<tr><td class="pick">${picks(entry)}</td><th scope="row" class="heading">${title(entry)}</th>${cells}</tr>\n`;
}

/** Only a run with a report can be compared. */
function picks({ kind, key, name, summary }: Entry): Markup | null {
  if (kind !== 'run' || summary === undefined) return null;
  const pick = (side: string) =>
    html`<label><input type="radio" name="${side}" value="${key}" aria-label="${side}: ${name}">${side}</label>`;
  return html`${pick('a')}${pick('b')}`;
}

function title({ kind, key, name, note: text, page: file }: Entry): Markup {
  const query = new URLSearchParams({ entry: key });
  const link = file === undefined ? name : html`<a href="${`${PAGES.open}?${query}`}">${name}</a>`;
  const what = kind === 'run' ? '' : `${kind}, `;
  return html`<span class="name">${link}</span><span class="sub">${what}${key}${text === undefined ? null : html`<br>${text}`}</span>`;
}

function dateCell(time: Date): Markup {
  const text = time.toISOString();
  return html`<time datetime="${text}">${text.slice(0, 10)}<span class="sub">${text.slice(11, 16)} UTC</span></time>`;
}

function bestCell({ variant, share }: Best): Markup {
  return html`${percent(share.accuracy)} <span class="interval">${interval(share.interval)}</span><span class="sub">${variant}</span>`;
}

/** Why there is no page, in words. */
export function messagePage(title: string, message: string, version: string): string {
  const body = html`<header>\n<h1>${title}</h1>\n<p class="lead">${message}</p>\n<p class="bar"><a href="${PAGES.list}">All runs</a></p>\n</header>\n`;
  return page({ title, sections: [body], footer: `igd ${version}`, style: BROWSE_STYLE });
}
