import { CheckpointError, ConfigError } from '../errors.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import type { InputOptions } from '../schemas/config.ts';
import type { Normalization } from '../schemas/model-options.ts';
import type { Reading } from './reading.ts';
import { EXPORT_INSTEAD } from './unused-weights.ts';

/** (x - mean) / std, a number a channel. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and standard deviation that a file holds, and the names of all of them. */
export interface FileNormalization extends ChannelStatistics {
  readonly names: readonly string[];
}

/** What is done to images in [0, 1] before the network reads them. */
export type InputNormalization = ChannelStatistics | 'none' | 'per-image' | 'times-255';

/** Constants of torchvision and of the training codes in RobustBench's zoo. */
const CONSTANTS: Readonly<Record<Exclude<Normalization, 'none' | 'per-image' | 'symmetric'>, ChannelStatistics>> = {
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.2471, 0.2435, 0.2616] },
  cifar100: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

/** What may be said of a network's normalisation in numbers, the strongest first. Names are the reading's. */
export interface NormalizationClaims {
  /** A config's `checkpoint.normalize`. */
  readonly stated: InputOptions['normalize'];
  /** Of the zoo's model. */
  readonly zoo?: InputOptions['normalize'];
  readonly file: FileNormalization | undefined;
  readonly usual: Normalization;
  readonly channels: number;
  /** What the file holds beside its weights, and may be meant. */
  readonly aside?: readonly string[];
}

/**
 * Which normalisation holds: what the user says, or the zoo's table, buffers in the file, or the architecture's usual. Throws
 * CheckpointError where two of them disagree.
 */
export function chooseNormalization(
  reading: Reading,
  { stated, zoo, file, usual, channels, aside = [] }: NormalizationClaims,
): InputNormalization {
  const said = stated ?? zoo;
  const named = reading.stated('normalization');
  if (said !== undefined) {
    if (named !== undefined && !isNamed(named, said, channels)) throw twoStated(formatStatistics(said), named);
    if (zoo !== undefined && !isClose(said, zoo)) throw twoStated(formatStatistics(said), formatStatistics(zoo));
    if (file !== undefined && !isClose(said, file)) throw contradiction(formatStatistics(said), file);
    reading.note('normalization', formatStatistics(said), stated === undefined ? 'zoo' : 'stated');
    return said;
  }
  if (file !== undefined) {
    if (named !== undefined && !isNamed(named, file, channels)) throw contradiction(named, file);
    reading.note('normalization', formatStatistics(file), 'file');
    return { mean: file.mean, std: file.std };
  }
  if (named === undefined && aside.length > 0) {
    throw new CheckpointError(
      `holds ${aside.join(', ')} beside its weights: say whether images are normalised by them (checkpoint.normalize, --mean, --std) or not ` +
        '(model.normalization, --model normalization=none)',
    );
  }
  return namedNormalization(reading.choose('normalization', usual), channels);
}

/** Buffers are float32: equal to what was typed but for that rounding. */
const ROUNDING = 1e-6;

function isClose(a: ChannelStatistics, b: ChannelStatistics): boolean {
  const near = (x: readonly number[], y: readonly number[]) =>
    x.length === y.length && x.every((value, channel) => Math.abs(value - y[channel]!) <= ROUNDING);
  return near(a.mean, b.mean) && near(a.std, b.std);
}

function isNamed(name: Normalization, file: ChannelStatistics, channels: number): boolean {
  const named = namedNormalization(name, channels);
  return typeof named === 'object' && isClose(named, file);
}

function twoStated(said: string, other: string): CheckpointError {
  return new CheckpointError(`is said to want ${said}, and ${other} as well: leave one of them out`);
}

function contradiction(stated: string, file: FileNormalization): CheckpointError {
  return new CheckpointError(
    `is said to want ${stated}, but holds ${formatStatistics(file)} itself (${file.names.join(', ')}): leave the normalisation out. Where the network does not use it: ${EXPORT_INSTEAD}`,
  );
}

/** What the name stands for. Throws ConfigError where the constants are of another number of channels. */
export function namedNormalization(name: Normalization, channels: number): InputNormalization {
  if (name === 'none' || name === 'per-image') return name;
  if (name === 'symmetric') return { mean: Array(channels).fill(0.5), std: Array(channels).fill(0.5) };
  const { mean, std } = CONSTANTS[name];
  if (mean.length === channels) return { mean, std };
  throw new ConfigError(`normalization ${name} is for ${mean.length} channels, the images have ${channels}`);
}

export function formatStatistics({ mean, std }: ChannelStatistics): string {
  const list = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(6))).join(', ');
  return `mean [${list(mean)}], std [${list(std)}]`;
}

/**
 * Appends the normalisation of images [N, C, H, W]. Kept as nodes of their own: folded into a padded convolution, the mean would
 * be wrong at the border. Throws ConfigError where mean and std do not fit the channels.
 */
export function appendNormalization(
  builder: GraphBuilder,
  x: string,
  normalization: InputNormalization,
  [channels, height, width]: readonly [number, number, number],
): string {
  if (normalization === 'none') return x;
  if (normalization === 'per-image') return standardizeImages(builder, x, channels * height * width);
  if (normalization === 'times-255') return builder.op('Mul', [x, builder.constant(255)]);
  const { mean, std } = normalization;
  if (mean.length !== channels)
    throw new ConfigError(`normalize has ${mean.length} channels, the images have ${channels}`);
  const perChannel = [channels, 1, 1];
  const centred = builder.op('Sub', [x, builder.constant(mean, perChannel)]);
  return builder.op('Div', [centred, builder.constant(std, perChannel)]);
}

/**
 * (x - mean) / std with mean and standard deviation of each image, [N, C, H, W]. The standard deviation is the sample's (n - 1), and
 * at least n^-1/2: TensorFlow's per_image_standardization, as MMA training (Ding et al., arXiv:1812.02637) writes it in PyTorch.
 */
function standardizeImages(builder: GraphBuilder, x: string, size: number): string {
  const axes = builder.ints([1, 2, 3]);
  const centred = builder.op('Sub', [x, builder.op('ReduceMean', [x, axes], { keepdims: 1 })]);
  const squares = builder.op('ReduceSum', [builder.op('Mul', [centred, centred]), axes], { keepdims: 1 });
  const variance = builder.op('Mul', [squares, builder.constant(1 / (size - 1))]);
  const std = builder.op('Sqrt', [builder.op('Max', [variance, builder.constant(1 / size)])]);
  return builder.op('Div', [centred, std]);
}
