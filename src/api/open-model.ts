import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { baseModel } from '../defense/defended-model.ts';
import { InputError } from '../errors.ts';
import type { Classifier, ImageShape } from '../models/classifier.ts';
import { classifierFromOnnx } from '../models/from-onnx.ts';
import type { GradientTable } from '../onnx/autodiff/rule.ts';
import { decodeModel } from '../onnx/codec/model.ts';
import type { Runtime } from '../onnx/runtime.ts';
import { onnxOfZoo, openClassifier, requireOnnxNames } from '../runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../runtime/session.ts';
import { type BinaryOutput, DEVICES, type Device, inputSchema } from '../schemas/config.ts';
import { type ModelOptions, modelOptionsSchema } from '../schemas/model-options.ts';
import { localPath } from '../stores/open.ts';
import { describe, knownOptions, parsed } from './arguments.ts';
import type { OpenModel } from './model.ts';
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
  /** What the weights of a checkpoint do not tell; the architecture's usual where left out. `model.reading` says what was assumed. */
  readonly model?: ModelOptions;
  /** The id of a model of RobustBench, "cifar10/Linf/Carmon2019Unlabeled": its table says what the weights of its file do not. */
  readonly zoo?: string;
  /** For an .onnx with several outputs: the one that is the logits. */
  readonly output?: string;
  /**
   * For an .onnx: `0..255` feeds it 255 times the images in [0, 1], not rounded; one that wants uint8 is refused without it.
   */
  readonly inputRange?: '0..1' | '0..255';
  /**
   * What the one output of a model of two classes is, which is refused without it: it is read as logits [0, z], z being the
   * `logit` itself, or what the sigmoid of the `probability` reads.
   */
  readonly binary?: BinaryOutput;
  /** The size, or [height, width], at which an .onnx is read that leaves it open; `imageShape` says it as well. */
  readonly imageSize?: number | readonly [number, number];
  /** The keys, joined by dots, that lead to the state dict, for checkpoints that hold several: "ema.model". */
  readonly stateDict?: string;
  /** For an .onnx: the tensor, node or module that is to be ranked and masked. Without it, what is worth ranking is offered. */
  readonly layer?: string;
  /**
   * For an .onnx: the axis of the layer's value that its units are, the batch being 0 and -1 the last. What the graph tells where
   * left out; a layer that it does not tell of is refused.
   */
  readonly layerAxis?: number;
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

const OPTIONS = [
  ...[...Object.keys(inputSchema), 'stateDict', 'model', 'zoo', 'layer', 'layerAxis', 'imageShape'],
  ...['threads', 'device', 'runtime', 'rules'],
];

const computeSchema = z.object({
  layerAxis: z.int().optional(),
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
async function openRuntimeModel(source: ModelSource, options: OpenModelOptions = {}): Promise<RuntimeModel> {
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
  const schema = z.object({ ...inputSchema, model: modelOptionsSchema.optional(), zoo: z.string().optional() });
  const { zoo: id, ...input } = parsed(schema, options, 'openModel');
  const { layer, layerAxis, imageShape, stateDict } = options;
  const spec = { ...input, layer, layerAxis, imageShape };
  if (source instanceof Uint8Array) {
    requireOnnxNames({ zoo: id, stateDict }, 'model.onnx');
    return onnxOfZoo(classifierFromOnnx(decodeModel(source, 'model.onnx'), 'model.onnx', spec), id, 'model.onnx');
  }
  if (typeof source === 'string') return openClassifier({ path: await localPath(source), zoo: id, stateDict, ...spec });
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
