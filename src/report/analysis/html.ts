import { type AnalysisReport, ATTACK_OUTCOMES, type GroupShift, UNIT_GROUPS } from '../../schemas/analysis.ts';
import { describeReading } from '../../schemas/reading.ts';
import { testimonyText } from '../../schemas/testimony.ts';
import { count, counted, interval, percent, radius } from '../format.ts';
import { html, type Markup, note, section, table } from '../page/markup.ts';
import { page } from '../page/page.ts';
import { onPage } from '../plots/chart.ts';
import { GROUP_NAMES, OUTCOME_NAMES, shiftDrawing } from '../plots/shift.ts';
import { highestLoss, surfaceDrawing } from '../plots/surface.ts';
import { legendOf } from '../plots/theme.ts';
import { proofText } from '../proof-text.ts';

/** analysis.html */
export function analysisHtml(report: AnalysisReport, classNames: readonly string[]): string {
  return page({
    title: `${report.name}: analysis`,
    sections: [
      head(report),
      shiftSection(report),
      publishedSection(report),
      ...surfaceSections(report, classNames),
      modelSection(report),
    ],
    footer: `analysis ${report.id}`,
  });
}

function head({ name, checkpoint, attack, threat, attacked, images, layer, ranking, importantUnits }: AnalysisReport) {
  const facts = [
    checkpoint.architecture,
    `${count(attacked)} of ${counted(images, 'image')} attacked: those classified correctly`,
    `${attack.name ?? attack.attack} (${threat.norm}, ε = ${radius(threat.epsilon)})`,
    `${layer}, top ${importantUnits} units of each class by ${ranking}`,
  ];
  return html`<header>
<p class="overline">Analysis</p>
<h1>${name}</h1>
<p class="facts">${facts.join(' · ')}</p>
</header>
`;
}

function shiftSection(report: AnalysisReport): Markup {
  const { shift } = report;
  const drawing = shiftDrawing(shift);
  const caption =
    "Change of a group's mean activation relative to before the attack, averaged over images; lines: 95% intervals.";
  const columns = [
    'Units',
    ...ATTACK_OUTCOMES.map((outcome) => `${OUTCOME_NAMES[outcome]} (${shift[outcome].images})`),
  ];
  const rows = UNIT_GROUPS.map((group) => [
    GROUP_NAMES[group],
    ...ATTACK_OUTCOMES.map((outcome) => cellText(shift[outcome].groups[group])),
  ]);
  return section(
    'Activation shift',
    html`<figure>\n${legendOf(drawing.entries)}\n${onPage(drawing)}\n<figcaption>${caption}</figcaption>\n</figure>\n`,
    table({ label: 'Activation shift', columns, rows }),
    note(
      'Mean over images ± its standard error; the median where images whose units were almost silent before carry the ' +
        'mean away. A unit important to both the true and the post-attack class counts in both; after an unsuccessful ' +
        'attack the two are one class. Units: the size of the group, on average over images.',
    ),
  );
}

/** How the model was read, and that it computes what it says; null for analyses before 0.2. */
function modelSection({ checkpoint, proofs }: AnalysisReport): Markup | null {
  const { reading, testimony } = checkpoint;
  if (reading === undefined || testimony === undefined || proofs === undefined) return null;
  const found = Object.values(proofs);
  const odd = Object.entries(proofs).flatMap(([id, { notes }]) => notes.map(({ message }) => `${id}: ${message}`));
  const texts = [...describeReading(reading), testimonyText(testimony), `proof: ${proofText(found)}`, ...odd];
  return section('The model', ...texts.map((text) => note(text)));
}

/** Published shifts beside ours; null where the config brings none. */
function publishedSection({ published }: AnalysisReport): Markup | null {
  if (published === null) return null;
  const rows = published.rows.map((row) => [
    `${GROUP_NAMES[row.group]}, ${OUTCOME_NAMES[row.outcome]}`,
    percent(row.published),
    row.ours === null
      ? '–'
      : html`${percent(row.ours)}<span class="interval">${row.interval === null ? '' : interval(row.interval)}</span>`,
    row.within === null ? '–' : row.within ? 'yes' : 'no',
  ]);
  return section(
    'Published numbers',
    html`<p>${published.source}</p>\n`,
    table({
      label: 'Published shifts and ours',
      columns: ['Units', 'Published', 'Ours', 'Published within ours'],
      rows,
    }),
    published.notes.map(note),
  );
}

function cellText(cell: GroupShift | null): Markup | string {
  if (cell === null || cell.shift === null) return '–';
  const error = cell.standardError === null ? '' : ` ± ${percent(cell.standardError)}`;
  const median = cell.median === null ? '' : `median ${percent(cell.median)} · `;
  return html`${percent(cell.shift)}${error}<span class="interval">${median}${cell.units.toFixed(1)} units</span>`;
}

/** One section for each image: a panel for each variant, on one scale. */
function surfaceSections({ surfaces, threat }: AnalysisReport, classNames: readonly string[]): Markup[] {
  const images = [...new Set(surfaces.map(({ image }) => image))];
  return images.map((image) => {
    const panels = surfaces.filter((surface) => surface.image === image);
    const highest = highestLoss(panels);
    const label = panels[0]!.label;
    const drawings = panels.map((surface) => ({ ...surface, drawing: surfaceDrawing(surface, highest) }));
    const flat = panels.filter(({ zeroGradient }) => zeroGradient).map(({ variant }) => variant);
    return section(
      `Loss around image ${image}, ${classNames[label] ?? `class ${label}`}`,
      legendOf(drawings[0]?.drawing.entries ?? []),
      html`<div class="panels">\n${drawings.map(
        ({ variant, drawing }) => html`<figure>\n<h3>${variant}</h3>\n${drawing.svg}\n</figure>\n`,
      )}</div>\n`,
      note(
        `The stronger the colour, the higher the cross-entropy, up to ${highest.toFixed(2)}; steps in ${threat.norm}. ` +
          'Each variant along the sign of its own gradient, all along the same random direction.',
      ),
      flat.length === 0 ? null : note(`The gradient is exactly zero at the image, or no number: ${flat.join(', ')}.`),
    );
  });
}
