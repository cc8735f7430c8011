import type { Report } from '../schemas/report.ts';
import type { ShardResult } from '../schemas/results.ts';
import { classesCsv, imagesCsv, reportCsv, reportJson } from './data-files.ts';
import { reportMarkdown } from './markdown.ts';
import { auditSection } from './page/audit.ts';
import { confusionSection } from './page/confusion.ts';
import { costSection } from './page/cost.ts';
import { gallerySection, type PerturbationsByVariant } from './page/gallery.ts';
import { headline } from './page/headline.ts';
import type { Content } from './page/markup.ts';
import { head, page } from './page/page.ts';
import { provenanceSection, rankingSection } from './page/provenance.ts';
import { quantisedSection } from './page/quantised.ts';
import {
  attackSection,
  classSection,
  comparisonSection,
  publishedSection,
  thresholdSection,
  transferSection,
} from './page/results.ts';
import { securitySection } from './page/security.ts';

/** Every file of a report by name. Pure: equal reports give equal bytes. */
export function reportFiles(
  report: Report,
  shards: readonly ShardResult[],
  evidence: Omit<PageEvidence, 'shards'> = {},
): ReadonlyMap<string, string> {
  return new Map([
    ['report.json', reportJson(report)],
    ['report.csv', reportCsv(report)],
    ['report.md', reportMarkdown(report)],
    ['images.csv', imagesCsv(report, shards)],
    ['classes.csv', classesCsv(report)],
    ['report.html', reportHtml(report, { ...evidence, shards })],
  ]);
}

/** What a page shows besides what report.json holds. */
export interface PageEvidence {
  readonly shards?: readonly ShardResult[];
  /** By variant, of those whose shards measured them. */
  readonly perturbations?: PerturbationsByVariant | undefined;
  /** What an hour of one worker costs, in dollars. */
  readonly pricePerHour?: number | undefined;
}

const NO_PERTURBATIONS: PerturbationsByVariant = new Map();

/** The page from top to bottom; a section with nothing to show is null. */
const SECTIONS: readonly ((report: Report, evidence: PageEvidence) => Content)[] = [
  head,
  headline,
  auditSection,
  quantisedSection,
  publishedSection,
  thresholdSection,
  attackSection,
  (report, { perturbations = NO_PERTURBATIONS }) => securitySection(report, perturbations),
  transferSection,
  classSection,
  (report, { shards = [] }) => confusionSection(report, shards),
  (report, { shards = [], perturbations = NO_PERTURBATIONS }) => gallerySection(report, shards, perturbations),
  rankingSection,
  comparisonSection,
  (report, { pricePerHour }) => costSection(report, pricePerHour),
  provenanceSection,
];

/** report.html */
export function reportHtml(report: Report, evidence: PageEvidence = {}): string {
  const { run } = report;
  return page({
    title: `${run.name}: robustness report`,
    sections: SECTIONS.map((section) => section(report, evidence)),
    footer: `igd ${run.igdVersion}, numerics ${run.numerics ?? 1} · run ${run.id}`,
  });
}
