import { printable } from '../../errors.ts';
import type { ComparedVariant, PairedMeasure, RunComparison } from '../../schemas/comparison.ts';
import { count, counted, list, percent, points, pValue } from '../format.ts';
import { escapeText, table } from '../markdown.ts';
import { escapeHtml } from '../page/markup.ts';
import { alignColumns } from '../table.ts';
import { comparisonSentence, regressionsOf, testsOf, testText } from './sentence.ts';

// A comparison as programs and people take it that read no pages: a terminal, Markdown, JUnit.

const COLUMNS = ['variant', 'measure', 'a', 'b', 'difference', '95%', 'p', 'p (Holm)'];

/** The table of a comparison for a terminal, and what to know of it. */
export function comparisonText(comparison: RunComparison): string {
  const { a, b } = comparison;
  const lines = alignColumns([COLUMNS, ...rowsOf(comparison)]).map((cells) => cells.join('  ').trimEnd());
  const remarks = remarksOf(comparison);
  const sides = [`a: ${a.name} (${a.id})`, `b: ${b.name} (${b.id})`];
  return printable([...sides, '', ...lines, '', ...remarks].join('\n'));
}

/** The same as a section of a page of Markdown, such as the summary of a GitHub job. */
export function comparisonMarkdown(comparison: RunComparison, alpha: number): string {
  const { a, b, variants } = comparison;
  const [sentence, failed] = [comparisonSentence(comparison, alpha), regressionsOf(comparison, alpha).length > 0];
  return `${[
    `## ${failed ? '❌' : '✅'} ${escapeText(b.name)}: ${escapeText(sentence)}`,
    `Against \`${a.id}\` (${escapeText(a.name)}).`,
    table(
      COLUMNS,
      rowsOf(comparison).map((cells) => cells.map(escapeText)),
    ),
    remarksOf(comparison)
      .map((line) => `- ${escapeText(line)}`)
      .join('\n'),
    ...variants.flatMap(brokenTable),
  ].join('\n\n')}\n`;
}

/** Images that each attack broke. */
function brokenTable({ id, perAttack }: ComparedVariant): string[] {
  const text = (broken: number | null) => (broken === null ? 'not run' : count(broken));
  const rows = perAttack.map(({ attack, a, b }) => [escapeText(attack), text(a), text(b)]);
  return [`### Broken of ${escapeText(id)}`, table(['attack', 'a', 'b'], rows)];
}

function rowsOf({ variants }: RunComparison): string[][] {
  return variants.flatMap(({ id, robust, clean }) => [
    [id, 'robust', ...cells(robust)],
    [id, 'clean', ...cells(clean)],
  ]);
}

function cells({ a, b, difference, interval: [low, high], pValue: p, adjusted }: PairedMeasure): string[] {
  const bounds = `[${points(low)}, ${points(high)}]`;
  return [percent(a.accuracy), percent(b.accuracy), points(difference), bounds, ...[p, adjusted].map(bare)];
}

/** "0.004": the column says what it is. */
function bare(p: number): string {
  return pValue(p).replace('p = ', '').replace('p ', '');
}

/** What to know of a comparison, a sentence each. */
export function remarksOf({ a, b, images, variants, differences, cautions }: RunComparison): string[] {
  const whole = a.images === images && b.images === images;
  const changed = variants.flatMap(({ id, changed }) =>
    changed.length === 0 ? [] : [`${counted(changed.length, 'image')} of ${id}`],
  );
  return [
    `compared on ${counted(images, 'image')}${whole ? '' : ` that both have (a ${count(a.images)}, b ${count(b.images)})`}`,
    ...(changed.length === 0 ? [] : [`to another end came ${list(changed)}`]),
    `differences are b less a, in points; McNemar's exact test, Holm's correction over ${count(2 * variants.length)} tests`,
    ...only('a', a.only),
    ...only('b', b.only),
    ...differences.map(({ what, a, b }) => `${what}: ${a} in a, ${b} in b`),
    ...cautions.map((text) => `caution: ${text}`),
  ];
}

function only(side: string, ids: readonly string[]): string[] {
  return ids.length === 0 ? [] : [`not compared, in ${side} alone: ${list(ids)}`];
}

/** A JUnit file: a test case for each measure of each variant, failed where it is significantly lower in b. */
export function comparisonJunit(comparison: RunComparison, alpha: number): string {
  const { b } = comparison;
  const failed = new Set(regressionsOf(comparison, alpha).map(({ variant, measure }) => `${measure} ${variant}`));
  const cases = testsOf(comparison).map((test) => {
    const open = `  <testcase classname="${xml(`igd.${b.name}`)}" name="${xml(`${test.measure} accuracy of ${test.variant}`)}"`;
    if (!failed.has(`${test.measure} ${test.variant}`)) return `${open}/>`;
    return `${open}>\n    <failure message="${xml(testText(test))}">${xml(comparisonText(comparison))}</failure>\n  </testcase>`;
  });
  const counts = `tests="${cases.length}" failures="${failed.size}" errors="0" skipped="0"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="${xml(`igd check ${b.name}`)}" ${counts}>\n${cases.join('\n')}\n</testsuite>\n`;
}

/** XML 1.0 has no control characters, not even escaped ones. */
function xml(text: string): string {
  return escapeHtml(printable(text));
}
