import type { ImageShift } from '../../analysis/activation-shift.ts';
import type { AnalysisReport, ShiftImage } from '../../contracts/analysis.ts';
import { shiftDrawing } from '../plots/shift.ts';
import { standaloneSvg } from '../plots/standalone.ts';
import { highestLoss, surfaceDrawing } from '../plots/surface.ts';
import { shiftCsv, shiftImagesCsv, surfacesCsv } from './csv.ts';
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
