import { SWEEP_MEASURES, type SweepReport } from '../contracts/sweep-report.ts';
import { counted, list, shareText } from './format.ts';
import { section, table } from './page/elements.ts';
import { html } from './page/markup.ts';
import { page } from './page/page.ts';
import { legendOf } from './plots/figure.ts';
import { sweepDrawing } from './plots/sweep.ts';
import { cells } from './sweep-tables.ts';
import { MEASURE_TITLES } from './sweep-words.ts';

/** sweep.html: a figure and a table for each measure. Every run's own report lies in its folder. */
export function sweepHtml(report: SweepReport): string {
  const { name, key, runs, igdVersion } = report;
  const facts = [counted(runs[0]?.images ?? 0, 'image'), `folders ${list(runs.map(({ folder }) => folder))}`];
  const head = html`<header>
<p class="overline">Sweep</p>
<h1>${name}</h1>
<p class="facts">${facts.join(' · ')}</p>
<p class="lead">Accuracy against <code>${key}</code>.</p>
</header>
`;
  const sections = SWEEP_MEASURES.map((measure) => {
    const title = MEASURE_TITLES[measure];
    const { svg, entries } = sweepDrawing(report, measure, title);
    const caption = 'Shaded: 95% intervals. Values stand evenly, in the order of the config.';
    const [columns = [], ...rows] = cells(report, measure, shareText);
    return section(
      title,
      html`<figure>\n${legendOf(entries)}\n${svg}\n<figcaption>${caption}</figcaption>\n</figure>\n`,
      table({ label: title, columns, rows }),
    );
  });
  return page({ title: `${name}: sweep over ${key}`, sections: [head, ...sections], footer: `igd ${igdVersion}` });
}
