import { availableParallelism } from 'node:os';
import { z } from 'zod';
import type { LossGradient } from '../attacks/core/attack.ts';
import type { LossName } from '../attacks/core/losses.ts';
import { baseModel } from '../defense/defended-model.ts';
import { InputError } from '../errors.ts';
import { openClassifier } from '../inputs/open-classifier.ts';
import type { Classifier, ImageShape } from '../models/classifier.ts';
import { classifierFromOnnx } from '../models/from-onnx.ts';
import type { GradientTable } from '../onnx/autodiff/rule.ts';
import { decodeModel } from '../onnx/codec/model.ts';
import type { Runtime } from '../onnx/runtime.ts';
import { onnxRuntime } from '../runtime/session.ts';
import { DEVICES, type Device, inputSchema } from '../schemas/config.ts';
import { localPath } from '../stores/open.ts';
import { describe, knownOptions, parsed } from './arguments.ts';
import { RuntimeModel } from './runtime-model.ts';

/**
 * Where a model is: the path of a checkpoint (.pt, .pth, .pth.tar, .safetensors) or of an .onnx, or `s3://bucket/key` of
 * one, or the bytes of an .onnx.
 */
export type ModelSource = string | Uint8Array;

/** How a model is read, and what computes it. */
export interface OpenModelOptions {
  /** Per channel, on the [0, 1] scale: the model is given (x - mean) / std. An architecture's own where left out. */
  readonly normalize?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** How the model wants its images; images are handed over as NCHW all the same. NCHW by default. */
  readonly layout?: 'NCHW' | 'NHWC';
  /** The keys, joined by dots, that lead to the state dict, for checkpoints that hold several: "ema.model". */
  readonly stateDict?: string;
  /** For an .onnx: the tensor or node that is to be ranked and masked. Without it, outputs of activations are offered. */
  readonly layer?: string;
  /** [C, H, W] of the images, where it is not the architecture's own, or the .onnx leaves it open. */
  readonly imageShape?: ImageShape;
  /** Threads of an operator; all cores by default. */
  readonly threads?: number;
  /** What computes, the CPU by default; refused where it is not there. */
  readonly device?: Device;
  /** What computes instead of onnxruntime-node; `threads` and `device` are its own business then. */
  readonly runtime?: Runtime;
  /** Rules by which the model is differentiated, for ops that lack one or are to have another: see `GRADIENT_RULES`. */
  readonly rules?: GradientTable;
}

/** A layer whose units can be ranked and masked. */
export interface LayerInfo {
  /** "layer4", or the tensor's own name in an .onnx. */
  readonly name: string;
  /** How many units it has. */
  readonly units: number;
  /** Dimensions of one image's value: [D], [D, H, W] or [T, D], where D are the units. */
  readonly dims: readonly number[];
}

/** Where the noise of a randomised model comes from, and how many images are computed at once. */
export interface LogitsOptions {
  /** Seed of a randomised model's noise; 0 by default. Another model does not look at it. */
  readonly seed?: number;
  /** Index of each image in its data set, which its noise is drawn by; 0, 1, 2, ... by default. */
  readonly indices?: ArrayLike<number>;
  /** Images computed at once; 64 by default. */
  readonly batchSize?: number;
}

/** What a loss is to be differentiated at. */
export interface GradientQuery extends LogitsOptions {
  /** Images [N, C, H, W] in [0, 1], row-major. */
  readonly x: Float32Array;
  /** The class of each image, [N]. */
  readonly labels: ArrayLike<number>;
  /** Cross-entropy ("ce") by default; see `LossName`. */
  readonly loss?: LossName;
  /** [N] classes aimed at, for "dlr-targeted" and "difference". */
  readonly targets?: ArrayLike<number>;
  /** [N, classes] probabilities to leave, for "gama". */
  readonly references?: Float32Array;
  /** [N] what leaving them counts, for "gama". */
  readonly weights?: Float32Array;
}

/**
 * A classifier ready to compute: as it was trained, or defended. It computes in the thread that calls it, which waits while
 * the runtime does. Native memory is behind it: `release` it, or say `await using`.
 */
export interface OpenModel extends AsyncDisposable {
  /** For a reader: "CIFAR ResNet-18, width 8". */
  readonly architecture: string;
  /** Classes it tells apart. */
  readonly classes: number;
  /** [C, H, W] of the images it takes. */
  readonly imageShape: ImageShape;
  /** Layers that can be ranked and masked. */
  readonly layers: readonly LayerInfo[];
  /** What a reader should know of how it was read: prefixes stripped, half precision widened. */
  readonly notes: readonly string[];
  /** Whether two evaluations of an image may differ (randomised smoothing); its noise is that of a seed and an index. */
  readonly randomised: boolean;
  /**
   * Logits [N, classes] of images [N, C, H, W] in [0, 1]; however many are computed at once, they are the same up to the
   * rounding of float32. Rejects with InputError where lengths do not fit or the model was released.
   */
  logits(x: Float32Array, options?: LogitsOptions): Promise<Float32Array>;
  /**
   * Loss [N], logits [N, classes] and the gradient [N, C, H, W] of each image's loss with respect to the image. Rejects
   * with InputError where lengths do not fit, a label is no class, or a loss lacks what it takes; with GraphError where an
   * op of the model has no gradient rule.
   */
  gradient(query: GradientQuery): Promise<LossGradient>;
  /** Lets go of the native memory once what is in hand is done. More than once does no harm. */
  release(): Promise<void>;
  /** `release`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const OPTIONS = ['normalize', 'layout', 'stateDict', 'layer', 'imageShape', 'threads', 'device', 'runtime', 'rules'];

const computeSchema = z.object({
  threads: z.int().positive().optional(),
  device: z.enum(DEVICES).optional(),
  imageShape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]).optional(),
});

/**
 * Opens a PyTorch checkpoint or an ONNX classifier of images. A pickle is read and never executed; nothing is computed yet.
 * Rejects with CheckpointError, GraphError or ConfigError (all InputErrors) where the model cannot be used as it is.
 *
 * @example
 * ```js
 * await using model = await openModel('resnet18.pt');
 * const logits = await model.logits(images);
 * ```
 */
export async function openModel(source: ModelSource, options: OpenModelOptions = {}): Promise<OpenModel> {
  return openRuntimeModel(source, options);
}

/** The same, with what the other functions of the library look into. */
export async function openRuntimeModel(source: ModelSource, options: OpenModelOptions = {}): Promise<RuntimeModel> {
  knownOptions(options, OPTIONS, 'openModel');
  const { threads = availableParallelism(), device = 'cpu' } = parsed(computeSchema, options, 'openModel');
  if (options.runtime !== undefined && (options.threads !== undefined || options.device !== undefined))
    throw new InputError('openModel: "threads" and "device" are for onnxruntime-node: give them, or "runtime"');
  const classifier = await readClassifier(source, options);
  const { runtime = onnxRuntime({ threads, device }), rules } = options;
  const evaluated = { ...baseModel(classifier), ...(rules && { rules }) };
  return new RuntimeModel({ classifier, evaluated, runtime, rules });
}

async function readClassifier(source: ModelSource, options: OpenModelOptions): Promise<Classifier> {
  const { normalize, layout } = options;
  const input = parsed(z.strictObject(inputSchema), { normalize, layout }, 'openModel');
  const { layer, imageShape, stateDict } = options;
  const spec = { ...input, layer, imageShape };
  if (source instanceof Uint8Array) return classifierFromOnnx(decodeModel(source, 'model.onnx'), 'model.onnx', spec);
  if (typeof source === 'string') return openClassifier({ path: await localPath(source), stateDict, ...spec });
  throw new InputError(`the model is ${describe(source)}: give the path of a checkpoint or .onnx, or an .onnx's bytes`);
}

/** An open model as it is; what a model's source names, opened. */
export async function asOpenModel(model: OpenModel | ModelSource, options?: OpenModelOptions): Promise<RuntimeModel> {
  if (!(model instanceof RuntimeModel)) return openRuntimeModel(requireSource(model), options);
  if (options !== undefined && Object.keys(options).length > 0)
    throw new InputError('the model is open already: what says how to open one goes with a path or bytes');
  return model;
}

function requireSource(model: OpenModel | ModelSource): ModelSource {
  if (typeof model === 'string' || model instanceof Uint8Array) return model;
  throw new InputError(`the model is ${describe(model)}: give one that openModel or defend has made, a path, or bytes`);
}
