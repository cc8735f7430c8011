import { ConfigError, messageOf } from '../../errors.ts';
import type { ConfigDocument, DatasetFormat } from '../config.ts';
import { corruptionOf } from '../corruption.ts';
import { isOnnx } from '../input-paths.ts';
import type { Published } from '../published.ts';
import { type ZooEntry, zooEntry, zooFacts } from './zoo.ts';

/*
 * What a config's `checkpoint.zoo` says beside how the file is read: the data set, the preprocessing of ImageNet, and the
 * accuracies that the report prints beside ours.
 */

type Leaderboard = ZooEntry['leaderboard'];

/** Of which data set a format's images are, where that is sure. */
const DATA: Readonly<Partial<Record<DatasetFormat, Leaderboard['dataset']>>> = {
  cifar10: 'cifar10',
  cifar100: 'cifar100',
  imagefolder: 'imagenet',
};

/** Formats whose images come to a model as they came to its authors'. */
const PREPROCESSED: ReadonlySet<DatasetFormat> = new Set(['imagefolder', 'parquet']);

/** RobustBench's: all of CIFAR's test images, a list of ImageNet's. */
const IMAGES: Readonly<Record<Leaderboard['dataset'], number>> = { cifar10: 10_000, cifar100: 10_000, imagenet: 5000 };

/** Throws ConfigError where the zoo has no such model, or images of this format are another data set's than the model's. */
export function requireZooData(id: string | undefined, format: DatasetFormat): void {
  if (id === undefined) return;
  const { dataset } = zooEntry(id).leaderboard;
  const data = DATA[format] ?? dataset;
  if (data !== dataset) throw new ConfigError(`zoo: "${id}" is a model of ${dataset}, the data are ${data}`);
}

/** Why a config cannot be of its model of the zoo, a line each. */
export function zooContradictions({ checkpoint, dataset }: ConfigDocument): string[] {
  const { zoo: id, uri } = checkpoint;
  if (id === undefined) return [];
  try {
    requireZooData(id, dataset.format);
    // An .onnx tells how it is read: models whose weights igd does not read come in as one.
    if (!isOnnx(uri)) zooFacts(id);
    return [];
  } catch (error) {
    return [`checkpoint.${messageOf(error)}`];
  }
}

/** The config with what its model of the zoo brings and the config leaves out. */
export function withZoo<C extends Pick<ConfigDocument, 'checkpoint' | 'dataset' | 'published' | 'threat' | 'variants'>>(
  config: C,
): C {
  const { checkpoint, dataset } = config;
  if (checkpoint.zoo === undefined) return config;
  const entry = zooEntry(checkpoint.zoo);
  const { preprocessing } = entry;
  return {
    ...config,
    dataset: PREPROCESSED.has(dataset.format) && preprocessing !== undefined ? { preprocessing, ...dataset } : dataset,
    published: config.published ?? publishedOf(entry, config),
  };
}

function publishedOf(
  { id, leaderboard, published, preprocessing }: ZooEntry,
  { dataset, threat, variants }: Pick<ConfigDocument, 'dataset' | 'threat' | 'variants'>,
): Published | undefined {
  if (!variants.some(({ mask }) => mask === 'none')) return undefined;
  const { clean, robust, epsilon, external } = published;
  const isCorrupted = corruptionOf(dataset) !== undefined;
  const isSame =
    !isCorrupted &&
    threat.norm === leaderboard.threat &&
    epsilon !== undefined &&
    Math.abs(threat.epsilon - epsilon) < 1e-9;
  const notes = [
    isCorrupted ? `Of clean images ${clean.toFixed(2)}% were published right; ours are corrupted.` : undefined,
    isSame ? undefined : elsewhere(leaderboard.threat, robust, epsilon),
    external === undefined ? undefined : `Stronger attacks than AutoAttack left ${external.toFixed(2)}%.`,
    dataset.preprocessing === undefined || dataset.preprocessing === preprocessing
      ? undefined
      : `Published with images through ${preprocessing}, ours through ${dataset.preprocessing}.`,
  ].filter((note) => note !== undefined);
  return {
    source: `RobustBench, ${id}`,
    images: IMAGES[leaderboard.dataset],
    ...(isSame && { suite: 'standard' }),
    ...(notes.length > 0 && { note: notes.join(' ') }),
    // An accuracy on clean images is no number to stand beside one on corrupted ones.
    variants: isCorrupted ? {} : { none: { clean, ...(isSame && { robust }) } },
  };
}

/** A robust accuracy under another threat model is no number to stand beside ours. */
function elsewhere(threat: Leaderboard['threat'], robust: number, epsilon: number | undefined): string {
  if (epsilon === undefined) return `Its leaderboard is of common corruptions: ${robust.toFixed(2)}% right on average.`;
  const radius = threat === 'Linf' ? `${Number((epsilon * 255).toFixed(2))}/255` : String(epsilon);
  return `Its robust accuracy was found under ${threat}, ${radius}: ${robust.toFixed(2)}%.`;
}
