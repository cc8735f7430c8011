import type { History, HistoryEntry } from '../../schemas/history.ts';
import { counted, shareText } from '../format.ts';
import { type Content, html, type Markup, note, section, table } from '../page/markup.ts';
import { page } from '../page/page.ts';
import { onPage } from '../plots/chart.ts';
import { legendOf } from '../plots/theme.ts';
import { type HistoryMeasure, historyDrawing } from './chart.ts';

/** Where a page leads; undefined where it does not. */
export interface HistoryLinks {
  readonly list?: string;
  readonly run: (entry: HistoryEntry) => string | undefined;
  readonly compare?: (before: HistoryEntry, now: HistoryEntry) => string | undefined;
}

/** From history/SCHEDULE/ to the reports of runs, as they lie in the bucket. */
const IN_BUCKET: HistoryLinks = {
  run: ({ results }) =>
    results?.report && `../../${results.report.split('/').map(encodeURIComponent).join('/')}report.html`,
};

const TITLES: Readonly<Record<HistoryMeasure, string>> = { robust: 'Robust accuracy', clean: 'Clean accuracy' };

/** A schedule's history: curves over time, and what became of each time it fired. Equal histories give equal bytes. */
export function historyPage(history: History, links: HistoryLinks = IN_BUCKET): string {
  const { schedule, igdVersion, entries } = history;
  const hasResults = entries.some(({ results }) => results !== null);
  return page({
    title: `${schedule}: history`,
    sections: [
      head(history, links),
      hasResults ? curves(history) : note('No run of it has results yet.'),
      section('Each time', entryTable(entries, links)),
    ],
    footer: `igd ${igdVersion}`,
    style: STYLE,
  });
}

function head({ schedule, entries, unreadable }: History, links: HistoryLinks): Markup {
  const last = entries.at(-1);
  const facts = [
    entries.length === 1 ? '1 entry' : `${entries.length} entries`,
    ...(unreadable === 0 ? [] : [`${counted(unreadable, 'record')} of another version of igd left out`]),
  ];
  const fell = last?.comparison.verdict === 'regressed' ? 'lead fell' : 'lead';
  return html`<header>
<p class="overline">History of a schedule</p>
<h1>${schedule}</h1>
<p class="facts">${facts.join(' · ')}</p>
${last === undefined ? null : html`<p class="${fell}">${day(last.at)}: ${capital(last.comparison.sentence)}.</p>\n`}${links.list === undefined ? null : html`<p class="bar"><a href="${links.list}">All runs</a></p>\n`}</header>
`;
}

function curves(history: History): Markup {
  const figures = (['robust', 'clean'] as const).map((measure) => {
    const drawing = historyDrawing(history, measure, TITLES[measure]);
    return html`<figure>\n<h3>${TITLES[measure]}</h3>\n${legendOf(drawing.entries)}\n${onPage(drawing)}\n</figure>\n`;
  });
  return section(
    'Accuracy over time',
    html`<div class="panels curves">\n${figures}</div>\n`,
    note(
      'Shaded: 95% intervals. Time is to scale, in UTC. A line ends where the test data, the threat model or the suite are others.',
    ),
  );
}

/** Newest first. */
function entryTable(entries: readonly HistoryEntry[], links: HistoryLinks): Content {
  const rows = entries
    .toReversed()
    .map((entry) => [
      html`<time datetime="${entry.at}">${day(entry.at)} ${entry.at.slice(11, 16)}</time>`,
      outcome(entry, entries, links),
      runCell(entry, links),
      accuracies(entry, 'robust'),
      accuracies(entry, 'clean'),
    ]);
  const columns = ['Time (UTC)', 'Against the one before', 'Run', 'Robust', 'Clean'];
  return [
    table({ label: 'Entries of the history', columns, rows, className: 'plain text history' }),
    note(
      "Compared image by image, on the images of both: McNemar's exact test, Holm's correction over all tests of a comparison.",
    ),
  ];
}

function outcome(entry: HistoryEntry, entries: readonly HistoryEntry[], { compare }: HistoryLinks): Markup {
  const { comparison } = entry;
  const text = html`<span class="${comparison.verdict === 'regressed' ? 'fell' : ''}">${capital(comparison.sentence)}</span>`;
  if (!('since' in comparison) || comparison.tests.length === 0) return text;
  const { since } = comparison;
  const before = entries.find(({ at, run }) => at === since.at && run === since.run);
  const target = before && compare?.(before, entry);
  const given = comparison.differences.map(
    ({ what, before, now }) => html`<span class="sub">${what}: ${before} before, ${now} now</span>`,
  );
  return html`${text}<span class="sub">${counted(comparison.images, 'image')} of both</span>${given}${target === undefined ? null : html`<a class="sub" href="${target}">side by side</a>`}`;
}

function runCell(entry: HistoryEntry, links: HistoryLinks): Markup {
  const { run, attempt, status, results } = entry;
  const target = links.run(entry);
  const name = target === undefined ? (run ?? 'none') : html`<a href="${target}">${run}</a>`;
  const facts = [
    ...(status === 'complete' ? [] : [status]),
    ...(attempt <= 1 ? [] : [`attempt ${attempt}`]),
    ...(results === null
      ? []
      : [
          counted(results.images, 'image'),
          `checkpoint ${results.checkpoint.sha256.slice(0, 8)}`,
          `igd ${results.igdVersion}, numerics ${results.numerics}`,
        ]),
  ];
  return html`${name}<span class="sub">${facts.join(', ')}</span>`;
}

function accuracies({ results }: HistoryEntry, measure: HistoryMeasure): Content {
  return (results?.variants ?? []).map(
    (variant) => html`<span class="share">${variant.id} ${shareText(variant[measure])}</span>`,
  );
}

function day(at: string): string {
  return at.slice(0, 10);
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

const STYLE = `
main { max-width: 1240px; }
a { color: var(--robust); text-underline-offset: 3px; text-decoration-thickness: 1px; }
.fell { color: var(--worst); }
.sub { display: block; color: var(--muted); font-size: 12px; overflow-wrap: anywhere; }
.share { display: block; white-space: nowrap; }
.history td, .history th { text-align: left; vertical-align: top; white-space: normal; }
.history time { white-space: nowrap; }
.history td { min-width: 160px; }
.curves { grid-template-columns: minmax(0, 1fr); }
.curves .legend { margin-top: 12px; }
.swatch.ring { width: 11px; height: 11px; border: 2px solid currentColor; border-radius: 50%; }
@media screen and (min-width: 1100px) {
  .curves { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 40px; }
}
@media screen and (max-width: 760px) {
  .history time { white-space: normal; }
  .history td:nth-child(2) { min-width: 230px; }
}
@media print {
  .history { font-size: 11px; }
  .history td, .history th { min-width: 0; padding-left: 10px; }
  .history time, .history .share { white-space: normal; }
}
`;
