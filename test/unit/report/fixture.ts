import { aggregate } from '../../../src/report/aggregate.ts';
import type { RunFacts } from '../../../src/report/summary/outcomes.ts';
import type { Report } from '../../../src/schemas/report.ts';
import type { ImageOutcome, ShardResult, TransferResult } from '../../../src/schemas/results.ts';
import type { Variant } from '../../../src/schemas/variants.ts';

/**
 * A made-up run that behaves like a real one: each image has a strength, each variant thresholds on it. Masked variants
 * withstand their own attack but fall to examples made on the plain model, as starved gradients have it.
 */
export interface RunOptions {
  readonly variants?: readonly Variant[];
  readonly images?: number;
  readonly classes?: number;
  readonly classNames?: readonly string[];
  readonly suite?: readonly string[];
  readonly imagesPerShard?: number;
  readonly temperature?: number;
  readonly smoothing?: Report['run']['smoothing'];
  readonly ranking?: boolean;
  readonly averagesNoise?: boolean;
  readonly published?: RunFacts['published'];
}

export interface MadeRun {
  readonly facts: RunFacts;
  readonly shards: ShardResult[];
  readonly transfers: TransferResult[];
  readonly report: Report;
}

const WHERE = { layer: 'layer4', importantUnits: 16 } as const;
export const NONE: Variant = { id: 'none', mask: null };
export const TWO_PASS: Variant = { id: 'two-pass', mask: { kind: 'two-pass', layer: 'layer4' } };
export const LOIR: Variant = { id: 'loir', mask: { kind: 'top-k', ...WHERE, ranking: 'loir' } };
export const RANDOM: Variant = { id: 'random', mask: { kind: 'top-k', ...WHERE, ranking: 'random' } };

export function conf(threshold: number): Variant {
  return { id: `conf@${threshold}`, mask: { kind: 'confidence', ...WHERE, ranking: 'loir', threshold } };
}

/** The confidence mask at six thresholds. */
export const CONF_VARIANTS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95].map(conf);
const NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** A run with sensible defaults: 1,000 images of 10 classes, standard AutoAttack, six thresholds. */
export function makeRun(options: RunOptions = {}): MadeRun {
  const facts = makeFacts(options);
  const outcomes = new Map(facts.variants.map((variant) => [variant.id, attackAll(facts, variant)]));
  const shards = facts.variants.flatMap(({ id }) =>
    chunks(outcomes.get(id) ?? [], options.imagesPerShard ?? 200).map((images) => shardOf(facts, id, images)),
  );
  const transfers = facts.variants.map((target) => transferTo(facts, target, outcomes));
  return { facts, shards, transfers, report: aggregate(facts, shards, transfers) };
}

function makeFacts(options: RunOptions): RunFacts {
  const { images = 1000, classes = 10, temperature = 0.01, smoothing = null } = options;
  const variants = options.variants ?? [NONE, TWO_PASS, LOIR, RANDOM, ...CONF_VARIANTS];
  const suite = options.suite ?? ['apgd-ce', 'apgd-t', 'fab-t', 'square'];
  const classNames = options.classNames ?? Array.from({ length: classes }, (_, c) => NAMES[c] ?? `thing ${c}`);
  return {
    variants,
    averagesNoise: options.averagesNoise ?? false,
    ...(options.published === undefined ? {} : { published: options.published }),
    run: {
      name: 'rn18-thresholds',
      id: '6f1d0c2a9b3e',
      igdVersion: '0.1.0',
      seed: 0,
      suite: suite.map((name) => ({ name, attack: name, group: 'all', crafted: false })),
      threat: { norm: 'Linf', epsilon: 8 / 255 },
      temperature,
      smoothing,
      examples: 'last',
      images,
      shards: variants.length * Math.ceil(images / (options.imagesPerShard ?? 200)),
      missing: [],
    },
    checkpoint: {
      uri: 's3://models/cifar10-rn18-w16.pt',
      sha256: 'c0ffee'.padEnd(64, '1'),
      architecture: 'ResNet-18 (width 16)',
      classes,
      notes: ['BatchNorm folded into the convolutions'],
    },
    dataset: {
      format: 'cifar10',
      test: { uri: 's3://data/cifar10/test_batch.bin', sha256: 'da7a'.padEnd(64, '2'), images },
      probe: { uri: 's3://data/cifar10/train.bin', sha256: 'da7b'.padEnd(64, '3'), images: 5000 },
      classNames: [...classNames],
    },
    ranking: options.ranking === false ? noRanking() : makeRanking(classes),
  };
}

function noRanking(): Report['ranking'] {
  return { layer: null, units: null, importantUnits: null, methods: [] };
}

function makeRanking(classes: number): Report['ranking'] {
  const overlap = (method: number) =>
    Array.from({ length: classes }, (_, a) =>
      Array.from({ length: classes }, (_, b) =>
        a === b ? 1 : 0.05 + 0.4 * noise(method, Math.min(a, b), Math.max(a, b)) ** 3,
      ),
    );
  const common = { signed: false, probeImages: 5000, meanOverlap: 0.149 };
  return {
    layer: 'layer4',
    units: 128,
    importantUnits: 16,
    methods: [
      { ...common, method: 'loir', digest: 'ab12'.padEnd(64, '4'), overlap: overlap(1), deadUnits: 3, flags: [] },
      {
        ...common,
        method: 'random',
        digest: null,
        overlap: overlap(2),
        deadUnits: 0,
        flags: [{ code: 'control', message: 'units were drawn by chance: this ranking is a control' }],
      },
    ],
  };
}

/** Where a variant's strength ends: clean, under its own attack, on others' examples. Temperature makes the thresholds matter. */
function strengthsOf({ mask }: Variant, temperature: number): { clean: number; own: number; transferred: number } {
  if (mask === null) return { clean: 0.695, own: 0.289, transferred: 0.33 };
  switch (mask.kind) {
    case 'two-pass':
      return { clean: 0.695, own: 0.287, transferred: 0.29 };
    case 'top-k':
      return mask.ranking === 'random'
        ? { clean: 0.49, own: 0.2, transferred: 0.22 }
        : { clean: 0.692, own: 0.414, transferred: 0.3 };
    case 'confidence':
      return {
        clean: 0.692,
        own: 0.41 - (temperature < 0.1 ? 0.01 : 0.12) * mask.threshold,
        transferred: 0.3,
      };
  }
}

/** Where the images an attack suite breaks fall, by attack. */
const BROKEN_SHARES = [0.86, 0.132, 0.004, 0.004];

function attackAll({ run, checkpoint, variants }: RunFacts, variant: Variant): ImageOutcome[] {
  const { clean, own } = strengthsOf(variant, run.temperature);
  const place = variants.indexOf(variant);
  return Array.from({ length: run.images }, (_, image) => {
    const label = image % checkpoint.classes;
    const wrong = (label + 1 + (image % (checkpoint.classes - 1))) % checkpoint.classes;
    const weakness = weaknessOf(image, label, place);
    const isRight = weakness < clean;
    const isBroken = isRight && weakness >= own;
    return {
      image,
      label,
      cleanPrediction: isRight ? label : wrong,
      brokenBy: isBroken ? breaker(run.suite, noise(3, image, place)) : null,
      adversarialPrediction: isBroken ? wrong : null,
    };
  });
}

function breaker(suite: RunFacts['run']['suite'], draw: number): string {
  let reached = 0;
  const index = suite.findIndex((_, place) => {
    reached += BROKEN_SHARES[place] ?? 0;
    return draw < reached;
  });
  return (suite[index] ?? suite[0])?.name ?? '';
}

/** In [0, 1]: mostly the image's own, a little the class's and the variant's. */
function weaknessOf(image: number, label: number, place: number): number {
  const shifted = noise(0, image) + 0.25 * (noise(5, label) - 0.5) + 0.04 * (noise(1, image, place) - 0.5);
  return Math.min(0.999, Math.max(0, shifted));
}

function shardOf({ run }: RunFacts, variant: string, images: readonly ImageOutcome[]): ShardResult {
  const attacked = images.filter(({ label, cleanPrediction }) => label === cleanPrediction).length;
  return {
    schema: 'igd.shard/2',
    variant,
    images: [...images],
    attacks: run.suite.map(({ name: attack }, place) => ({
      attack,
      seconds: 0.37 * attacked * (place + 1),
      forwards: attacked * (attack === 'square' ? 5000 : 101),
      gradients: attack === 'square' ? 0 : attacked * 100,
      runtimeSeconds: 0.3 * attacked * (place + 1),
    })),
    checks: {
      randomised: false,
      probabilities: false,
      zeroGradientImages: variant === 'loir' ? Math.floor(attacked / 20) : 0,
    },
  };
}

function transferTo(
  { run, variants }: RunFacts,
  target: Variant,
  outcomes: ReadonlyMap<string, readonly ImageOutcome[]>,
): TransferResult {
  const { transferred } = strengthsOf(target, run.temperature);
  const place = variants.indexOf(target);
  const predict = ({ image, label, adversarialPrediction }: ImageOutcome) => ({
    image,
    prediction: weaknessOf(image, label, place) < transferred ? label : (adversarialPrediction ?? label),
  });
  const sources = variants
    .filter(({ id }) => id !== target.id)
    .map(({ id }) => ({
      variant: id,
      predictions: (outcomes.get(id) ?? []).filter(({ brokenBy }) => brokenBy !== null).map(predict),
    }));
  return { schema: 'igd.transfer/1', variant: target.id, sources };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, chunk) => chunk * size);
  return starts.map((start) => items.slice(start, start + size));
}

/** A number in [0, 1) that depends on its key alone (xxHash's avalanche step). */
function noise(...key: readonly number[]): number {
  let hash = key.reduce((mixed, part) => Math.imul(mixed ^ (part + 0x9e3779b9), 0x85ebca77), 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
