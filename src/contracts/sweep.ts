import { z } from 'zod';
import type { RunConfig } from './config.ts';
import { ConfigError } from './errors.ts';
import { suggestedIssues } from './issues.ts';
import { parseConfig, parseJson, SWEEP } from './parse-config.ts';

/**
 * A config with a `sweep` stands for several runs that differ in one key: `"sweep": { "importantUnits": [10, 25, 50] }`.
 * It is expanded before anything is planned; planner, jobs and reports know runs of one config alone.
 */

/** What can be swept (IG-Defense, Figs. 5-7 and Table 10), each by the way to it in the config. */
export const SWEEP_KEYS = [
  'importantUnits',
  'layer',
  'dataset.probeFraction',
  'temperature',
  'smoothing.sigma',
  'smoothing.samples',
  'threat.epsilon',
] as const;
export type SweepKey = (typeof SWEEP_KEYS)[number];

const documentSchema = z.record(z.string(), z.json());
export type ConfigDocument = z.infer<typeof documentSchema>;

/** As the config's own key takes them: a number, a fraction such as "8/255", a layer's name. */
export type SweepValue = string | number;

const sweepSchema = z
  .partialRecord(z.enum(SWEEP_KEYS), z.array(z.union([z.number(), z.string().min(1)])).min(1))
  .refine((sweep) => Object.keys(sweep).length === 1, `sweeps exactly one of ${SWEEP_KEYS.join(', ')}`)
  .refine(
    (sweep) => Object.values(sweep).every((values) => new Set(values.map(fileName)).size === values.length),
    'names a value twice',
  );

/** One run of a sweep. */
export interface SweepRun {
  readonly value: SweepValue;
  /** "importantUnits=25": names its folder. */
  readonly label: string;
  readonly config: RunConfig;
  /** The config as a user would write it for this run alone. */
  readonly source: ConfigDocument;
}

export interface Sweep {
  readonly name: string;
  readonly key: SweepKey;
  readonly runs: readonly SweepRun[];
}

/** The runs a config stands for; undefined where it is that of a single run. Throws ConfigError, naming the run. */
export function parseSweep(text: string, where: string): Sweep | undefined {
  const document = documentSchema.safeParse(parseJson(text, where));
  if (!document.success || document.data[SWEEP] === undefined) return undefined;
  const { [SWEEP]: written, ...rest } = document.data;
  const parsed = sweepSchema.safeParse(written);
  if (!parsed.success) {
    const [problem] = suggestedIssues(parsed.error, () => ({ here: SWEEP_KEYS }));
    throw new ConfigError(`${where}: ${SWEEP}: ${problem}`);
  }
  const [[key, values] = []] = Object.entries(parsed.data);
  const swept = SWEEP_KEYS.find((known) => known === key) ?? 'importantUnits';
  checkPublished(rest, values ?? [], where);
  const runs = (values ?? []).map((value) => sweepRun(rest, swept, value, where));
  return { name: runs[0]!.config.name, key: swept, runs };
}

/** The configs of a file as texts of single runs: itself, or what its sweep stands for, each under a name of its own. */
export function singleConfigs(text: string, where: string): string[] {
  const sweep = parseSweep(text, where);
  if (sweep === undefined) return [text];
  return sweep.runs.map(({ label, source }) => {
    const name = `${sweep.name}.${label.replace('=', '-')}`;
    return JSON.stringify({ ...source, name }, null, 2);
  });
}

function sweepRun(document: ConfigDocument, key: SweepKey, value: SweepValue, where: string): SweepRun {
  const source = publishedAt(withValue(document, key.split('.'), value), value);
  const label = `${key}=${fileName(value)}`;
  return { value, label, source, config: parseConfig(JSON.stringify(source), `${where}, ${key} ${value}`) };
}

/** The document with the value at the end of a path; sections on the way are made where there are none. */
function withValue(
  document: ConfigDocument,
  [first = '', ...rest]: readonly string[],
  value: SweepValue,
): ConfigDocument {
  if (rest.length === 0) return { ...document, [first]: value };
  const section = documentSchema.safeParse(document[first]);
  return { ...document, [first]: withValue(section.data ?? {}, rest, value) };
}

/** What others published of a sweep stands under its values, `"at": { "8/255": { "loir": {...} } }`; a run gets its own. */
function publishedAt(document: ConfigDocument, value: SweepValue): ConfigDocument {
  const published = documentSchema.safeParse(document.published);
  const at = documentSchema.safeParse(published.data?.at);
  if (!published.success || !at.success) return document;
  const { at: _at, ...rest } = published.data;
  return { ...document, published: { ...rest, variants: at.data[String(value)] ?? {} } };
}

/** Throws ConfigError where numbers are published at a value that is not swept. */
function checkPublished(document: ConfigDocument, values: readonly SweepValue[], where: string): void {
  const published = documentSchema.safeParse(document.published);
  const at = documentSchema.safeParse(published.data?.at);
  const unknown = Object.keys(at.data ?? {}).find((value) => !values.map(String).includes(value));
  if (unknown !== undefined)
    throw new ConfigError(
      `${where}: published.at has "${unknown}", which is no value of the sweep: ${values.join(', ')}`,
    );
}

/** A value as part of a file's name: "8/255" is "8-255". */
function fileName(value: SweepValue): string {
  return String(value)
    .replaceAll(/\s+/g, '')
    .replaceAll(/[^\w.]/g, '-');
}
