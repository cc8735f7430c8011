import { OUTLIER, type Verdict } from './verdict.ts';

/** An architecture, with a verdict for each of its exports. */
export interface Comparison {
  readonly name: string;
  readonly verdicts: Readonly<Record<string, Verdict>>;
}

/** What was found, as Markdown: the counts, those that are not all right, and the messages by frequency. */
export function table(comparisons: readonly Comparison[]): string {
  const exports = [...new Set(comparisons.flatMap(({ verdicts }) => Object.keys(verdicts)))];
  const rows = comparisons.map(({ name, verdicts }) => [name, ...exports.map((how) => cell(verdicts[how]))]);
  const kinds = ['ok', 'refused', 'failed', 'wrong', 'not exported'] as const;
  const counts = kinds.map((kind) => [
    kind,
    ...exports.map((how) => String(comparisons.filter(({ verdicts }) => verdicts[how]?.kind === kind).length)),
  ]);
  const complete = rows.filter(([, ...cells]) => cells.every((text) => text === 'ok')).map(([name]) => name);
  return [
    markdown(['', ...exports], counts),
    `Right under all four (${complete.length} of ${comparisons.length}): ${complete.join(', ')}.\n`,
    markdown(
      ['architecture', ...exports],
      rows.filter(([name]) => !complete.includes(name!)),
    ),
    ...messages(comparisons),
  ].join('\n');
}

function cell(verdict: Verdict | undefined): string {
  if (verdict === undefined) return '';
  if (verdict.kind === 'ok' && verdict.smooth) return 'ok without its kinks';
  // Weights under which rounding grows: PyTorch's own float32 is as far off.
  if (verdict.kind === 'ok' && verdict.quartile > OUTLIER) return `as float32: ${verdict.quartile.toExponential(0)}`;
  return verdict.kind === 'wrong' ? `wrong: ${verdict.what}` : verdict.kind;
}

function messages(comparisons: readonly Comparison[]): string[] {
  const found = new Map<string, string[]>();
  for (const { name, verdicts } of comparisons) {
    for (const [how, verdict] of Object.entries(verdicts)) {
      if (verdict.kind !== 'refused' && verdict.kind !== 'failed') continue;
      const key = `${verdict.kind}: ${verdict.message.replaceAll(/"[^"]*"/g, '"..."')}`;
      found.set(key, [...(found.get(key) ?? []), `${name} (${how})`]);
    }
  }
  return [...found]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([message, where]) => `- ${message}: ${where.join(', ')}`);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}
