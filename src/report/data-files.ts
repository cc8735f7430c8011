import { z } from 'zod';
import { RunError } from '../errors.ts';
import { type Report, reportSchema, type Share, type VariantReport } from '../schemas/report.ts';
import type { ShardResult } from '../schemas/results.ts';

export type Field = string | number | null | undefined;
export type Row = readonly Field[];

const REPORT_COLUMNS = [
  ...['variant', 'mask', 'threshold', 'attack', 'accuracy', 'correct', 'interval_low', 'interval_high'],
  ...['broken', 'seconds', 'forwards', 'gradients'],
];

/** report.csv: a row for every variant's clean accuracy, one after each of its attacks, one for its worst case. */
export function reportCsv({ run, variants }: Report): string {
  return toCsv(
    REPORT_COLUMNS,
    variants.flatMap((variant) => variantRows(variant, run.images)),
  );
}

function variantRows({ id, mask, threshold, clean, attacks, worstCase }: VariantReport, images: number): Row[] {
  const row = (stage: string, { accuracy, correct, interval }: Share, ...cost: Row): Row => [
    ...[id, mask, threshold, stage, accuracy, correct, ...interval],
    ...(cost.length > 0 ? cost : [null, null, null, null]),
  ];
  const afterAttacks = attacks.map(({ attack, robustAccuracy, interval, broken, seconds, forwards, gradients }) => {
    const share = { accuracy: robustAccuracy, correct: Math.round(robustAccuracy * images), interval };
    return row(attack, share, broken, seconds, forwards, gradients);
  });
  return [row('clean', clean), ...afterAttacks, row('worst-case', worstCase)];
}

const IMAGE_COLUMNS = ['image', 'label', 'variant', 'clean_prediction', 'broken_by', 'adversarial_prediction'];
/** Where attacks ran one by one: all that broke the image, with ";" between them. */
const EACH_COLUMN = 'broken_by_each';

/** images.csv: what became of every image under every variant, in the report's order of variants. */
export function imagesCsv({ variants }: Report, shards: readonly ShardResult[]): string {
  const each = shards.some(({ images }) => images.some(({ brokenByEach }) => brokenByEach !== undefined));
  const rows = variants.flatMap(({ id }) =>
    shards
      .filter(({ variant }) => variant === id)
      .flatMap(({ images }) => images)
      .sort((a, b) => a.image - b.image)
      .map((outcome): Row => {
        const { image, label, cleanPrediction, brokenBy, adversarialPrediction } = outcome;
        const row = [image, label, id, cleanPrediction, brokenBy, adversarialPrediction];
        return each ? [...row, outcome.brokenByEach?.join(';')] : row;
      }),
  );
  return toCsv(each ? [...IMAGE_COLUMNS, EACH_COLUMN] : IMAGE_COLUMNS, rows);
}

/** classes.csv: clean and robust accuracy of every class under every variant. */
export function classesCsv({ variants }: Report): string {
  const rows = variants.flatMap(({ id, perClass }) =>
    perClass.map(({ class: index, name, images, clean, robust }): Row => [id, index, name, images, clean, robust]),
  );
  return toCsv(['variant', 'class', 'name', 'images', 'clean', 'robust'], rows);
}

/**
 * RFC 4180, but for line ends: pandas, R and Unix tools all take "\n". Text that a spreadsheet would compute, as a class
 * called `=1+1`, has an apostrophe before it; numbers stay numbers.
 */
export function toCsv(columns: readonly string[], rows: readonly Row[]): string {
  return [columns, ...rows].map((row) => `${row.map(escapeField).join(',')}\n`).join('');
}

/** What spreadsheets take for a formula; text that begins with apostrophes before it too, so that taking one off leads back. */
const FORMULA = /^'*[=+\-@\t\r\n]/;

function escapeField(field: Field): string {
  const text = typeof field === 'string' && FORMULA.test(field) ? `'${field}` : String(field ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A field in quotes, where a quote is written twice; or plain up to the next comma or line end. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n)/gy;

/** The rows of a CSV as `toCsv` writes it, the columns first. */
export function parseCsv(content: string): string[][] {
  const text = content.endsWith('\n') ? content : `${content}\n`;
  const rows: string[][] = [];
  let row: string[] = [];
  FIELD.lastIndex = 0;
  while (FIELD.lastIndex < text.length) {
    const [, quoted, plain = '', end] = FIELD.exec(text) ?? [];
    if (end === undefined) break;
    row.push(readField(quoted === undefined ? plain : quoted.replaceAll('""', '"')));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

function readField(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}

/** report.json. Parsing checks the report and puts its keys in the schema's order: equal reports, equal bytes. */
export function reportJson(report: Report): string {
  const parsed = reportSchema.safeParse(report);
  if (parsed.success) return toText(parsed.data);
  throw new RunError(
    `the report does not fit its own schema, which is a fault of igd:\n${z.prettifyError(parsed.error)}`,
  );
}

/** The JSON Schema (draft 2020-12) that report.json keeps, for other programs to check it with. */
export function reportJsonSchema(): string {
  return toText(z.toJSONSchema(reportSchema));
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
