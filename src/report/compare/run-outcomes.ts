import { InputError } from '../../errors.ts';
import type { Report } from '../../schemas/report.ts';
import { type ImageOutcome, imageOutcomeSchema } from '../../schemas/results.ts';
import { parseCsv } from '../data-files.ts';

/** A finished run as far as another one is compared with it: its report, and what became of every image. */
export interface RunOutcomes {
  readonly report: Report;
  /** By variant, rising by image. */
  readonly outcomes: ReadonlyMap<string, readonly ImageOutcome[]>;
  /** The suite's attacks with every option, as the plan has them; the report names the attacks alone. */
  readonly suite?: readonly Readonly<Record<string, unknown>>[] | undefined;
}

/**
 * The outcomes that images.csv holds, checked against the report beside it. Throws InputError, naming `where`, for what is no
 * images.csv and for one that is of another run.
 */
export function outcomesOf(report: Report, csv: string, where: string): RunOutcomes['outcomes'] {
  const [header = [], ...rows] = parseCsv(csv);
  const outcomes = new Map(report.variants.map(({ id }): [string, ImageOutcome[]] => [id, []]));
  for (const [index, cells] of rows.entries()) {
    const fields = new Map(header.map((name, column) => [name, cells[column] ?? '']));
    const parsed = imageOutcomeSchema.safeParse(outcomeOf(fields));
    const own = outcomes.get(fields.get('variant') ?? '');
    if (!parsed.success || own === undefined)
      throw new InputError(`${where}, line ${index + 2}, is not of the report beside it: give both files of one run`);
    own.push(parsed.data);
  }
  for (const variant of report.variants) requireAgreement(variant, outcomes.get(variant.id) ?? [], report, where);
  return outcomes;
}

/** A row of images.csv as `imagesCsv` writes it. */
function outcomeOf(fields: ReadonlyMap<string, string>): Record<keyof ImageOutcome, unknown> {
  const number = (name: string) => (fields.get(name) ? Number(fields.get(name)) : null);
  const each = fields.get('broken_by_each');
  return {
    image: number('image'),
    label: number('label'),
    cleanPrediction: number('clean_prediction'),
    brokenBy: fields.get('broken_by') || null,
    adversarialPrediction: number('adversarial_prediction'),
    brokenByEach: each === undefined ? undefined : each.split(';').filter((attack) => attack !== ''),
    unpredicted: undefined,
  };
}

/** A file that was cut, or that is of another run, would give numbers that nobody has measured. */
function requireAgreement(
  { id, clean, robust }: Report['variants'][number],
  images: readonly ImageOutcome[],
  { run }: Report,
  where: string,
): void {
  const found = [new Set(images.map(({ image }) => image)).size, images.filter(isRight).length];
  const expected = [run.images, clean.correct];
  const isSame = found.join() === expected.join() && images.filter(isRobust).length === robust.correct;
  if (isSame && images.length === run.images) return;
  throw new InputError(
    `${where} does not agree with the report beside it on variant ${id}: give both files of one run, or write them anew with "igd report"`,
  );
}

export function isRight({ label, cleanPrediction }: ImageOutcome): boolean {
  return label === cleanPrediction;
}

/** Right on the clean image, and broken by no attack. */
export function isRobust(outcome: ImageOutcome): boolean {
  return isRight(outcome) && outcome.brokenBy === null;
}
