import type { Report } from '../../contracts/report.ts';
import { percent } from '../format.ts';
import { note, section, table } from './elements.ts';
import { html, type Markup } from './markup.ts';

/** Every variant judged on every variant's adversarial examples: a heat-map that is a table. */
export function transferSection({ variants }: Report): Markup | null {
  if (variants.length < 2) return null;
  const highest = Math.max(...variants.flatMap(({ transfer }) => transfer.map(({ accuracy }) => accuracy)));
  const columns = ['Judged \\ examples of', ...variants.map(({ id }) => id)];
  const rows = variants.map(({ id, transfer }) => [
    id,
    ...transfer.map(({ source, accuracy }) => heatCell(accuracy, highest, source === id)),
  ]);
  return section(
    'Transfer',
    table({ label: 'Accuracy of each variant on the adversarial examples of each', columns, rows, className: 'heat' }),
    note(
      "Accuracy of the row on the adversarial examples made on the column, and on the clean image where that attack failed. Outlined: a variant's own examples. " +
        'A row that falls away from the diagonal has its robustness from hiding gradients.',
    ),
  );
}

/** The strongest cell is half the hue, so that text stays readable on it. */
const FULL_HEAT = 50;

function heatCell(accuracy: number, highest: number, own: boolean): Markup {
  const heat = highest === 0 ? 0 : (FULL_HEAT * accuracy) / highest;
  return html`<span class="${own ? 'own cell' : 'cell'}" style="--heat:${heat.toFixed(0)}%">${percent(accuracy)}</span>`;
}
