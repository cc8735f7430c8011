import { CheckpointError, ConfigError, GraphError, ModelError } from '../errors.ts';
import { sizeOf } from '../numeric/tensor.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Dim, formatDims, isBatch, type Model } from '../onnx/graph.ts';
import { randomInputs } from '../onnx/random-inputs.ts';
import type { InputOptions } from '../schemas/config.ts';
import type { ModelOptions } from '../schemas/model-options.ts';
import type { ReadingFact } from '../schemas/reading.ts';
import type { ZooFacts } from '../schemas/zoo/zoo.ts';
import { appendNormalization, type InputNormalization } from './normalization.ts';

/** [C, H, W] */
export type ImageShape = readonly [number, number, number];

/** The way out where images are grey and a model's are not, or the other way round. */
export const GREY_IMAGES =
  'a model of colour images reads grey ones three times over (numpy.repeat(x, 3, axis=1)); one of grey images reads no colours';

/**
 * A trained classifier as a canonical graph: one input [N, C, H, W] with values in [0, 1], one output, logits
 * [N, classes]. Whatever else the model wants of its input is inside the graph.
 */
export interface Classifier {
  /** For a reader: "CIFAR ResNet-18, width 16". */
  readonly architecture: string;
  readonly model: Model;
  readonly input: string;
  readonly logits: string;
  readonly imageShape: ImageShape;
  readonly classes: number;
  /** Whether its logits are [0, z], made of the one output of a model of two classes. */
  readonly isBinary?: boolean;
  readonly layers: readonly MaskLayer[];
  /** What a reader should know of how it was read: prefixes stripped, half precision widened. */
  readonly notes: readonly string[];
  /** What its weights did not tell, how it was decided, and by whom; empty for an .onnx, which tells everything. */
  readonly reading: readonly ReadingFact[];
}

/** How a model is to be read. */
export interface ClassifierOptions extends Partial<InputOptions> {
  /** A layer to mask; for an .onnx, the name of a tensor or node, or the path of a module. */
  readonly layer?: string | undefined;
  /** For an .onnx: the axis of the layer's value along which its units lie, the batch being axis 0; -1 is the last. */
  readonly layerAxis?: number | undefined;
  /** [C, H, W] of the images it will see; the architecture's own by default. */
  readonly imageShape?: ImageShape | undefined;
  /** What the weights of a checkpoint do not tell. */
  readonly model?: ModelOptions | undefined;
  /** The same of a model of the zoo, by its table. */
  readonly zoo?: ZooFacts | undefined;
}

/** What a value is in the network. */
export type LayerKind = 'block' | 'normalisation' | 'pooling' | 'features' | 'activation';

/** A place where masking may act. */
export interface MaskLayer {
  /** "layer4"; in a user's graph the path of a module, or the tensor's own name. */
  readonly name: string;
  readonly tensor: string;
  /** Dimensions of one image's value, without the batch: [D], [D, H, W], [H, W, D] or [T, D]. */
  readonly dims: readonly number[];
  /** Axis of `dims` along which the units lie. */
  readonly axis: number;
  /** D */
  readonly units: number;
  /** In a user's graph: what it is, and the path of the module it is made in, where exporters left it. */
  readonly kind?: LayerKind | undefined;
  readonly module?: string | undefined;
}

/**
 * The value `tensor` as a layer, its units along axis `unitAxis` of `shape`: 1 of [N, D] and [N, D, H, W], 2 of tokens [N, T, D]
 * where left out, as in our own architectures. Throws GraphError where it is no such value.
 */
export function maskLayer(name: string, tensor: string, shape: readonly Dim[], unitAxis?: number): MaskLayer {
  const dims = perImageDims(shape);
  if (dims === undefined) {
    throw new GraphError(
      `layer "${name}" is ${formatDims(shape)}: masks act on one value an image, [N, D], [N, D, H, W] or [N, T, D]`,
    );
  }
  const axis = (unitAxis ?? (dims.length === 2 ? 2 : 1)) - 1;
  const units = dims[axis];
  if (units === undefined) throw new GraphError(`layer "${name}" is ${formatDims(shape)}: it has no axis ${axis + 1}`);
  return { name, tensor, dims, axis, units };
}

/** The dimensions behind the batch of a value that masks can act on; undefined for any other. */
export function perImageDims([batch, ...rest]: readonly Dim[]): readonly number[] | undefined {
  const dims = rest.filter((dim): dim is number => !isBatch(dim));
  const isPerImage = batch !== undefined && isBatch(batch) && batch.batch === 1 && dims.length === rest.length;
  return isPerImage && dims.length >= 1 && dims.length <= 3 ? dims : undefined;
}

/** The axis of units in the layer's value, batch included, where it is not the one `maskLayer` takes where none is given. */
export function tellingAxis({ dims, axis }: Pick<MaskLayer, 'dims' | 'axis'>): { readonly axis?: number } {
  return axis === (dims.length === 2 ? 1 : 0) ? {} : { axis: axis + 1 };
}

/**
 * Throws ModelError where the model draws random numbers: `what` compares evaluations of one image, or runs parts of the model
 * apart, and a draw of each would be taken for the effect of a unit.
 */
export function requireDeterministic({ model }: Pick<Classifier, 'model'>, what: string): void {
  const draws = randomInputs(model.graph).length;
  if (draws === 0) return;
  throw new ModelError(
    `${model.graph.name} draws random numbers, and ${what}: evaluate it as it is, variants ["none"] with suite "rand", or ` +
      'export it without them (model.eval(), no noise)',
  );
}

/** Number of values between one unit and the next in row-major order. */
export function unitStride({ dims, axis }: MaskLayer): number {
  return dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
}

/** Name of the image input of every graph igd makes. */
export const IMAGE_INPUT = 'x';

/** What is done to the image input before the model reads it. */
export interface InputPreparation {
  readonly normalization: InputNormalization;
  readonly layout: InputOptions['layout'] | undefined;
}

/**
 * Appends the image input [N, C, H, W] in [0, 1] and, behind it, what the model wants done to it: (x - mean) / std per
 * channel or image, or times 255, then NHWC. Returns the value the model itself reads. Throws ConfigError where mean and std do
 * not fit the channels.
 */
export function appendInput(
  builder: GraphBuilder,
  shape: ImageShape,
  { normalization, layout }: InputPreparation,
): string {
  const images = builder.input(IMAGE_INPUT, [{ batch: 1 }, ...shape]);
  const x = appendNormalization(builder, images, normalization, shape);
  return layout === 'NHWC' ? builder.op('Transpose', [x], { perm: [0, 2, 3, 1] }) : x;
}

/** The model with `logits` as its one output. Layers are outputs only while passes run, to keep their values alive. */
export function withOnlyOutput(model: Model, logits: string): Model {
  const outputs = model.graph.outputs.filter(({ name }) => name === logits);
  return { ...model, graph: { ...model.graph, outputs } };
}

/** The layer of that name, or of the tensor of that name. Throws ConfigError listing those there are. */
export function layerOf(classifier: Classifier, name: string): MaskLayer {
  const layer = classifier.layers.find((candidate) => candidate.name === name);
  if (layer !== undefined) return layer;
  const byTensor = classifier.layers.find((candidate) => candidate.tensor === name);
  if (byTensor !== undefined) return { ...byTensor, name };
  const known = classifier.layers.map((candidate) => `${candidate.name} (${candidate.units} units)`);
  throw new ConfigError(
    `layer "${name}" is not in ${classifier.architecture}; its layers are ${known.join(', ') || 'none'}`,
  );
}

/** [n, ...dims] to [n, D], added up in float64. */
export function unitMeans(values: Float32Array, layer: MaskLayer): Float32Array {
  const size = sizeOf(layer.dims);
  const stride = unitStride(layer);
  const positions = size / layer.units;
  const sums = new Float64Array((values.length / size) * layer.units);
  for (let i = 0; i < values.length; i++) {
    const unit = Math.floor((i % size) / stride) % layer.units;
    sums[Math.floor(i / size) * layer.units + unit]! += values[i]!;
  }
  return Float32Array.from(sums, (sum) => sum / positions);
}

/** Throws CheckpointError where a file is not that of the zoo's model, which has `wanted` classes: its facts would be another's. */
export function requireZooClasses(classes: number, wanted: number | undefined): void {
  if (wanted === undefined || wanted === classes) return;
  throw new CheckpointError(
    `has ${classes} classes, the zoo's model ${wanted}: this is another file; leave "zoo" out, or name its model`,
  );
}
