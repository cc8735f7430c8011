import type { Report } from '../contracts/report.ts';
import { classSection } from './page/classes.ts';
import { comparisonSection } from './page/comparisons.ts';
import { attackSection, sweepSection } from './page/curves.ts';
import { head } from './page/head.ts';
import { headline } from './page/headline.ts';
import { html, trusted } from './page/markup.ts';
import { provenanceSection } from './page/provenance.ts';
import { rankingSection } from './page/ranking.ts';
import { STYLE } from './page/style.ts';
import { transferSection } from './page/transfer.ts';

/** The page from top to bottom; a section with nothing to show is null. */
const SECTIONS = [
  head,
  headline,
  sweepSection,
  attackSection,
  transferSection,
  classSection,
  rankingSection,
  comparisonSection,
  provenanceSection,
];

/**
 * report.html: one file that needs nothing else, no script and no network; its policy forbids both, whatever a class
 * or a checkpoint is called. Equal reports give equal bytes.
 */
export function reportHtml(report: Report): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${report.run.name}: robustness report</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
${SECTIONS.map((section) => section(report))}<footer>igd ${report.run.igdVersion} · run ${report.run.id}</footer>
</main>
</body>
</html>
`.text;
}
