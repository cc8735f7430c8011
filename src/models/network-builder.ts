import type { ModuleInfo } from '../checkpoints/module-info.ts';
import { requireVariances, type StateDict, type WantedSize, weight } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import type { Tensor, TypedTensor } from '../numeric/tensor.ts';
import { float, type GraphBuilder } from '../onnx/builder.ts';
import { isBatch } from '../onnx/graph.ts';
import type { ModelOptions, Normalization } from '../schemas/model-options.ts';
import { appendActivation } from './activations.ts';
import { type ImageShape, type MaskLayer, maskLayer } from './classifier.ts';
import { requireGeometry } from './module-evidence.ts';
import { Pools, type Window } from './pools.ts';
import { Reading } from './reading.ts';

export interface ConvOptions {
  /** Side of the kernel that the architecture has here: a file with another is of another architecture. */
  readonly kernel: number;
  readonly stride?: number;
  /** Zeros around the image; `end`: what TensorFlow's SAME adds to an even size, at the lower right first. */
  readonly padding?: number | 'end';
  /** `any`: as many as the weight's shape tells; one by default. */
  readonly groups?: 'any';
  /** What is done to its weight first. */
  readonly transform?: WeightTransform;
}

/** Another weight of the same shape. */
type WeightTransform = (weight: TypedTensor<'float32'>) => TypedTensor<'float32'>;

/** What is particular about a BatchNorm. */
export interface BatchNormOptions {
  /** Whether it has a weight and a bias. */
  readonly affine?: boolean;
}

/** What is particular about the stages of a network. */
export interface StageOptions {
  /** Stride of the first stage. */
  readonly first?: number;
  /** What stands between the name of a stage and the number of a block. */
  readonly separator?: string;
}

/** Appends one block and returns its output; `name` is the block's module path. */
export type ResidualBlock = (network: NetworkBuilder, x: string, name: string, stride: number) => string;

/** How a network is read, and the network that it is a part of. */
interface NetworkOptions {
  readonly reading?: Reading;
  readonly modules?: readonly ModuleInfo[];
  readonly within?: { readonly network: NetworkBuilder; readonly prefix: string };
}

/** Epsilon of torch.nn.BatchNorm2d. */
const BATCH_NORM_EPSILON = 1e-5;

/** Negative slope of torch.nn.LeakyReLU. */
const LEAKY_SLOPE = 0.01;

/**
 * The modules of torch.nn on a graph builder, their weights looked up by module name. A value carries the name of the
 * module that made it, so that graphs can be read beside the PyTorch code.
 */
export class NetworkBuilder {
  readonly graph: GraphBuilder;
  readonly state: StateDict;
  /** How what the weights do not tell is decided. */
  readonly reading: Reading;
  /** Names of the tensors that went into the graph. */
  readonly used: Set<string>;
  readonly pools: Pools;
  /** What stands in front of its names: of one network among others, where it lies. */
  readonly #scope: string;
  /** Modules of a network that was pickled whole: what they say is held against what is built. */
  readonly #modules: ReadonlyMap<string, ModuleInfo>;

  constructor(
    graph: GraphBuilder,
    state: StateDict,
    { reading = new Reading(), within, modules = [] }: NetworkOptions = {},
  ) {
    this.graph = graph;
    this.state = state;
    this.reading = reading;
    this.used = within?.network.used ?? new Set();
    this.pools = within?.network.pools ?? new Pools();
    const inside = modules.filter(({ place }) => place === undefined);
    this.#scope = within === undefined ? '' : within.network.named(within.prefix);
    this.#modules = within === undefined ? new Map(inside.map((info) => [info.path, info])) : within.network.#modules;
  }

  /** Conv2d; the width comes from the weight's shape. */
  conv(x: string, module: string, { kernel, stride = 1, padding = 0, groups, transform }: ConvOptions): string {
    const channels = this.channels(x);
    const inner = groups === undefined ? channels : '*';
    const weight = this.parameter(`${module}.weight`, ['*', inner, kernel, kernel], transform);
    const [width, perGroup] = this.graph.shape(weight) as readonly [number, number, number, number];
    const info = this.#modules.get(this.named(module));
    if (info !== undefined) requireGeometry(info, { stride, padding, groups: channels / perGroup });
    const pads = padding === 'end' ? endPads(kernel, stride) : Array<number>(4).fill(padding);
    const grouped = channels === perGroup ? {} : { group: channels / perGroup };
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads, ...grouped };
    const inputs = [x, weight, ...this.#bias(module, width)];
    return this.graph.op('Conv', inputs, attributes, { outputs: [this.named(module)] });
  }

  /** BatchNorm2d as it is at inference. */
  batchNorm(x: string, module: string, { affine = true }: BatchNormOptions = {}): string {
    const channels = this.channels(x);
    const parameter = (name: string) => this.parameter(`${module}.${name}`, [channels]);
    const same = (value: number) => this.graph.constant(Array<number>(channels).fill(value));
    requireVariances(this.state, `${module}.running_var`);
    const scale = affine ? [parameter('weight'), parameter('bias')] : [same(1), same(0)];
    const inputs = [...scale, parameter('running_mean'), parameter('running_var')];
    const attributes = { epsilon: float(this.reading.choose('epsilon', BATCH_NORM_EPSILON)) };
    return this.graph.op('BatchNormalization', [x, ...inputs], attributes, { outputs: [this.named(module)] });
  }

  /** The network's activation. */
  activate(x: string): string {
    const activation = this.reading.choose('activation', 'relu');
    const slope = activation === 'leaky-relu' ? this.reading.choose('slope', LEAKY_SLOPE) : 0;
    return appendActivation(this.graph, x, activation, slope);
  }

  /** A ReLU that is one whatever the network's activation. */
  relu(x: string): string {
    return appendActivation(this.graph, x, 'relu', 0);
  }

  add(a: string, b: string, module: string): string {
    return this.graph.op('Add', [a, b], {}, { outputs: [this.named(`${module}.sum`)] });
  }

  maxPool(x: string, kernel: number, stride: number, padding: number, module = 'maxpool'): string {
    const attributes = this.pools.addMaximum(this.named(module), { kernel, stride, padding });
    return this.graph.op('MaxPool', [x], attributes, { outputs: [this.named(module)] });
  }

  /** AvgPool2d: zeros around the image count as pixels. */
  averagePool(x: string, module: string, window: Window): string {
    const attributes = this.pools.addAverage(this.named(module), window);
    return this.graph.op('AveragePool', [x], { ...attributes, count_include_pad: 1 });
  }

  /** Mean over all pixels: [N, C, H, W] to [N, C]. */
  globalAverage(x: string): string {
    this.pools.last.push({ map: this.#mapOf(x), pooled: [1, 1] });
    const pooled = this.graph.op('GlobalAveragePool', [x], {}, { outputs: [this.named('avgpool')] });
    return this.graph.op('Flatten', [pooled], { axis: 1 }, { outputs: [this.named('features')] });
  }

  /** The last maps of a network that reads all their pixels: [N, C, H, W] to [N, C H W]. */
  flatten(x: string): string {
    const map = this.#mapOf(x);
    this.pools.last.push({ map, pooled: map });
    return this.graph.op('Flatten', [x], { axis: 1 }, { outputs: [this.named('features')] });
  }

  /** Linear; the value is named `logits` unless it is another layer's. */
  linear(x: string, module: string, output = 'logits'): string {
    const weight = this.parameter(`${module}.weight`, ['*', this.channels(x)]);
    const inputs = [x, weight, ...this.#bias(module, this.channels(weight, 0))];
    return this.graph.op('Gemm', inputs, { transB: 1 }, { outputs: [this.named(output)] });
  }

  /**
   * Stages of residual blocks named `${stage}.0`, `${stage}.1`, ...; every stage but the first halves the resolution in its
   * first block. Gives the output of each stage and the number of blocks in all.
   */
  stages<const Names extends readonly string[]>(
    x: string,
    names: Names,
    block: ResidualBlock,
    { first = 1, separator = '.' }: StageOptions = {},
  ): { outputs: { readonly [Index in keyof Names]: string }; blocks: number } {
    let h = x;
    let blocks = 0;
    const outputs = names.map((stage, index) => {
      const count = this.#count(`${stage}${separator}`);
      const stride = index > 0 ? 2 : first;
      for (let i = 0; i < count; i++) h = block(this, h, `${stage}${separator}${i}`, i === 0 ? stride : 1);
      blocks += count;
      return h;
    });
    return { outputs: outputs as { [Index in keyof Names]: string }, blocks };
  }

  /** These values as layers that can be masked, their units along `axis`, the batch being axis 0. */
  layers(tensors: Readonly<Record<string, string>>, axis?: number): MaskLayer[] {
    return Object.entries(tensors).map(([name, tensor]) => maskLayer(name, tensor, this.graph.shape(tensor), axis));
  }

  has(name: string): boolean {
    return this.state.has(name);
  }

  /** The weight of that name as a constant of the graph. Throws CheckpointError where it is missing, misshapen or not finite. */
  parameter(name: string, dims: readonly WantedSize[], transform?: WeightTransform): string {
    const tensor = weight(this.state, name, dims);
    const value = this.named(name);
    this.used.add(value);
    return this.graph.has(value) ? value : this.graph.initializer(value, transform?.(tensor) ?? tensor);
  }

  /** The name in the graph of a value, a weight or a module. */
  named(name: string): string {
    return this.#scope + name;
  }

  /** The network whose weights are those under `prefix`, in the same graph and read in the same way. */
  member(prefix: string): NetworkBuilder {
    const state = [...this.state].filter(([name]) => name.startsWith(prefix));
    const below = new Map(state.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
    return new NetworkBuilder(this.graph, below, { reading: this.reading, within: { network: this, prefix } });
  }

  /** Size of a value along an axis; its channels by default. */
  channels(x: string, axis = 1): number {
    const dim = this.graph.shape(x)[axis];
    if (dim === undefined || isBatch(dim)) throw new Error(`"${x}" has no channels`);
    return dim;
  }

  /** First dimension of a weight: its output channels. */
  width(name: string): number {
    const dim = this.state.get(name)?.dims[0];
    if (dim === undefined) throw new CheckpointError(`has no weight "${name}" of one dimension or more`);
    return dim;
  }

  /** Number of `${prefix}0.`, `${prefix}1.`, ... in the state dict. */
  #count(prefix: string): number {
    let count = 0;
    while ([...this.state.keys()].some((name) => name.startsWith(`${prefix}${count}.`))) count++;
    if (count === 0) throw new CheckpointError(`no weights under "${prefix}0": the checkpoint lacks a whole stage`);
    return count;
  }

  /** Height and width of a value [N, C, H, W]. */
  #mapOf(x: string): number[] {
    return [this.channels(x, 2), this.channels(x, 3)];
  }

  #bias(module: string, width: number): string[] {
    return this.has(`${module}.bias`) ? [this.parameter(`${module}.bias`, [width])] : [];
  }
}

/** Zeros at the start and the end of both axes that halve (or keep) an even size exactly. */
function endPads(kernel: number, stride: number): number[] {
  const total = kernel - stride;
  const [start, end] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return [start, start, end, end];
}

/** The weights under one prefix, by name. */
export interface WeightNames {
  has(name: string): boolean;
  get(name: string): Tensor | undefined;
  keys(): Iterable<string>;
}

/** Those under a prefix, without it. */
export function namesBelow(state: WeightNames, prefix: string): WeightNames {
  return {
    has: (name) => state.has(prefix + name),
    get: (name) => state.get(prefix + name),
    *keys() {
      for (const name of state.keys()) if (name.startsWith(prefix)) yield name.slice(prefix.length);
    },
  };
}

/** What an architecture leaves in the network builder. */
export interface Body {
  readonly description: string;
  readonly logits: string;
  readonly layers: readonly MaskLayer[];
}

/** One file per architecture and one line in `architectures/table.ts`. */
export interface Architecture {
  readonly name: string;
  /** Decided by the names (and at most the shapes) of the weights; nothing is read from flags. */
  recognises(state: WeightNames): boolean;
  /** Image size where no data set says otherwise. */
  readonly imageShape: ImageShape;
  /** The image size that the weights themselves are for, where they tell. */
  imageShapeOf?(state: WeightNames): ImageShape | undefined;
  /** Usual normalisation, where neither file nor user says another; none by default. */
  readonly normalization?: Normalization;
  /** Whether it prepares the images itself, each of its networks in another way: it has no normalisation then. */
  readonly preparesImages?: boolean;
  /** Prefixes of the networks that read the images behind one normalisation, where they are several. */
  members?(state: WeightNames): readonly string[];
  /** What is usual of other options, where that is not the usual of all architectures. */
  usual?(state: WeightNames): ModelOptions;
  /** Appends the network to the builder. Throws CheckpointError naming a weight that is missing, misshapen or not finite. */
  build(network: NetworkBuilder, x: string): Body;
}
