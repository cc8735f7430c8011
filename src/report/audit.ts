import { imagesText } from '../numeric/ranges.ts';
import type { AuditReport, Report } from '../schemas/report.ts';
import { count, counted, percent } from './format.ts';

/** A variant's audit in a sentence. */
export interface AuditLine {
  readonly id: string;
  readonly text: string;
}

/** Below a table or over the sentences. */
export const AUDIT_LEGEND =
  "What the run's own suite and the audit's leave together, from a random sample of what the run's own left. " +
  'The intervals are exact, and hold for all variants at once with the confidence given.';

/** "standard would leave 28.1% to 28.9% (95%), from 180 of 2,890 survivors, at 6% of its cost", variant by variant. */
export function auditLines({ variants }: Report): AuditLine[] {
  return variants.flatMap(({ id, audit }) => (audit === undefined ? [] : [{ id, text: auditText(audit) }]));
}

function auditText({ suite, survivors, sample, broken, interval: [low, high], confidence }: AuditReport): string {
  if (survivors === 0) return `nothing is left for ${suite} to break`;
  const found = broken.length === 0 ? 'broke none' : `broke ${imagesText(broken)}`;
  if (sample === survivors)
    return `${suite} leaves ${percent(low)}: of ${counted(survivors, 'survivor')}, all tried, it ${found}`;
  return (
    `${suite} would leave ${percent(low)} to ${percent(high)} (${confidenceText(confidence)}), from ${count(sample)} of ` +
    `${counted(survivors, 'survivor')}, at ${costText(sample / survivors)} of its cost; it ${found}`
  );
}

/** 95%, 99.9%: as it was written, not rounded up. */
function confidenceText(confidence: number): string {
  return `${Number((100 * confidence).toPrecision(10))}%`;
}

/** An image of the sample costs what one of the others would: the share of the images is that of the cost. */
function costText(share: number): string {
  return share < 0.01 ? 'less than 1%' : `${Math.round(100 * share)}%`;
}
