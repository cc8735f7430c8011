import type { Report } from '../contracts/report.ts';
import type { ShardResult } from '../contracts/results.ts';
import { classesCsv, imagesCsv, reportCsv } from './csv.ts';
import { reportHtml } from './html.ts';
import { reportJson } from './json.ts';
import { reportMarkdown } from './markdown.ts';

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
