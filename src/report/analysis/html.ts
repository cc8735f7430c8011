import { type AnalysisReport, ATTACK_OUTCOMES, type GroupShift, UNIT_GROUPS } from '../../contracts/analysis.ts';
import { count, counted, percent, radius } from '../format.ts';
import { note, section, table } from '../page/elements.ts';
import { html, type Markup } from '../page/markup.ts';
import { page } from '../page/page.ts';
import { legendOf } from '../plots/figure.ts';
import { shiftFigure } from '../plots/shift.ts';
import { highestLoss, surfaceChart } from '../plots/surface.ts';
import { GROUP_NAMES, OUTCOME_NAMES } from './words.ts';

/** analysis.html */
export function analysisHtml(report: AnalysisReport, classNames: readonly string[]): string {
  return page({
    title: `${report.name}: analysis`,
    sections: [head(report), shiftSection(report), ...surfaceSections(report, classNames)],
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
  const { svg, legend } = shiftFigure(shift);
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
    html`<figure>\n${legend}\n${svg}\n<figcaption>${caption}</figcaption>\n</figure>\n`,
    table({ label: 'Activation shift', columns, rows }),
    note(
      'A unit important to both the true and the post-attack class counts in both. After an unsuccessful attack the two ' +
        'classes are one. Units: how many the group has on average; a ranking whose classes share their units leaves none to others.',
    ),
  );
}

function cellText(cell: GroupShift | null): Markup | string {
  if (cell === null || cell.shift === null) return '–';
  const error = cell.standardError === null ? '' : ` ± ${percent(cell.standardError)}`;
  return html`${percent(cell.shift)}<span class="interval">${error} · ${counted(Math.round(cell.units), 'unit')}</span>`;
}

/** One section for each image: a panel for each variant, on one scale. */
function surfaceSections({ surfaces, threat }: AnalysisReport, classNames: readonly string[]): Markup[] {
  const images = [...new Set(surfaces.map(({ image }) => image))];
  return images.map((image) => {
    const panels = surfaces.filter((surface) => surface.image === image);
    const highest = highestLoss(panels);
    const name = classNames[panels[0]?.label ?? -1] ?? `class ${panels[0]?.label}`;
    const flat = panels.filter(({ zeroGradient }) => zeroGradient).map(({ variant }) => variant);
    return section(
      `Loss around image ${image}`,
      legendOf([
        { name: `right (${name})`, mark: 'block', stroke: { colour: 'var(--robust)', opacity: 1 } },
        { name: 'wrong', mark: 'block', stroke: { colour: 'var(--worst)', opacity: 1 } },
      ]),
      html`<div class="panels">\n${panels.map(
        (surface) => html`<figure>\n<h3>${surface.variant}</h3>\n${surfaceChart(surface, highest)}\n</figure>\n`,
      )}</div>\n`,
      note(
        `The stronger the colour, the higher the cross-entropy, up to ${highest.toFixed(2)}; steps in ${threat.norm}. ` +
          'Each variant along the sign of its own gradient, all along the same random direction.',
      ),
      flat.length === 0 ? null : note(`The gradient is exactly zero at the image: ${flat.join(', ')}.`),
    );
  });
}
