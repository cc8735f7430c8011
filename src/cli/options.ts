import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DatasetSpec, datasetSpec } from '../datasets/dataset.ts';
import { formatByName } from '../datasets/format-by-name.ts';
import { InputError } from '../errors.ts';
import {
  BINARY_OUTPUTS,
  CLASS_ORDERS,
  type ClassOrder,
  type ClipConfig,
  clipSchema,
  DATASET_FORMATS,
  INPUT_RANGES,
  type InputOptions,
  PREPROCESSINGS,
  type Preprocessing,
} from '../schemas/config.ts';
import { suggestedIssues } from '../schemas/issues.ts';
import { type ModelOptions, modelOptionsSchema } from '../schemas/model-options.ts';
import { SIMILARITY_NAMES, type SimilarityName } from '../schemas/similarities.ts';
import { requireZooData } from '../schemas/zoo/config.ts';
import { zooEntry } from '../schemas/zoo/zoo.ts';
import { localPath } from '../stores/open.ts';
import { refuseIdle } from './idle-flags.ts';
import { finiteNumber, numberList, positiveInteger, seedNumber, severityNumber } from './numbers.ts';

/** Options that several commands share, and how their text is read. */

export interface ModelFlags {
  readonly mean?: number[];
  readonly std?: number[];
  readonly layout: InputOptions['layout'];
  readonly stateDict?: string;
  readonly zoo?: string;
  readonly model: ModelFlag[];
  readonly output?: string;
  readonly imageSize?: [number, number];
  readonly inputRange?: InputOptions['inputRange'];
  readonly binary?: InputOptions['binary'];
}

type ModelFlag = readonly [key: string, value: string];

interface OpenOptions extends InputOptions {
  readonly stateDict: string | undefined;
  readonly zoo: string | undefined;
  readonly model: ModelOptions | undefined;
}

/** How the model wants its input, as in a config's `checkpoint`. */
export function addModelOptions(command: Command): Command {
  return command
    .option('--mean <list>', 'per-channel mean the model subtracts, e.g. .4914,.4822,.4465', numberList)
    .option('--std <list>', 'per-channel standard deviation the model divides by', numberList)
    .option('--zoo <id>', 'a model of RobustBench, whose table says how to read it: cifar10/Linf/Carmon2019Unlabeled')
    .option('--state-dict <keys>', 'which state dict, for checkpoints that hold several, e.g. ema.model')
    .addOption(
      new Option('--layout <layout>', 'how the model wants its images').choices(['NCHW', 'NHWC']).default('NCHW'),
    )
    .option('--output <name>', 'which output of an .onnx that has several is the logits')
    .option('--image-size <size>', 'of an .onnx that leaves it open, where no data tells: 224, or 240x320', imageSize)
    .addOption(new Option('--input-range <range>', 'what an .onnx reads of a pixel').choices(INPUT_RANGES))
    .addOption(
      new Option(
        '--binary <what>',
        'what the one output of a model of two classes is, which is read as logits [0, z]',
      ).choices(BINARY_OUTPUTS),
    )
    .option(
      '--model <key=value>',
      `what the weights do not tell, as in a config's "model"; may be repeated: ${Object.keys(modelOptionsSchema.shape).join(', ')}`,
      collectFlags,
      [],
    );
}

/** Which axis of an .onnx's layer its units are, beside a `--layer`. */
export function addLayerAxis(command: Command): Command {
  return command.option(
    '--layer-axis <n>',
    "axis of the layer's units in an .onnx, the batch being 0; -1 is the last (default: what the graph tells)",
    axisNumber,
  );
}

function axisNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value === 0) throw new InvalidArgumentError('give a whole number that is not 0.');
  return value;
}

/** What the options say of the layer, as `openClassifier` takes it. */
export function layerFlags({ layer, layerAxis }: { readonly layer?: string; readonly layerAxis?: number }) {
  if (layerAxis !== undefined && layer === undefined)
    throw new InputError('--layer-axis is of a layer: name it with --layer');
  return { layer, layerAxis };
}

/** "224", or height and width as "240x320". */
function imageSize(text: string): [number, number] {
  const [height = '', width = height, ...rest] = text.split('x');
  if (rest.length > 0) throw new InvalidArgumentError('give a size such as 224 or 240x320.');
  return [positiveInteger(height), positiveInteger(width)];
}

function collectFlags(text: string, before: ModelFlag[]): ModelFlag[] {
  const [name = '', ...value] = text.split('=');
  const key = name.trim();
  if (value.length === 0) throw new InvalidArgumentError('give key=value, e.g. activation=silu.');
  if (before.some(([given]) => given === key)) throw new InvalidArgumentError(`${key} is given already.`);
  return [...before, [key, value.join('=').trim()]];
}

/** The flags as a config's `model`; undefined where there are none. Throws InputError. */
function modelFlags(flags: readonly ModelFlag[]): ModelOptions | undefined {
  if (flags.length === 0) return undefined;
  const parsed = modelOptionsSchema.safeParse(Object.fromEntries(flags.map(([key, text]) => [key, flagValue(text)])));
  if (parsed.success) return parsed.data;
  const keys = () => ({ here: Object.keys(modelOptionsSchema.shape) });
  throw new InputError(
    suggestedIssues(parsed.error, keys)
      .map((issue) => `--model ${issue}`)
      .join('\n'),
  );
}

/** As JSON would have it: a number, true or false, else text. */
function flagValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** What the model options say, as `openClassifier` takes it. */
export function modelOptions({ mean, std, ...given }: ModelFlags): OpenOptions {
  const { layout, stateDict, zoo, output, imageSize, inputRange, binary } = given;
  const options = { layout, stateDict, zoo, output, imageSize, inputRange, binary, model: modelFlags(given.model) };
  if ((mean === undefined) !== (std === undefined))
    throw new InputError('--mean and --std go together: give both or neither');
  if (mean === undefined || std === undefined) return options;
  if (mean.length !== std.length || std.some((value) => value <= 0)) {
    throw new InputError('--mean and --std need one number per channel each, and std must be positive');
  }
  return { ...options, normalize: { mean, std } };
}

export interface DataFlags {
  readonly data: string;
  readonly format?: DatasetSpec['format'];
  readonly labels?: string;
  readonly severity?: number;
  readonly preprocessing?: Preprocessing;
  readonly list?: string;
  readonly imageColumn?: string;
  readonly labelColumn?: string;
  readonly classOrder?: ClassOrder;
  readonly fraction?: number;
  readonly fractionSeed?: number;
}

export function addDataOptions(command: Command): Command {
  return command
    .requiredOption(
      '--data <path>',
      'images: a CIFAR .bin, archive or folder, .npy [N, C, H, W] in [0, 1], -idx3-ubyte, a folder (or .tar) of class folders, or .parquet',
    )
    .addOption(new Option('--format <format>', 'of the data; told by the name where left out').choices(DATASET_FORMATS))
    .option('--labels <path>', 'labels .npy [N] beside an image .npy, or -idx1-ubyte beside -idx3-ubyte')
    .option('--severity <n>', "of an .npy that has five severities of a corruption, as CIFAR-10-C's", severityNumber)
    .addOption(new Option('--preprocessing <name>', 'of the images of a folder or .parquet').choices(PREPROCESSINGS))
    .option('--list <file>', 'images of a folder to take, a path a line')
    .option('--image-column <name>', 'of a .parquet with several columns of images')
    .option('--label-column <name>', 'of a .parquet with several columns of labels')
    .addOption(new Option('--class-order <order>', 'how class folders are numbered').choices(CLASS_ORDERS))
    .option('--fraction <f>', 'a sample of the images: this share of every class', finiteNumber)
    .option('--fraction-seed <n>', 'seed of the sample (default: 0)', seedNumber);
}

/** The first `limit` images of what the data options name. Throws InputError where they do not go together. */
export function dataSpec(
  flags: DataFlags & Pick<ModelFlags, 'zoo'>,
  split: DatasetSpec['split'],
  limit?: number,
): DatasetSpec {
  const { data, fraction, fractionSeed } = flags;
  const format = flags.format ?? formatByName(data);
  requireZooData(flags.zoo, format);
  if (fraction !== undefined && !(fraction > 0 && fraction <= 1)) throw new InputError('--fraction must be in (0, 1]');
  refuseIdle(flags, [
    {
      flags: ['labels'],
      when: format !== 'npy' && format !== 'idx',
      why: 'goes with --format npy or idx: other formats hold their labels',
    },
    { flags: ['severity'], when: format !== 'npy', why: 'goes with --format npy: give the folder of the severity' },
    {
      flags: ['preprocessing'],
      when: format !== 'imagefolder' && format !== 'parquet',
      why: 'goes with --format imagefolder or parquet',
    },
    { flags: ['list', 'classOrder'], when: format !== 'imagefolder', why: 'goes with --format imagefolder' },
    { flags: ['imageColumn', 'labelColumn'], when: format !== 'parquet', why: 'goes with --format parquet' },
    {
      flags: ['fractionSeed'],
      when: fraction === undefined,
      why: 'is of the sample that --fraction draws: give that too',
    },
  ]);
  const sample = fraction === undefined ? undefined : { fraction, seed: fractionSeed ?? 0 };
  const { preprocessing = zooPreprocessing(flags) } = flags;
  return datasetSpec(format, { path: data, split, limit, sample }, { ...flags, preprocessing });
}

/** Images of ImageNet come to a model of the zoo as they did to its authors'. */
function zooPreprocessing({ zoo }: Pick<ModelFlags, 'zoo'>): Preprocessing | undefined {
  return zoo === undefined ? undefined : zooEntry(zoo).preprocessing;
}

/** The data options with URIs replaced by local copies. Throws InputError. */
export async function localData<F extends DataFlags>(flags: F): Promise<F> {
  const { data, labels, list } = flags;
  return {
    ...flags,
    data: await localPath(data),
    ...(labels === undefined ? {} : { labels: await localPath(labels) }),
    ...(list === undefined ? {} : { list: await localPath(list) }),
  };
}

/** Cores this process may use. */
export function cores(): number {
  return availableParallelism();
}

export interface ClipFlags {
  readonly clip?: string;
  readonly clipImage?: string;
  readonly clipText?: string;
  readonly tokenizer?: string;
  readonly similarity?: SimilarityName;
  readonly classNames?: string;
}

/** CLIP for --method cdir, as a config's `ranking.clip`. */
export function addClipOptions(command: Command): Command {
  return command
    .option('--clip <file>', "cdir: OpenAI's ViT-B-16.pt or ViT-B-32.pt, or an .onnx with both encoders")
    .option('--clip-image <file>', 'cdir: the image encoder as .onnx, instead of --clip')
    .option('--clip-text <file>', 'cdir: the text encoder as .onnx')
    .option('--tokenizer <file>', 'cdir: bpe_simple_vocab_16e6.txt.gz, merges.txt or tokenizer.json')
    .addOption(new Option('--similarity <name>', 'cdir (default: soft_wpmi)').choices(SIMILARITY_NAMES))
    .option('--class-names <file>', "cdir: names of the classes, one a line (default: the data set's own)");
}

/** Throws InputError where an option is missing. */
export function clipConfig({ clip, clipImage, clipText, tokenizer, similarity }: ClipFlags): ClipConfig {
  const files = clip === undefined ? { image: clipImage, text: clipText } : { model: clip };
  const parsed = clipSchema.safeParse({ ...files, tokenizer, similarity });
  if (parsed.success) return parsed.data;
  throw new InputError('--method cdir needs --tokenizer, and --clip or both --clip-image and --clip-text');
}
