import type { Report } from '../contracts/report.ts';
import { classSection } from './page/classes.ts';
import { comparisonSection } from './page/comparisons.ts';
import { attackSection, sweepSection } from './page/curves.ts';
import { head } from './page/head.ts';
import { headline } from './page/headline.ts';
import { page } from './page/page.ts';
import { provenanceSection } from './page/provenance.ts';
import { publishedSection } from './page/published.ts';
import { rankingSection } from './page/ranking.ts';
import { transferSection } from './page/transfer.ts';

/** The page from top to bottom; a section with nothing to show is null. */
const SECTIONS = [
  head,
  headline,
  publishedSection,
  sweepSection,
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
