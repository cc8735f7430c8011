import type { Report } from '../../contracts/report.ts';
import { count, counted } from '../format.ts';
import { fitsHalfWidth, MOST_CLASSES_DRAWN, overlapChart } from '../plots/overlap.ts';
import { note, section } from './elements.ts';
import { html, type Markup } from './markup.ts';

/** How far classes share their important units; null where no variant needs a ranking. */
export function rankingSection({ ranking, dataset }: Report): Markup | null {
  if (ranking.methods.length === 0) return null;
  const panels = ranking.methods.map((method, place) => {
    const facts = [
      `mean overlap ${method.meanOverlap.toFixed(2)}`,
      counted(method.deadUnits, 'dead unit'),
      `ranked on ${counted(method.probeImages, 'image')}`,
    ];
    const chart =
      method.overlap.length > MOST_CLASSES_DRAWN
        ? note(`${count(method.overlap.length)} classes are too many to draw; report.json has the matrix.`)
        : overlapChart(method, dataset.classNames, place);
    return html`<figure>\n<h3>${method.method}</h3>\n<p class="facts">${facts.join(' · ')}</p>\n${chart}\n</figure>\n`;
  });
  return section(
    'Important units shared by classes',
    html`<div class="${ranking.methods.every(fitsHalfWidth) ? 'panels' : 'panels wide'}">\n${panels}</div>\n`,
    note(
      'Jaccard overlap of the important units of each two classes: 0 where they share none, 1 where they are the same. ' +
        'A ranking whose classes all overlap carries no class information, and its masks are blind pruning.',
    ),
  );
}
