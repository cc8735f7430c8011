import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { normProblem } from './attacks.ts';
import { type ConfigDocument, configSchema, DEVICE_BATCHES, type RunConfig } from './config.ts';
import { parseJsonText } from './config-text/json.ts';
import { type KeysAt, suggestedIssues } from './issues.ts';
import { rankingUses, variantOf } from './variants.ts';
import { withZoo, zooContradictions } from './zoo/config.ts';

/** The key of a config's parameter sweep, see `parameter-sweep.ts`. */
export const SWEEP = 'sweep';

/** Reads the JSON text of a run config. Throws ConfigError with every problem, a line each, naming the nearest known key for unknown ones. */
export function parseConfig(text: string, where: string): RunConfig {
  const document = parseJsonText(text, where);
  if (typeof document === 'object' && document !== null && SWEEP in document) {
    const message = `${SWEEP}: stands for several runs, one run is wanted here`;
    throw new ConfigError(problems(where, [`${message}: "igd run" and "igd submit" do them all`]));
  }
  const parsed = configSchema.safeParse(document);
  if (!parsed.success) throw new ConfigError(problems(where, suggestedIssues(parsed.error, keysOfConfig)));
  const contradictions = contradictionsIn(parsed.data);
  if (contradictions.length > 0) throw new ConfigError(problems(where, contradictions));
  return runConfig(withZoo(parsed.data));
}

/** What the images look like is not known yet: small ones come without a preprocessing in Parquet files, photographs with one. */
function holdsPhotographs({ format, preprocessing }: ConfigDocument['dataset']): boolean {
  return format === 'imagefolder' || (format === 'parquet' && preprocessing !== undefined);
}

/** A config without contradictions, each variant with all that masking needs, and batches that suit the device. */
function runConfig(document: ConfigDocument): RunConfig {
  const { layer, importantUnits, analysis, compute, dataset } = document;
  const batches = DEVICE_BATCHES[compute.device][holdsPhotographs(dataset) ? 'photographs' : 'small'];
  const mask =
    layer === undefined || importantUnits === undefined
      ? null
      : ({ kind: 'top-k', layer, importantUnits, ranking: analysis.ranking } as const);
  return {
    ...document,
    variants: document.variants.flatMap((entry) => variantOf(entry, document) ?? []),
    compute: {
      device: compute.device,
      batchSize: compute.batchSize ?? batches.batchSize,
      imagesPerShard: compute.imagesPerShard ?? batches.imagesPerShard,
    },
    analysis: { ...analysis, mask },
  };
}

/** What no single field can tell: masks need a layer, k and images to rank on. */
function contradictionsIn(config: ConfigDocument): string[] {
  const masked = config.variants.some(({ mask }) => mask === 'top-k' || mask === 'confidence');
  const methods = config.variants.flatMap((entry) => ('ranking' in entry ? [entry.ranking] : []));
  // A ranking that is brought along is LO-IR's.
  const computed = methods.filter((method) => method !== 'loir' || config.ranking.file === undefined);
  const needsProbe = computed.some((method) => rankingUses(method, 'probe'));
  const twoPass = config.variants.some(({ mask }) => mask !== 'none');
  const npy = config.dataset.format === 'npy';
  return [
    ...(twoPass && config.layer === undefined ? ['layer: is needed by variants that mask (e.g. "layer4")'] : []),
    ...(config.layerAxis !== undefined && config.layer === undefined
      ? ['layerAxis: is of a layer: name it as "layer", or leave it out']
      : []),
    ...(masked && config.importantUnits === undefined
      ? ['importantUnits: is needed by variants that mask (k units a class keeps)']
      : []),
    ...(needsProbe && config.dataset.probe === undefined
      ? ['dataset.probe: is needed to rank units (the training split)']
      : []),
    ...(config.threat.norm === 'Linf' && config.threat.epsilon > 1
      ? [`threat.epsilon: ${config.threat.epsilon} is more than images in [0, 1] span: in 8-bit steps write "8/255"`]
      : []),
    ...unknownSources(config),
    ...unknownPublished(config),
    ...unfitAttacks(config),
    ...(methods.some((method) => rankingUses(method, 'clip')) && config.ranking.clip === undefined
      ? [
          'ranking.clip: is needed by variant cdir, e.g. {"model": "ViT-B-16.pt", "tokenizer": "bpe_simple_vocab_16e6.txt.gz"}',
        ]
      : []),
    ...(npy && config.dataset.testLabels === undefined && !config.dataset.test.endsWith('.npz')
      ? ['dataset.testLabels: is needed with format "npy" (or give one .npz with images and labels)']
      : []),
    ...dataContradictions(config.dataset),
    ...missingIdxLabels(config.dataset),
    ...zooContradictions(config),
  ];
}

type Suite = ConfigDocument['suite'];

/** The suites of a config, each with the key it stands under. */
function suitesOf({ suite, audit }: ConfigDocument): { readonly key: string; readonly suite: Suite }[] {
  return [{ key: 'suite', suite }, ...(audit === undefined ? [] : [{ key: 'audit.suite', suite: audit.suite }])];
}

/** Attacks that are not for the norm: known before hours of the others. */
function unfitAttacks(config: ConfigDocument): string[] {
  const { norm } = config.threat;
  return suitesOf(config).flatMap(({ key, suite }) => {
    if (suite === 'iw-wc' && norm !== 'Linf') return [`${key}: iw-wc is for Linf (RayS is), not for ${norm}`];
    if (typeof suite === 'string') return [];
    return suite.flatMap((spec) => normProblem(spec, norm) ?? []).map((problem) => `${key}: ${problem}`);
  });
}

/** Attacks may be made on another variant of the run, or on the model itself. */
function unknownSources(config: ConfigDocument): string[] {
  const known = new Set(['none', ...config.variants.map(({ id }) => id)]);
  const unknown = (name: string, what: string, ids: readonly string[]) =>
    ids
      .filter((id) => !known.has(id))
      .map((id) => `${name} is ${what} "${id}", which is none of the variants: ${[...known].join(', ')}`);
  return suitesOf(config).flatMap(({ key, suite }) => {
    if (typeof suite === 'string') return [];
    const problems = suite.flatMap(({ attack, name = attack, on, except = [] }) => [
      ...unknown(name, 'made on', on !== undefined && 'variant' in on ? [on.variant] : []),
      ...unknown(name, 'left out of', except),
    ]);
    return problems.map((problem) => `${key}: ${problem}`);
  });
}

/** Published numbers are of variants that the run has: a misspelt one would be missing from the report without a word. */
function unknownPublished({ published, variants }: ConfigDocument): string[] {
  const known = new Set<string>(variants.map(({ id }) => id));
  return Object.keys(published?.variants ?? {})
    .filter((id) => !known.has(id))
    .map((id) => `published.variants: has "${id}", which is none of the variants: ${[...known].join(', ')}`)
    .concat(gainsOverNothing({ published, variants }));
}

/** A gain is over the undefended model, which has to be there and has none itself. */
function gainsOverNothing({ published, variants }: Pick<ConfigDocument, 'published' | 'variants'>): string[] {
  const hasBase = variants.some(({ mask }) => mask === 'none');
  return Object.entries(published?.variants ?? {})
    .filter(([id, { gain }]) => gain !== undefined && (id === 'none' || !hasBase))
    .map(
      ([id]) => `published.variants.${id}.gain: is over variant none, ${hasBase ? 'not of it' : 'which is missing'}`,
    );
}

/** Options of the data that go with one format alone, or with the probe set, or not with each other. */
function dataContradictions(dataset: ConfigDocument['dataset']): string[] {
  const { format, probe, probeImages, probeFraction } = dataset;
  const only = (wanted: readonly (typeof format)[], keys: readonly (keyof typeof dataset)[]) =>
    wanted.includes(format)
      ? []
      : given(dataset, keys).map((key) => `dataset.${key}: is for format "${wanted.join('" or "')}" only`);
  const fractionAlone = probeFraction === undefined ? given(dataset, ['probeSeed']) : [];
  const ofProbe = probe === undefined ? given(dataset, ['probeFraction']) : [];
  return [
    ...only(['npy', 'idx'], ['testLabels', 'probeLabels']),
    ...only(['npy'], ['severity']),
    ...only(['imagefolder', 'parquet'], ['preprocessing']),
    ...only(['imagefolder'], ['testList', 'classOrder']),
    ...only(['parquet'], ['imageColumn', 'labelColumn']),
    ...fractionAlone.map((key) => `dataset.${key}: needs dataset.probeFraction, the share of each class to draw`),
    ...ofProbe.map((key) => `dataset.${key}: needs dataset.probe, the images to draw from`),
    ...(probeImages !== undefined && probeFraction !== undefined
      ? ['dataset.probeFraction: is another way to cut the probe set than dataset.probeImages; give one of them']
      : []),
    ...bucketFolders(dataset),
  ];
}

function given<K extends keyof ConfigDocument['dataset']>(dataset: ConfigDocument['dataset'], keys: readonly K[]): K[] {
  return keys.filter((key) => dataset[key] !== undefined);
}

/** What to give from a bucket in the place of a folder, of formats that have folders of any names. */
const IN_BUCKET: Readonly<Partial<Record<ConfigDocument['dataset']['format'], string>>> = {
  imagefolder: 'put it there as one file (tar -cf val.tar -C val .) and give that',
  parquet: 'put it there as one file (of all its rows) and give that',
  idx: 'give the file of images in it',
};

function bucketFolders(dataset: ConfigDocument['dataset']): string[] {
  const way = IN_BUCKET[dataset.format];
  if (way === undefined) return [];
  return (['test', 'probe'] as const)
    .filter((key) => /^s3:.*\/$/.test(dataset[key] ?? ''))
    .map((key) => `dataset.${key}: a folder cannot be fetched from a bucket; ${way}`);
}

/** What is beside a file in a bucket is not fetched with it. */
function missingIdxLabels(dataset: ConfigDocument['dataset']): string[] {
  if (dataset.format !== 'idx') return [];
  return (['test', 'probe'] as const)
    .filter((key) => dataset[key]?.startsWith('s3:') && dataset[`${key}Labels`] === undefined)
    .map((key) => `dataset.${key}Labels: is needed with format "idx" where the images are in a bucket`);
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The keys the schema knows, at a place in a config and in all: what a misspelt one is compared with. */
function keysOfConfig(path: readonly PropertyKey[]): ReturnType<KeysAt> {
  const root: JsonSchema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  const places = path.reduce<JsonSchema[]>((at, step) => at.flatMap((place) => within(place, step)), branches(root));
  const keys = places.flatMap(({ properties }) => Object.keys(properties ?? {}));
  const elsewhere = new Set<string>();
  collect(root, elsewhere);
  return { here: [...new Set(path.length === 0 ? [...keys, SWEEP] : keys)], elsewhere: [...elsewhere] };
}

/** The schemas a step further: of an item, of a known key, or of any key of a record. */
function within({ items, properties, additionalProperties }: JsonSchema, step: PropertyKey): JsonSchema[] {
  const inner = typeof step === 'number' ? items : (properties?.[String(step)] ?? additionalProperties);
  return typeof inner === 'object' && !Array.isArray(inner) ? branches(inner) : [];
}

/** A schema's alternatives, or itself where it has none. */
function branches(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return inner.length === 0
    ? [schema]
    : inner.flatMap((branch) => (typeof branch === 'object' ? branches(branch) : []));
}

/** Every key of a schema, at any depth. */
function collect(schema: unknown, keys: Set<string>): void {
  if (Array.isArray(schema)) for (const item of schema) collect(item, keys);
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties' && typeof value === 'object' && value !== null)
      for (const name of Object.keys(value)) keys.add(name);
    collect(value, keys);
  }
}

function problems(where: string, lines: readonly string[]): string {
  return lines.length === 1 ? `${where}: ${lines[0]}` : `${where}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
