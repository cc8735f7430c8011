import type { Report } from '../schemas/report.ts';
import type { ShardResult } from '../schemas/results.ts';
import { classesCsv, imagesCsv, reportCsv, reportJson } from './data-files.ts';
import { reportMarkdown } from './markdown.ts';
import { auditSection } from './page/audit.ts';
import { headline } from './page/headline.ts';
import { head, page } from './page/page.ts';
import { provenanceSection, rankingSection } from './page/provenance.ts';
import {
  attackSection,
  classSection,
  comparisonSection,
  publishedSection,
  thresholdSection,
  transferSection,
} from './page/results.ts';

/** Every file of a report by name. Pure: equal reports give equal bytes. */
export function reportFiles(report: Report, shards: readonly ShardResult[]): ReadonlyMap<string, string> {
  return new Map([
    ['report.json', reportJson(report)],
    ['report.csv', reportCsv(report)],
    ['report.md', reportMarkdown(report)],
    ['images.csv', imagesCsv(report, shards)],
    ['classes.csv', classesCsv(report)],
    ['report.html', reportHtml(report)],
  ]);
}

/** The page from top to bottom; a section with nothing to show is null. */
const SECTIONS = [
  head,
  headline,
  auditSection,
  publishedSection,
  thresholdSection,
  attackSection,
  transferSection,
  classSection,
  rankingSection,
  comparisonSection,
  provenanceSection,
];

/** report.html */
export function reportHtml(report: Report): string {
  const { run } = report;
  return page({
    title: `${run.name}: robustness report`,
    sections: SECTIONS.map((section) => section(report)),
    footer: `igd ${run.igdVersion} · run ${run.id}`,
  });
}
