import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { RunConfig } from './config.ts';
import { parseJsonText } from './config-text/json.ts';
import { suggestedIssues } from './issues.ts';
import { parseConfig, SWEEP } from './parse-config.ts';
import { shareSchema } from './report.ts';

/**
 * A config with a `sweep` stands for several runs that differ in one key: `"sweep": { "importantUnits": [10, 25, 50] }`.
 * It is expanded before anything is planned; planner, jobs and reports know runs of one config alone.
 */

/** What can be swept (IG-Defense, Figs. 5-7 and Table 10; common corruptions), each by the way to it in the config. */
export const PARAMETER_SWEEP_KEYS = [
  'importantUnits',
  'layer',
  'dataset.probeFraction',
  'temperature',
  'smoothing.sigma',
  'smoothing.samples',
  'threat.epsilon',
  'dataset.test',
  'dataset.severity',
] as const;
export type ParameterSweepKey = (typeof PARAMETER_SWEEP_KEYS)[number];

const documentSchema = z.record(z.string(), z.json());
export type JsonDocument = z.infer<typeof documentSchema>;

/** As the config's own key takes them: a number, a fraction such as "8/255", a layer's name. */
export type ParameterSweepValue = string | number;

const sweepSchema = z
  .partialRecord(z.enum(PARAMETER_SWEEP_KEYS), z.array(z.union([z.number(), z.string().min(1)])).min(1))
  .refine((sweep) => Object.keys(sweep).length === 1, `sweeps exactly one of ${PARAMETER_SWEEP_KEYS.join(', ')}`)
  .refine(
    (sweep) =>
      PARAMETER_SWEEP_KEYS.every((key) => new Set(labelsOf(key, sweep[key] ?? [])).size === (sweep[key] ?? []).length),
    'names a value twice',
  )
  .transform((sweep) =>
    PARAMETER_SWEEP_KEYS.flatMap((key) => {
      const values = sweep[key] ?? [];
      const labels = labelsOf(key, values);
      return values.map((value, place) => ({ key, value, label: labels[place]! }));
    }),
  );

/** One run of a sweep. */
export interface ParameterSweepRun {
  readonly value: ParameterSweepValue;
  /** "importantUnits=25": names its folder. */
  readonly label: string;
  readonly config: RunConfig;
  /** The config as a user would write it for this run alone. */
  readonly source: JsonDocument;
}

export interface ParameterSweep {
  readonly name: string;
  readonly key: ParameterSweepKey;
  readonly runs: readonly ParameterSweepRun[];
}

/** The runs a config stands for; undefined where it is that of a single run. Throws ConfigError, naming the run. */
export function parseParameterSweep(text: string, where: string): ParameterSweep | undefined {
  const document = documentSchema.safeParse(parseJsonText(text, where));
  if (!document.success || document.data[SWEEP] === undefined) return undefined;
  const { [SWEEP]: written, ...rest } = document.data;
  const parsed = sweepSchema.safeParse(written);
  if (!parsed.success) {
    const [problem] = suggestedIssues(parsed.error, () => ({ here: PARAMETER_SWEEP_KEYS }));
    throw new ConfigError(`${where}: ${SWEEP}: ${problem}`);
  }
  checkPublished(
    rest,
    parsed.data.map(({ value }) => value),
    where,
  );
  const runs = parsed.data.map((point) => sweepRun(rest, point, where));
  return { name: runs[0]!.config.name, key: parsed.data[0]!.key, runs };
}

interface SweepPoint {
  readonly key: ParameterSweepKey;
  readonly value: ParameterSweepValue;
  readonly label: string;
}

function sweepRun(document: JsonDocument, { key, value, label }: SweepPoint, where: string): ParameterSweepRun {
  const source = publishedAt(withValue(document, key.split('.'), value), value);
  return { value, label, source, config: parseConfig(JSON.stringify(source), `${where}, ${key} ${value}`) };
}

/** The document with the value at the end of a path; sections on the way are made where there are none. */
function withValue(
  document: JsonDocument,
  [first = '', ...rest]: readonly string[],
  value: ParameterSweepValue,
): JsonDocument {
  if (rest.length === 0) return { ...document, [first]: value };
  const section = documentSchema.safeParse(document[first]);
  return { ...document, [first]: withValue(section.data ?? {}, rest, value) };
}

/** What others published of a sweep stands under its values, `"at": { "8/255": { "loir": {...} } }`; a run gets its own. */
function publishedAt(document: JsonDocument, value: ParameterSweepValue): JsonDocument {
  const published = documentSchema.safeParse(document.published);
  const at = documentSchema.safeParse(published.data?.at);
  if (!published.success || !at.success) return document;
  const { at: _at, ...rest } = published.data;
  return { ...document, published: { ...rest, variants: at.data[String(value)] ?? {} } };
}

/** Throws ConfigError where numbers are published at a value that is not swept. */
function checkPublished(document: JsonDocument, values: readonly ParameterSweepValue[], where: string): void {
  const published = documentSchema.safeParse(document.published);
  const at = documentSchema.safeParse(published.data?.at);
  const unknown = Object.keys(at.data ?? {}).find((value) => !values.map(String).includes(value));
  if (unknown !== undefined)
    throw new ConfigError(
      `${where}: published.at has "${unknown}", which is no value of the sweep: ${values.join(', ')}`,
    );
}

/** The document of a sweep over texts with others in their place, also where numbers are published at them. */
export function withSweptTexts(
  document: Record<string, unknown>,
  { key, runs }: ParameterSweep,
  moved: (text: string) => string,
): Record<string, unknown> {
  const published = documentSchema.safeParse(document.published);
  const at = documentSchema.safeParse(published.data?.at);
  const movedAt = Object.entries(at.data ?? {}).map(([value, numbers]) => [moved(value), numbers]);
  return {
    ...document,
    [SWEEP]: { [key]: runs.map(({ value }) => moved(String(value))) },
    ...(at.success && { published: { ...published.data, at: Object.fromEntries(movedAt) } }),
  };
}

/** "importantUnits=25"; of paths, as much of their ends as tells them apart: "dataset.test=fog.npy", "dataset.test=fog-3". */
function labelsOf(key: ParameterSweepKey, values: readonly ParameterSweepValue[]): string[] {
  const paths = values.map((value) => (key === 'dataset.test' ? partsOf(String(value)) : [String(value)]));
  const longest = Math.max(0, ...paths.map(({ length }) => length));
  const ends = (depth: number) => paths.map((path) => fileName(path.slice(-depth).join('/')));
  const depths = Array.from({ length: longest }, (_, index) => index + 1);
  const depth = depths.find((candidate) => new Set(ends(candidate)).size === paths.length) ?? longest;
  return ends(depth).map((name) => `${key}=${name}`);
}

/** A folder may be written with a slash behind it. */
function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

/** A value as part of a file's name: "8/255" is "8-255". */
function fileName(value: ParameterSweepValue): string {
  return String(value)
    .replaceAll(/\s+/g, '')
    .replaceAll(/[^\w.]/g, '-');
}

const variant = z.strictObject({
  id: z.string(),
  mask: z.enum(['none', 'two-pass', 'top-k', 'confidence']),
  threshold: z.number().optional(),
  clean: shareSchema,
  robust: shareSchema,
  worstCase: shareSchema,
});
export type ParameterSweepVariant = z.infer<typeof variant>;

const run = z.strictObject({
  /** As the config writes it: 25, "8/255", "layer3". */
  value: z.union([z.number(), z.string()]),
  /** The run's folder beside this file, where its own report is. */
  folder: z.string(),
  id: z.string(),
  images: z.int(),
  variants: z.array(variant),
});

/** sweep.json: runs that differ in one key of their config, in the order of its values. */
export const parameterSweepReportSchema = z.strictObject({
  schema: z.literal('igd.sweep/1'),
  name: z.string(),
  key: z.enum(PARAMETER_SWEEP_KEYS),
  igdVersion: z.string(),
  runs: z.array(run).min(1),
  /** Folders of the runs that are not here, since something of them is missing. */
  missing: z.array(z.string()).min(1).optional(),
});
export type ParameterSweepReport = z.infer<typeof parameterSweepReportSchema>;

/** sweep-plan.json: what a sweep on AWS consists of. The plan of each run lies in its folder. */
export const parameterSweepPlanSchema = z.strictObject({
  schema: z.literal('igd.sweep-plan/1'),
  name: z.string(),
  key: z.enum(PARAMETER_SWEEP_KEYS),
  runs: z.array(z.strictObject({ value: run.shape.value, folder: z.string().regex(/^[\w.]+=[\w.-]+$/) })).min(1),
});
export type ParameterSweepPlan = z.infer<typeof parameterSweepPlanSchema>;

/** What is plotted and tabled of every run. */
export const PARAMETER_SWEEP_MEASURES = ['clean', 'robust', 'worstCase'] as const;
export type ParameterSweepMeasure = (typeof PARAMETER_SWEEP_MEASURES)[number];
