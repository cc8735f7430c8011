import { z } from 'zod';
import { analysisSchema } from './analysis.ts';
import { attackEntrySchema, NORM_NAMES, PROTOCOLS, SUITE_NAMES } from './attacks.ts';
import { modelOptionsSchema } from './model-options.ts';
import { shortName } from './names.ts';
import { publishedSchema } from './published.ts';
import { similaritySchema } from './similarities.ts';
import { type RankedMask, type Variant, variantEntrySchema } from './variants.ts';

/** A number, or a fraction as researchers write them: "8/255". */
const fraction = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*\d+(\.\d+)?\s*\/\s*\d+(\.\d+)?\s*$/, 'must be a number or a fraction such as "8/255"')
    .transform((text) => {
      const [numerator, denominator] = text.split('/').map(Number);
      return (numerator ?? Number.NaN) / (denominator ?? Number.NaN);
    })
    .refine(Number.isFinite, 'must be a number: nothing is divided by 0'),
]);

const positive = fraction.pipe(z.number().positive());
const count = z.int().positive();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in 64 lower-case hex digits');
const channels = z.array(z.number()).min(1).max(4);

export const INPUT_RANGES = ['0..1', '0..255'] as const;

export const BINARY_OUTPUTS = ['logit', 'probability'] as const;
/** What the one output of a model of two classes is: z, or the sigmoid of z; `logit` or `probability` of class 1. */
export type BinaryOutput = (typeof BINARY_OUTPUTS)[number];

/** How a model wants its input, where that is not RGB in [0, 1], NCHW: folded into the graph. */
export const inputSchema = {
  /** Per channel, on the [0, 1] scale; the graph computes (x - mean) / std. */
  normalize: z
    .strictObject({ mean: channels, std: z.array(z.number().positive()).min(1).max(4) })
    .refine(({ mean, std }) => mean.length === std.length, 'mean and std must have one number per channel each')
    .optional(),
  layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
  /** What of a pixel in [0, 1] the model reads: `0..255` feeds it 255 times that, not rounded; for an .onnx. */
  inputRange: z.enum(INPUT_RANGES).optional(),
  /** Height and width, or a number for both, of the images an .onnx sees that leaves them open and has no data to tell. */
  imageSize: z
    .union([count, z.tuple([count, count])], 'must be a size such as 224, or [height, width]')
    .transform((size): [number, number] => (typeof size === 'number' ? [size, size] : size))
    .optional(),
  /** Which output of an .onnx that has several is the logits. */
  output: z.string().min(1).optional(),
  /** What the one output of a model of two classes is: it is read as logits [0, z]. */
  binary: z.enum(BINARY_OUTPUTS).optional(),
};

const checkpointSchema = z.strictObject({
  uri: z.string().min(1),
  sha256: sha256.optional(),
  /** The keys, joined by dots, that lead to the state dict, for files that hold several. */
  stateDict: z.string().min(1).optional(),
  /** The id of a model of RobustBench, whose table says what the weights do not tell. */
  zoo: z.string().min(1).optional(),
  ...inputSchema,
});

export const DATASET_FORMATS = ['cifar10', 'cifar100', 'npy', 'idx', 'imagefolder', 'parquet'] as const;
/** What a data set's files are: `cifar10`, `cifar100`, `npy`, `idx`, `imagefolder` or `parquet`. */
export type DatasetFormat = (typeof DATASET_FORMATS)[number];

/** RobustBench's names, and names like them for what it leaves to timm; `src/datasets/image/decode.ts` says what each does. */
export const PREPROCESSINGS = [
  'none',
  'Crop288',
  'Res224',
  'Res256Crop224',
  'BicubicRes256Crop224',
  'Res224Crop224',
  'BicubicRes224Crop224',
  'BicubicRes248Crop224',
] as const;
/** What is done to an image of a folder before the model sees it, by RobustBench's names: `none`, `Crop288`, ... */
export type Preprocessing = (typeof PREPROCESSINGS)[number];

export const CLASS_ORDERS = ['text', 'numeric'] as const;
/** How class folders are numbered: in the order of their names as text (`10` before `2`), or by the numbers in them. */
export type ClassOrder = (typeof CLASS_ORDERS)[number];

const datasetSchema = z.strictObject({
  format: z.enum(DATASET_FORMATS),
  test: z.string().min(1),
  /** Images the ranking is computed on: the training split, without augmentation. */
  probe: z.string().min(1).optional(),
  /** npy and idx: labels beside the images; of idx found by their name where left out. */
  testLabels: z.string().min(1).optional(),
  probeLabels: z.string().min(1).optional(),
  /** npy only: of test images that are there under five severities of a corruption, as CIFAR-10-C's, those of this one. */
  severity: z.int('must be a severity, 1 to 5').min(1).max(5).optional(),
  /** The first n images; all of them where left out. */
  testImages: count.optional(),
  probeImages: count.optional(),
  /** A sample of the probe set instead: this share of every class, drawn with `probeSeed` (0 where left out). */
  probeFraction: z.number().positive().max(1).optional(),
  probeSeed: z.int().nonnegative().optional(),
  /** imagefolder and parquet: what is done to an image before the model sees it; none where left out. */
  preprocessing: z.enum(PREPROCESSINGS).optional(),
  /** imagefolder only: a text file of the images to evaluate, a path a line, with or without its label. */
  testList: z.string().min(1).optional(),
  /** parquet only: the columns of images and labels, where the file has several that could be meant. */
  imageColumn: z.string().min(1).optional(),
  labelColumn: z.string().min(1).optional(),
  /** imagefolder only: how class folders are numbered; as text, as torchvision does, where left out. */
  classOrder: z.enum(CLASS_ORDERS).optional(),
});

const clipOptions = {
  /** OpenAI's bpe_simple_vocab_16e6.txt.gz, or the merges.txt or tokenizer.json of Hugging Face. */
  tokenizer: z.string().min(1),
  similarity: similaritySchema.prefault('soft_wpmi'),
  /** Images CLIP sees at once. */
  batchSize: count.max(4096).default(32),
};

/** The CLIP that units are compared by: OpenAI's weights or an .onnx with both encoders, or an .onnx for each. */
export const clipSchema = z.union([
  z.strictObject({ model: z.string().min(1), ...clipOptions }),
  z.strictObject({ image: z.string().min(1), text: z.string().min(1), ...clipOptions }),
]);
export type ClipConfig = z.infer<typeof clipSchema>;

const rankingSchema = z
  .strictObject({
    /** Mean change with its sign (the paper's Eq. 5) instead of its size (the public code). */
    signed: z.boolean().default(false),
    /** Use a ranking that the diagnostics call degenerate. */
    allowDegenerate: z.boolean().default(false),
    /** A ranking computed before: a file of ours or a folder of public unit<j>.npy; for `loir` variants. */
    file: z.string().min(1).optional(),
    /** For `cdir` variants. */
    clip: clipSchema.optional(),
    /** Names of the classes for CLIP, one a line in the order of the labels; the data set's own where left out. */
    classNames: z.string().min(1).optional(),
  })
  .prefault({});

const smoothingSchema = z
  .strictObject({
    /** Noise samples averaged in the first pass. */
    samples: count.max(1000).default(1),
    /** Standard deviation of the noise, images in [0, 1]. */
    sigma: positive,
  })
  .nullable()
  .default(null);

const threatSchema = z.strictObject({ norm: z.enum(NORM_NAMES), epsilon: positive });

const suiteSchema = z.union([
  z.enum(SUITE_NAMES),
  z
    .array(attackEntrySchema)
    .min(1)
    .refine(
      (attacks) => new Set(attacks.map(({ attack, name = attack }) => name)).size === attacks.length,
      'names an attack twice: give one of them another "name"',
    ),
]);

const auditSchema = z.strictObject({
  /** What the sample goes through, one attack on what the one before it left. */
  suite: suiteSchema.default('standard'),
  /** Half the width of the interval of the accuracy, a share of all images: 0.005 is half a point. */
  halfWidth: z
    .number()
    .positive()
    .max(0.1, 'is a share of all images, 0.1 at most: half a point is 0.005')
    .default(0.005),
  /** That the intervals of all variants hold at once. */
  confidence: z.number().gt(0.5).lt(1, 'must be less than 1: nothing is certain of a sample').default(0.95),
});

/** What may compute. A device that is asked for and not there is an error, never a reason to compute elsewhere. */
export const DEVICES = ['cpu', 'cuda', 'webgpu'] as const;
/** What may compute: `cpu`, `cuda` or `webgpu`. */
export type Device = (typeof DEVICES)[number];

const computeSchema = z
  .strictObject({
    device: z.enum(DEVICES).default('cpu'),
    batchSize: count.max(4096).optional(),
    imagesPerShard: count.optional(),
  })
  .prefault({});

/** How many images are computed at once, and are a piece of a run. */
export interface BatchSizes {
  /** Images computed at once. */
  readonly batchSize: number;
  /** Images of a piece of a run, which one worker does. */
  readonly imagesPerShard: number;
}

/**
 * What they are where a config does not say. A core is busy with any batch, and small shards share the cores out; a GPU is filled by
 * hundreds of small images or by some photographs, of which more would fill the memory, and no batch is larger than its shard.
 */
export const DEVICE_BATCHES: Readonly<Record<Device, Readonly<Record<'small' | 'photographs', BatchSizes>>>> = {
  cpu: { small: { batchSize: 64, imagesPerShard: 32 }, photographs: { batchSize: 64, imagesPerShard: 32 } },
  cuda: { small: { batchSize: 512, imagesPerShard: 512 }, photographs: { batchSize: 64, imagesPerShard: 64 } },
  webgpu: { small: { batchSize: 512, imagesPerShard: 512 }, photographs: { batchSize: 64, imagesPerShard: 64 } },
};

/** A run config, as a user writes it. Unknown keys are refused; defaults are filled in. */
export const configSchema = z.strictObject({
  name: shortName(100),
  checkpoint: checkpointSchema,
  /** What the checkpoint's weights do not tell: activation, shortcut kind, ... */
  model: modelOptionsSchema.optional(),
  dataset: datasetSchema,
  /** Where masking acts: layer1 ... layer4, block2, block3, or a tensor, node or module of an .onnx. */
  layer: z.string().min(1).optional(),
  /** Which axis of the layer's value its units are, for an .onnx whose graph does not tell; 0 is the batch, -1 the last. */
  layerAxis: z.int().optional(),
  /** k: units each class keeps. */
  importantUnits: count.optional(),
  variants: z
    .array(variantEntrySchema)
    .min(1)
    .transform((entries) => entries.flat())
    .refine((variants) => new Set(variants.map(({ id }) => id)).size === variants.length, 'names a variant twice'),
  ranking: rankingSchema,
  /** tau of the pseudo-label's softmax; the public code's 100 z is 0.01. */
  temperature: z.number().positive().default(0.01),
  smoothing: smoothingSchema,
  threat: threatSchema,
  suite: suiteSchema,
  /** Whether an attack sees only the images that those before it left robust, or all of them. */
  protocol: z.enum(PROTOCOLS).default('sequential'),
  /** A bound on what another suite would leave, from a sample of the images that this one left robust. */
  audit: auditSchema.optional(),
  /** Which adversarial example is kept: the last misclassified iterate, as AutoAttack does, or the first (faster). */
  examples: z.enum(['last', 'first']).default('last'),
  /** For `igd analyze`; a run is not changed by it. */
  analysis: analysisSchema,
  seed: z.int().nonnegative().default(0),
  /** Goes on where the undefended model is no better than chance on clean images. */
  allowChance: z.literal(true, { error: 'is true, or left out' }).optional(),
  compute: computeSchema,
  /** On AWS: an attempt that has cost as much is stopped. The numbers are not changed by it. */
  maxDollars: z.number().positive().optional(),
  /** What others found, for the report to print beside. */
  published: publishedSchema.optional(),
});

/** A config as it was read, before what its fields say together was looked at. */
export type ConfigDocument = z.infer<typeof configSchema>;

/** A run config that can be done: `parseConfig` alone makes one. */
export interface RunConfig extends Omit<ConfigDocument, 'variants' | 'analysis' | 'compute'> {
  /** What is evaluated, in order. */
  readonly variants: readonly Variant[];
  /** What computes, and in which pieces. */
  readonly compute: BatchSizes & { readonly device: Device };
  /** For `igd analyze`; a run is not changed by it. */
  readonly analysis: ConfigDocument['analysis'] & {
    /** Whose units an analysis looks at; null where the config names no layer or k, and cannot be analysed. */
    readonly mask: RankedMask | null;
  };
}

/** A run config as its user writes it. */
export type RunConfigInput = z.input<typeof configSchema>;
export type InputOptions = Pick<RunConfig['checkpoint'], keyof typeof inputSchema>;
