import type { ImageShift } from '../../evaluation/analysis/activation-shift.ts';
import { type AnalysisReport, ATTACK_OUTCOMES, type ShiftImage, UNIT_GROUPS } from '../../schemas/analysis.ts';
import { type Row, toCsv } from '../data-files.ts';
import { standaloneSvg } from '../plots/chart.ts';
import { shiftDrawing } from '../plots/shift.ts';
import { highestLoss, surfaceDrawing } from '../plots/surface.ts';
import { analysisHtml } from './html.ts';

export interface AnalysisDetails {
  readonly images: readonly ShiftImage[];
  readonly shifts: readonly ImageShift[];
  readonly classNames: readonly string[];
}

/** Every file of an analysis by name. Pure: equal reports give equal bytes. */
export function analysisFiles(report: AnalysisReport, { images, shifts, classNames }: AnalysisDetails) {
  const { surfaces, shift } = report;
  const drawings = surfaces.map((surface): [string, string] => {
    const highest = highestLoss(surfaces.filter(({ image }) => image === surface.image));
    return [`surface-${surface.image}-${surface.variant}.svg`, standaloneSvg(surfaceDrawing(surface, highest))];
  });
  return new Map([
    ['analysis.json', `${JSON.stringify(report, null, 1)}\n`],
    ['shift.csv', shiftCsv(report)],
    ['shift-images.csv', shiftImagesCsv(images, shifts)],
    ['shift.svg', standaloneSvg(shiftDrawing(shift))],
    ...(surfaces.length === 0 ? [] : [['surfaces.csv', surfacesCsv(report)] as const]),
    ...drawings,
    ['analysis.html', analysisHtml(report, classNames)],
  ]);
}

/** shift.csv: a row for each outcome of the attack and each group of units. */
function shiftCsv({ shift }: AnalysisReport): string {
  const rows = ATTACK_OUTCOMES.flatMap((outcome) =>
    UNIT_GROUPS.flatMap((group): Row[] => {
      const cell = shift[outcome].groups[group];
      return cell === null
        ? []
        : [[outcome, group, cell.shift, cell.standardError, cell.median, cell.images, cell.units]];
    }),
  );
  return toCsv(['outcome', 'group', 'shift', 'standard_error', 'median', 'images', 'units'], rows);
}

/** shift-images.csv: the same for every image by itself. */
function shiftImagesCsv(images: readonly ShiftImage[], shifts: readonly ImageShift[]): string {
  const rows = images.map(({ image, label, prediction }, i): Row => {
    const shift = shifts[i];
    return [image, label, prediction, shift?.outcome, ...UNIT_GROUPS.map((group) => shift?.groups[group]?.shift)];
  });
  const groups = UNIT_GROUPS.map((group) => group.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  return toCsv(['image', 'label', 'adversarial_prediction', 'outcome', ...groups], rows);
}

/** surfaces.csv: a row for every point. */
function surfacesCsv({ surfaces }: AnalysisReport): string {
  const rows = surfaces.flatMap(({ variant, image, label, steps, loss, prediction }) =>
    steps.flatMap((a, i) => steps.map((b, j): Row => [variant, image, label, a, b, loss[i]?.[j], prediction[i]?.[j]])),
  );
  return toCsv(['variant', 'image', 'label', 'gradient_step', 'random_step', 'loss', 'prediction'], rows);
}
