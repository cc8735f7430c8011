import type { Report } from '../schemas/report.ts';
import { AUDIT_LEGEND, auditLines } from './audit.ts';
import { corruptionLegend, imagesText } from './corruption.ts';
import { type Notice, noticesOf } from './flags.ts';
import { count, list, percent, points, pValue, radius, shareText } from './format.ts';
import { PUBLISHED_COLUMNS, publishedCells, publishedRemarks } from './published.ts';
import { QUANTISED_LEGEND, quantisedLines } from './quantised.ts';
import { alignColumns, attackColumns, type Difference, pairsOf } from './table.ts';

/** report.md: what a researcher pastes into a page or a pull request. */
export function reportMarkdown(report: Report): string {
  const sections = [
    ...[heading(report), notices(report), results(report), audits(report), asFiles(report)],
    ...[published(report), transfer(report), comparisons(report)],
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function heading(report: Report): string {
  const { run, checkpoint } = report;
  const threat = `${run.threat.norm}, epsilon ${radius(run.threat.epsilon)}`;
  return [
    `# ${escapeText(run.name)}`,
    '',
    `${escapeText(checkpoint.architecture)} (\`${checkpoint.sha256.slice(0, 12)}\`) on ${escapeText(imagesText(report))} under ` +
      `${escapeText(list(run.suite.map(({ name }) => name)))} (${threat}, seed ${run.seed}). Run \`${run.id}\`, igd ${escapeText(run.igdVersion)}, numerics ${run.numerics ?? 1}.`,
  ].join('\n');
}

function notices(report: Report): string {
  const lines = noticesOf(report).map(noticeLine);
  return lines.length === 0 ? '' : ['## Read this first', '', ...lines].join('\n');
}

function noticeLine({ code, subject, message, likewise }: Notice): string {
  const about = subject === null ? '' : `**${escapeText(subject)}**: `;
  const others = likewise.length === 0 ? '' : ` Likewise ${escapeText(list(likewise))}.`;
  return `- ${about}${escapeText(message)}${message.endsWith('.') || others === '' ? '' : '.'}${others} (\`${code}\`)`;
}

function results(report: Report): string {
  const { variants } = report;
  const suite = variants.slice(0, 1).flatMap(attackColumns);
  const columns = ['variant', 'clean', 'robust', 'worst case', ...suite.map(({ label }) => label)];
  const rows = variants.map((variant) => [
    variant.id,
    ...[variant.clean, variant.robust, variant.worstCase].map(shareText),
    ...attackColumns(variant).map(({ accuracy }) => percent(accuracy)),
  ]);
  const legend =
    'Accuracy with its 95% Wilson interval. _Robust_: no attack of the suite broke the image. ' +
    "_Worst case_: nor did any other variant's adversarial example.";
  const corrupted = corruptionLegend(report);
  return [
    '## Results',
    '',
    table(columns, rows),
    '',
    legend + (corrupted === null ? '' : ` ${escapeText(corrupted)}`),
  ].join('\n');
}

function audits(report: Report): string {
  const lines = auditLines(report).map(({ id, text }) => `- **${escapeText(id)}**: ${escapeText(text)}`);
  return lines.length === 0 ? '' : ['## Audit', '', ...lines, '', AUDIT_LEGEND].join('\n');
}

function asFiles(report: Report): string {
  const lines = quantisedLines(report).map(({ id, text }) => `- **${escapeText(id)}**: ${escapeText(text)}`);
  return lines.length === 0 ? '' : ['## As files of images', '', ...lines, '', QUANTISED_LEGEND].join('\n');
}

function published({ published: found }: Report): string {
  if (found === null) return '';
  const remarks = publishedRemarks(found).map((text) => `- ${escapeText(text)}`);
  const legend = '_Within_: the published number lies in our 95% interval. Difference: ours less theirs, in points.';
  const parts = [
    ['## Published numbers', `${escapeText(found.source)}`],
    found.rows.length === 0 ? [] : [table(PUBLISHED_COLUMNS, found.rows.map(publishedCells)), legend],
    remarks.length === 0 ? [] : [remarks.join('\n')],
  ];
  return parts.flat().join('\n\n');
}

function transfer({ variants }: Report): string {
  if (variants.length < 2) return '';
  const columns = ['judged, on examples of', ...variants.map(({ id }) => id)];
  const rows = variants.map(({ id, transfer }) => [id, ...transfer.map(({ accuracy }) => percent(accuracy))]);
  const legend = "Accuracy of the row on the column's adversarial examples; on the clean image where there is none.";
  return ['## Transfer', '', table(columns, rows), '', legend].join('\n');
}

function comparisons(report: Report): string {
  const pairs = pairsOf(report);
  if (pairs.length === 0) return '';
  const rows = pairs.map(({ a, b, measures }) => [`${b} − ${a}`, ...measures.map(differenceText)]);
  const legend =
    `Difference in points and p-value of McNemar's exact test on the same ${count(report.run.images)} images; ` +
    'bold below 0.05, not corrected for the number of comparisons.';
  return ['## Comparisons', '', table(['pair', 'clean', 'robust', 'worst case'], rows), '', legend].join('\n');
}

function differenceText({ difference, pValue: p, significant }: Difference): string {
  const text = `${points(difference)} (${pValue(p)})`;
  return significant ? `**${text}**` : text;
}

/** A table that reads well before it is rendered, too. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = [columns, ...rows].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const [header = [], ...body] = alignColumns(escaped);
  const rule = header.map(({ length }, column) => (column === 0 ? '-'.repeat(length) : `${'-'.repeat(length - 1)}:`));
  return [header, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Text of others, kept from being read as Markdown or HTML. */
export function escapeText(text: string): string {
  return text
    .replaceAll(/[\\`*_[\]|#]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll(/<(?=\S)/g, '&lt;')
    .replaceAll(/\s+/g, ' ');
}
