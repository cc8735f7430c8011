import type { Report } from '../../schemas/report.ts';
import { QUANTISED_LEGEND, quantisedLines } from '../quantised.ts';
import { html, type Markup, note, section } from './markup.ts';

/** What becomes of adversarial examples in files of images, in words; null where nobody has looked. */
export function quantisedSection(report: Report): Markup | null {
  const lines = quantisedLines(report);
  if (lines.length === 0) return null;
  const items = lines.map(({ id, text }) => html`<li><strong>${id}</strong>: ${text}</li>\n`);
  return section('As files of images', html`<ul>\n${items}</ul>\n`, note(QUANTISED_LEGEND));
}
