import { SIGNIFICANCE } from '../../numeric/statistics.ts';
import type { ComparedVariant, Fate, PairedMeasure, RunComparison } from '../../schemas/comparison.ts';
import { comparisonSentence, regressionsOf } from '../compare/sentence.ts';
import { count, counted, list, percent, points, pValue } from '../format.ts';
import { type Content, details, html, type Markup, note, section, table } from '../page/markup.ts';
import { page } from '../page/page.ts';
import { PAGES } from './list-page.ts';
import { BROWSE_STYLE } from './style.ts';

export interface ComparePage {
  readonly comparison: RunComparison;
  /** Keys of the two runs in the list. */
  readonly a: string;
  readonly b: string;
  readonly classNames: readonly string[];
  readonly version: string;
}

/** Two runs side by side. */
export function comparePage({ comparison, a, b, classNames, version }: ComparePage): string {
  const name = (label: number) => classNames[label] ?? `class ${label}`;
  const title = `${comparison.b.name} against ${comparison.a.name}`;
  return page({
    title,
    sections: [
      head(comparison, a, b),
      cautions(comparison),
      results(comparison),
      given(comparison),
      ...comparison.variants.map((variant) => variantSection(variant, name)),
    ],
    footer: `igd ${version}`,
    style: BROWSE_STYLE,
  });
}

function link(page: string, query: Readonly<Record<string, string>>, text: string): Markup {
  return html`<a href="${`${page}?${new URLSearchParams(query)}`}">${text}</a>`;
}

function head(comparison: RunComparison, a: string, b: string): Markup {
  const sentence = comparisonSentence(comparison);
  const fell = regressionsOf(comparison).length > 0;
  const only = (side: 'a' | 'b') =>
    comparison[side].only.length === 0 ? [] : [`in ${side} alone: ${list(comparison[side].only)}`];
  const facts = [`${counted(comparison.images, 'image')} that both have`, ...only('a'), ...only('b')];
  return html`<header>
<p class="overline">Two runs compared</p>
<h1>${comparison.b.name} <span class="faint">against</span> ${comparison.a.name}</h1>
<p class="facts">a: ${link(PAGES.open, { entry: a }, `${comparison.a.name}, ${a}`)} · b: ${link(PAGES.open, { entry: b }, `${comparison.b.name}, ${b}`)} · ${facts.join(' · ')}</p>
<p class="${fell ? 'lead fell' : 'lead'}">${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}.</p>
<p class="bar"><a href="${PAGES.list}">All runs</a>${link(PAGES.compare, { a: b, b: a }, 'Swap a and b')}${link(PAGES.json, { a, b }, 'All of it as JSON')}</p>
</header>
`;
}

function cautions({ cautions: all }: RunComparison): Markup | null {
  if (all.length === 0) return null;
  const items = all.map((text) => html`<li>${text.slice(0, 1).toUpperCase()}${text.slice(1)}.</li>\n`);
  return html`<aside class="notices" aria-labelledby="notices">\n<h2 id="notices">Read this first</h2>\n<ul>\n${items}</ul>\n</aside>\n`;
}

function results({ variants }: RunComparison): Markup {
  const reach = Math.max(
    ...variants.flatMap(({ clean, robust }) => [clean, robust].flatMap(({ interval }) => interval.map(Math.abs))),
  );
  const rows = variants.flatMap(({ id, robust, clean }) => [
    [id, 'robust', ...cells(robust, reach, 'var(--robust)')],
    [id, 'clean', ...cells(clean, reach, 'var(--clean)')],
  ]);
  const columns = ['Variant', 'Measure', 'a', 'b', 'Difference', 'p', 'p (Holm)', ''];
  return section(
    'Results',
    table({ label: 'Accuracy of each variant in both runs', columns, rows }),
    note(
      `Difference: b less a, in points, with its 95% interval. McNemar's exact two-sided test on the same images; Holm's correction over ` +
        `${count(2 * variants.length)} tests. Strong: below ${SIGNIFICANCE} after it.`,
    ),
  );
}

function cells(
  { a, b, difference, interval, pValue: p, adjusted }: PairedMeasure,
  reach: number,
  colour: string,
): Content[] {
  const [low, high] = interval.map(points);
  return [
    percent(a.accuracy),
    percent(b.accuracy),
    html`<span class="${adjusted < SIGNIFICANCE ? 'strong' : 'faint'}">${points(difference)}</span><span class="interval">[${low ?? ''}, ${high ?? ''}]</span>`,
    ...[p, adjusted].map((value) => pValue(value).replace(/^p (= )?/, '')),
    drawing(difference, interval, reach, colour),
  ];
}

const WIDTH = 180;
const HEIGHT = 36;

/** The difference on its interval, zero in the middle; hidden from screen readers, who have the numbers. */
function drawing(difference: number, [low, high]: PairedMeasure['interval'], reach: number, colour: string): Markup {
  const x = (value: number) => (WIDTH / 2) * (1 + (0.94 * value) / (reach || 1));
  const at = (value: number) => x(value).toFixed(1);
  return html`<svg class="ranges" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true"><line x1="${at(0)}" x2="${at(0)}" y1="0" y2="${HEIGHT}" stroke="var(--line)"/><line x1="${at(low)}" x2="${at(high)}" y1="18" y2="18" stroke="${colour}" stroke-width="2" stroke-opacity="0.45" stroke-linecap="round"/><circle cx="${at(difference)}" cy="18" r="3.5" fill="${colour}"/></svg>`;
}

function given({ differences }: RunComparison): Markup {
  if (differences.length === 0)
    return section('What they were given', note('The same, as far as their reports and plans tell.'));
  const rows = differences.map(({ what, a, b }) => [what, a, b]);
  return section(
    'What they were given that differs',
    table({ label: 'What differs', columns: ['', 'a', 'b'], rows, className: 'plain text' }),
  );
}

/** Classes shown at once; more unfold. */
const CLASSES_SHOWN = 20;
/** Changed images on the page; the JSON has all. */
const IMAGES_SHOWN = 300;

function variantSection(
  { id, perAttack, perClass, changed }: ComparedVariant,
  name: (label: number) => string,
): Markup {
  const classes = table({
    label: `Classes of ${id}`,
    columns: ['Class', 'Images', 'Clean a', 'b', 'Robust a', 'b', 'Difference'],
    rows: perClass.map(classRow),
  });
  const broken = (value: number | null) => (value === null ? 'not run' : count(value));
  const attacks = perAttack.map(({ attack, a, b }) => [attack, broken(a), broken(b)]);
  return section(
    `Variant ${id}`,
    html`<h3>Images that each attack broke</h3>\n`,
    table({ label: `Images broken of ${id}`, columns: ['Attack', 'a', 'b'], rows: attacks }),
    perClass.length > CLASSES_SHOWN
      ? details(`${count(perClass.length)} classes`, classes)
      : html`<h3>Class by class</h3>\n${classes}`,
    changedImages(id, changed, name),
  );
}

function classRow({ name, images, clean, robust }: ComparedVariant['perClass'][number]): Content[] {
  const shares = [clean.a, clean.b, robust.a, robust.b].map(percent);
  return [name, count(images), ...shares, points(robust.b - robust.a)];
}

function changedImages(id: string, changed: ComparedVariant['changed'], name: (label: number) => string): Markup {
  if (changed.length === 0) return note('Every image came to the same end in both.');
  const rows = changed
    .slice(0, IMAGES_SHOWN)
    .map(({ image, label, a, b }) => [`image ${image}`, ...[name(label), fateText(a, name), fateText(b, name)]]);
  const columns = ['Image', 'Label', 'a', 'b'];
  return details(
    `${counted(changed.length, 'image')} came to another end`,
    table({ label: `Images of ${id} that changed`, columns, rows, className: 'plain text' }),
    changed.length > IMAGES_SHOWN ? note(`The first ${IMAGES_SHOWN}; the JSON has all.`) : null,
  );
}

function fateText(fate: Fate, name: (label: number) => string): string {
  const seenAs = (prediction: number | null) => (prediction === null ? 'no class' : name(prediction));
  switch (fate.state) {
    case 'robust':
      return 'robust';
    case 'broken':
      return `broken by ${fate.attack}: ${seenAs(fate.prediction)}`;
    case 'wrong':
      return `wrong from the start: ${seenAs(fate.prediction)}`;
  }
}
