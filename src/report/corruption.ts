import { corruptionText } from '../schemas/corruption.ts';
import type { Report } from '../schemas/report.ts';
import { counted } from './format.ts';

/** "500 images", or "500 images of corruption fog, severity 3" */
export function imagesText({ run, dataset: { corruption } }: Report): string {
  const images = counted(run.images, 'image');
  return corruption === undefined ? images : `${images} of ${corruptionText(corruption)}`;
}

/** What "clean" accuracy is, where images are corrupted; null where they are not known to be. */
export function corruptionLegend({ dataset: { corruption } }: Report): string | null {
  if (corruption === undefined) return null;
  return `Clean is accuracy under ${corruptionText(corruption)}, without an attack; attacks begin from the corrupted images.`;
}
