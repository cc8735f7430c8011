import {
  PARAMETER_SWEEP_MEASURES,
  type ParameterSweepMeasure,
  type ParameterSweepReport,
} from '../schemas/parameter-sweep.ts';
import { type Row, toCsv } from './data-files.ts';
import { counted, list, percent, shareText } from './format.ts';
import { escapeText, table } from './markdown.ts';
import { html, table as htmlTable, section } from './page/markup.ts';
import { page } from './page/page.ts';
import { onPage, standaloneSvg } from './plots/chart.ts';
import { MEASURE_NAMES, MEASURE_TITLES, parameterSweepDrawing } from './plots/parameter-sweep.ts';
import { legendOf } from './plots/theme.ts';
import { valueName } from './sweep-values.ts';
import { alignColumns } from './table.ts';

/** Every file of a sweep's report by name, sweep.json last: it is what says "finished". Equal reports give equal bytes. */
export function parameterSweepFiles(report: ParameterSweepReport): ReadonlyMap<string, string> {
  const drawings = PARAMETER_SWEEP_MEASURES.map((measure): [string, string] => {
    const drawing = parameterSweepDrawing(report, measure, MEASURE_TITLES[measure]);
    return [`sweep.${MEASURE_NAMES[measure]}.svg`, standaloneSvg(drawing)];
  });
  return new Map([
    ['sweep.csv', parameterSweepCsv(report)],
    ['sweep.md', parameterSweepMarkdown(report)],
    ...drawings,
    ['sweep.html', parameterSweepHtml(report)],
    ['sweep.json', `${JSON.stringify(report, null, 1)}\n`],
  ]);
}

/** sweep.csv: a row for each value, variant and measure. */
function parameterSweepCsv(report: ParameterSweepReport): string {
  const { key, runs } = report;
  const rows = runs.flatMap(({ value, variants }) =>
    variants.flatMap((variant) =>
      PARAMETER_SWEEP_MEASURES.map((measure): Row => {
        const { accuracy, correct, interval } = variant[measure];
        return [key, value, variant.id, MEASURE_NAMES[measure], accuracy, correct, ...interval];
      }),
    ),
  );
  const means = (hasMeans(report) ? (runs[0]?.variants ?? []) : []).flatMap(({ id }) =>
    PARAMETER_SWEEP_MEASURES.map((measure): Row => {
      return [key, 'mean', id, MEASURE_NAMES[measure], meanOf(report, id, measure), null, null, null];
    }),
  );
  return toCsv(
    ['key', 'value', 'variant', 'measure', 'accuracy', 'correct', 'interval_low', 'interval_high'],
    [...rows, ...means],
  );
}

/** sweep.md */
function parameterSweepMarkdown(report: ParameterSweepReport): string {
  const tables = PARAMETER_SWEEP_MEASURES.map((measure) => {
    const [columns, ...rows] = cells(report, measure, shareText);
    return [`## ${MEASURE_TITLES[measure]}`, '', table((columns ?? []).map(escapeText), rows)].join('\n');
  });
  const missing = missingSentence(report).map(escapeText);
  const legend = legendSentences(report).join(' ');
  const title = `# ${escapeText(report.name)}: sweep over ${report.key}`;
  return `${[title, ...missing, ...tables, ...(legend === '' ? [] : [legend])].join('\n\n')}\n`;
}

/** The table at the end of `igd run`: robust accuracy, a line a variant. */
export function parameterSweepTable(report: ParameterSweepReport): string {
  const tables = PARAMETER_SWEEP_MEASURES.map((measure) => {
    const lines = alignColumns(cells(report, measure, ({ accuracy }) => percent(accuracy)));
    return `${MEASURE_TITLES[measure]}\n${lines.map((line) => `${line.join('  ').trimEnd()}\n`).join('')}`;
  });
  return [...tables, ...missingSentence(report).map((sentence) => `${sentence}\n`)].join('\n');
}

/** Of a sweep that did not come to its end: what is not in its tables. */
function missingSentence({ missing = [] }: ParameterSweepReport): string[] {
  return missing.length === 0 ? [] : [`Not here, since something of them is missing: ${list(missing)}.`];
}

/** Variants down, values across; the header first. */
function cells(
  report: ParameterSweepReport,
  measure: ParameterSweepMeasure,
  text: (share: ParameterSweepReport['runs'][number]['variants'][number][ParameterSweepMeasure]) => string,
): string[][] {
  const { key, runs } = report;
  const isMeant = hasMeans(report);
  const header = [key, ...runs.map((run) => valueName(report, run)), ...(isMeant ? ['mean'] : [])];
  const ids = runs[0]?.variants.map(({ id }) => id) ?? [];
  const rows = ids.map((id) => {
    const shares = runs.map(({ variants }) => variants.find((variant) => variant.id === id)?.[measure]);
    const mean = isMeant ? [percent(meanOf(report, id, measure))] : [];
    return [id, ...shares.map((share) => (share === undefined ? '' : text(share))), ...mean];
  });
  return [header, ...rows];
}

function legendSentences(report: ParameterSweepReport): string[] {
  return [
    ...(hasMeans(report) ? ['Mean: each value counts once.'] : []),
    ...(isOverData(report)
      ? ['Of corrupted images, clean accuracy is that under the corruption, without an attack.']
      : []),
  ];
}

function isOverData({ key }: ParameterSweepReport): boolean {
  return key === 'dataset.test' || key === 'dataset.severity';
}

/** Over data, as benchmarks of corruptions take them: of all values, or a mean is another number. */
function hasMeans(report: ParameterSweepReport): boolean {
  return isOverData(report) && report.missing === undefined;
}

/** Mean of a variant's accuracies, each value counting once; NaN where it is missing at one. */
function meanOf({ runs }: ParameterSweepReport, id: string, measure: ParameterSweepMeasure): number {
  const found = runs.map(({ variants }) => variants.find((variant) => variant.id === id)?.[measure].accuracy);
  return found.reduce<number>((sum, accuracy = Number.NaN) => sum + accuracy, 0) / runs.length;
}

/** sweep.html: a figure and a table for each measure. Every run's own report lies in its folder. */
function parameterSweepHtml(report: ParameterSweepReport): string {
  const { name, key, runs, igdVersion } = report;
  const facts = [counted(runs[0]?.images ?? 0, 'image'), `folders ${list(runs.map(({ folder }) => folder))}`];
  const remarks = [...legendSentences(report), ...missingSentence(report)].map((sentence) => ` ${sentence}`);
  const head = html`<header>
<p class="overline">Sweep</p>
<h1>${name}</h1>
<p class="facts">${facts.join(' · ')}</p>
<p class="lead">Accuracy against <code>${key}</code>.${remarks}</p>
</header>
`;
  const sections = PARAMETER_SWEEP_MEASURES.map((measure) => {
    const title = MEASURE_TITLES[measure];
    const drawing = parameterSweepDrawing(report, measure, title);
    const caption = 'Shaded: 95% intervals. Values stand evenly, in the order of the config.';
    const [columns = [], ...rows] = cells(report, measure, shareText);
    return section(
      title,
      html`<figure>\n${legendOf(drawing.entries)}\n${onPage(drawing)}\n<figcaption>${caption}</figcaption>\n</figure>\n`,
      htmlTable({ label: title, columns, rows }),
    );
  });
  return page({ title: `${name}: sweep over ${key}`, sections: [head, ...sections], footer: `igd ${igdVersion}` });
}
