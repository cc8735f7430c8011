import type { Report } from '../../schemas/report.ts';
import { AUDIT_LEGEND, auditLines } from '../audit.ts';
import { html, type Markup, note, section } from './markup.ts';

/** What another suite would leave, in words; null where the run asks for no audit. */
export function auditSection(report: Report): Markup | null {
  const lines = auditLines(report);
  if (lines.length === 0) return null;
  const items = lines.map(({ id, text }) => html`<li><strong>${id}</strong>: ${text}</li>\n`);
  return section('Audit', html`<ul>\n${items}</ul>\n`, note(AUDIT_LEGEND));
}
