import type { Report } from '../../schemas/report.ts';
import type { ShardResult } from '../../schemas/results.ts';
import { count } from '../format.ts';
import { type Confusion, type Confusions, confusionsOf, mistakes } from '../summary/confusion.ts';
import { details, html, type Markup, note, section, table } from './markup.ts';

/** Beyond this many classes a matrix is too wide to read, and mostly empty. */
const MATRIX_CLASSES = 14;
/** Confusions listed of more classes than that. */
const LISTED = 12;

/** What each variant takes for what, clean against attacked; null where there are no results of images to count. */
export function confusionSection(
  { variants, dataset, checkpoint }: Report,
  shards: readonly ShardResult[],
): Markup | null {
  if (shards.length === 0) return null;
  const nameOf = (index: number) => dataset.classNames[index] ?? `class ${index}`;
  const draw = checkpoint.classes <= MATRIX_CLASSES ? matrices : topConfusions;
  const [first, ...others] = variants.map(
    ({ id }) => html`<h3 class="variant">${id}</h3>\n${draw(id, confusionsOf(id, shards), nameOf)}`,
  );
  return section(
    'What is taken for what',
    first ?? null,
    others.length === 0
      ? null
      : details(others.length === 1 ? '1 more variant' : `${others.length} more variants`, others),
    note(
      'Images by true class and prediction. Under attack: the prediction on the adversarial example, and on the image as it is ' +
        'where no attack broke it. Attacks end at the first wrong class that they reach: its columns say ' +
        'which one that was, not all that an attacker could choose.',
    ),
  );
}

type NameOf = (index: number) => string;

function matrices(id: string, { clean, attacked }: Confusions, nameOf: NameOf): Markup {
  const classes = classesIn([...clean, ...attacked]);
  const panel = (title: string, confusions: readonly Confusion[]) =>
    html`<figure>\n<h3>${title}</h3>\n${matrix(`${title} predictions of ${id}`, confusions, classes, nameOf)}</figure>\n`;
  return html`<div class="panels">\n${panel('Clean', clean)}${panel('Under attack', attacked)}</div>\n`;
}

/** Every class and prediction that occurs, no prediction last. */
function classesIn(confusions: readonly Confusion[]): { labels: number[]; predictions: (number | null)[] } {
  const rising = (values: Iterable<number>) => [...new Set(values)].sort((a, b) => a - b);
  const labels = rising(confusions.map(({ label }) => label));
  const predicted = rising([...labels, ...confusions.flatMap(({ prediction }) => prediction ?? [])]);
  return {
    labels,
    predictions: confusions.some(({ prediction }) => prediction === null) ? [...predicted, null] : predicted,
  };
}

function matrix(
  label: string,
  confusions: readonly Confusion[],
  { labels, predictions }: ReturnType<typeof classesIn>,
  nameOf: NameOf,
): Markup {
  const cells = new Map(confusions.map(({ label: truth, prediction, images }) => [`${truth} ${prediction}`, images]));
  const totals = new Map<number, number>();
  for (const { label: truth, images } of confusions) totals.set(truth, (totals.get(truth) ?? 0) + images);
  return table({
    label,
    className: 'confusion',
    columns: ['True \\ predicted', ...predictions.map((p) => html`<span>${p === null ? 'none' : nameOf(p)}</span>`)],
    rows: labels.map((truth) => [
      nameOf(truth),
      ...predictions.map((prediction) =>
        cell(cells.get(`${truth} ${prediction}`) ?? 0, totals.get(truth) ?? 1, truth === prediction),
      ),
    ]),
  });
}

/** The whole of a class is this strong a colour, so that text stays readable on it. */
const FULL_HEAT = 60;

function cell(images: number, ofClass: number, right: boolean): Markup | null {
  if (images === 0) return null;
  const heat = ((FULL_HEAT * images) / ofClass).toFixed(0);
  return html`<span class="${right ? 'cell' : 'wrong cell'}" style="--heat:${heat}%">${count(images)}</span>`;
}

/** The confusions that an attack brings about most, and how many there were before. */
function topConfusions(id: string, { clean, attacked }: Confusions, nameOf: NameOf): Markup {
  const before = new Map(clean.map(({ label, prediction, images }) => [`${label} ${prediction}`, images]));
  const top = mistakes(attacked).slice(0, LISTED);
  if (top.length === 0) return note('No image is taken for another class.');
  return table({
    label: `Most frequent confusions of ${id}`,
    columns: ['True class', 'Taken for', 'Clean', 'Under attack'],
    rows: top.map(({ label, prediction, images }) => [
      nameOf(label),
      prediction === null ? 'no prediction' : nameOf(prediction),
      count(before.get(`${label} ${prediction}`) ?? 0),
      count(images),
    ]),
  });
}
