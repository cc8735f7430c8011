import type { ModuleInfo } from '../checkpoints/module-info.ts';
import { type StateDict, type WantedSize, weight } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { float, type GraphBuilder } from '../onnx/builder.ts';
import { isBatch } from '../onnx/graph.ts';
import type { Normalization } from '../schemas/model-options.ts';
import { appendActivation } from './activations.ts';
import { type ImageShape, type MaskLayer, maskLayer } from './classifier.ts';
import { requireGeometry } from './module-evidence.ts';
import type { Reading } from './reading.ts';

export interface ConvOptions {
  /** Side of the kernel that the architecture has here: a file with another is of another architecture. */
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

/** Appends one block and returns its output; `name` is the block's module path. */
export type ResidualBlock = (network: NetworkBuilder, x: string, name: string, stride: number) => string;

/** A BatchNorm, by its module, and the value that it normalises. */
export interface BatchNormSite {
  readonly module: string;
  readonly input: string;
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
  readonly used = new Set<string>();
  /** Every BatchNorm so far. */
  readonly norms: BatchNormSite[] = [];

  readonly #modules: ReadonlyMap<string, ModuleInfo>;

  /** `modules` are those of a network that was pickled whole: what they say is held against what is built. */
  constructor(graph: GraphBuilder, state: StateDict, reading: Reading, modules: readonly ModuleInfo[] = []) {
    this.graph = graph;
    this.state = state;
    this.reading = reading;
    this.#modules = new Map(modules.map((info) => [info.path, info]));
  }

  /** Conv2d; the width comes from the weight's shape. */
  conv(x: string, module: string, { kernel, stride = 1, padding = 0 }: ConvOptions): string {
    const weight = this.#parameter(`${module}.weight`, ['*', this.#channels(x), kernel, kernel]);
    const info = this.#modules.get(module);
    if (info !== undefined) requireGeometry(info, { stride, padding, groups: 1 });
    const [width] = weight.dims as [number, number, number, number];
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: Array(4).fill(padding) };
    const inputs = [x, weight.name, ...this.#bias(module, width)];
    return this.graph.op('Conv', inputs, attributes, { outputs: [module] });
  }

  /** BatchNorm2d as it is at inference. */
  batchNorm(x: string, module: string): string {
    const channels = this.#channels(x);
    const parameters = ['weight', 'bias', 'running_mean', 'running_var'];
    const inputs = parameters.map((name) => this.#parameter(`${module}.${name}`, [channels]).name);
    const attributes = { epsilon: float(this.reading.choose('epsilon', BATCH_NORM_EPSILON)) };
    this.norms.push({ module, input: x });
    return this.graph.op('BatchNormalization', [x, ...inputs], attributes, { outputs: [module] });
  }

  /** The network's activation. */
  activate(x: string): string {
    const activation = this.reading.choose('activation', 'relu');
    const slope = activation === 'leaky-relu' ? this.reading.choose('slope', LEAKY_SLOPE) : 0;
    return appendActivation(this.graph, x, activation, slope);
  }

  add(a: string, b: string, module: string): string {
    return this.graph.op('Add', [a, b], {}, { outputs: [`${module}.sum`] });
  }

  maxPool(x: string, kernel: number, stride: number, padding: number): string {
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: Array(4).fill(padding) };
    return this.graph.op('MaxPool', [x], attributes, { outputs: ['maxpool'] });
  }

  /** Mean over all pixels: [N, C, H, W] to [N, C]. */
  globalAverage(x: string): string {
    const pooled = this.graph.op('GlobalAveragePool', [x], {}, { outputs: ['avgpool'] });
    return this.graph.op('Flatten', [pooled], { axis: 1 }, { outputs: ['features'] });
  }

  linear(x: string, module: string): string {
    const weight = this.#parameter(`${module}.weight`, ['*', this.#channels(x)]);
    const inputs = [x, weight.name, ...this.#bias(module, weight.dims[0]!)];
    return this.graph.op('Gemm', inputs, { transB: 1 }, { outputs: ['logits'] });
  }

  /**
   * Stages of residual blocks named `${stage}.0`, `${stage}.1`, ...; every stage but the first halves the resolution in its
   * first block. Gives the output of each stage and the number of blocks in all.
   */
  stages<const Names extends readonly string[]>(
    x: string,
    names: Names,
    block: ResidualBlock,
  ): { outputs: { readonly [Index in keyof Names]: string }; blocks: number } {
    let h = x;
    let blocks = 0;
    const outputs = names.map((stage, index) => {
      const count = this.#count(stage);
      for (let i = 0; i < count; i++) h = block(this, h, `${stage}.${i}`, index > 0 && i === 0 ? 2 : 1);
      blocks += count;
      return h;
    });
    return { outputs: outputs as { [Index in keyof Names]: string }, blocks };
  }

  /** These values as layers that can be masked. */
  layers(tensors: Readonly<Record<string, string>>): MaskLayer[] {
    return Object.entries(tensors).map(([name, tensor]) => maskLayer(name, tensor, this.graph.shape(tensor)));
  }

  has(name: string): boolean {
    return this.state.has(name);
  }

  /** First dimension of a weight: its output channels. */
  width(name: string): number {
    const dim = this.state.get(name)?.dims[0];
    if (dim === undefined) throw new CheckpointError(`has no weight "${name}" of one dimension or more`);
    return dim;
  }

  /** Number of `${prefix}.0.`, `${prefix}.1.`, ... in the state dict. */
  #count(prefix: string): number {
    let count = 0;
    while ([...this.state.keys()].some((name) => name.startsWith(`${prefix}.${count}.`))) count++;
    if (count === 0) throw new CheckpointError(`no weights under "${prefix}.0": the checkpoint lacks a whole stage`);
    return count;
  }

  #channels(x: string): number {
    const dim = this.graph.shape(x)[1];
    if (dim === undefined || isBatch(dim)) throw new Error(`"${x}" has no channels`);
    return dim;
  }

  #bias(module: string, width: number): string[] {
    return this.has(`${module}.bias`) ? [this.#parameter(`${module}.bias`, [width]).name] : [];
  }

  #parameter(name: string, dims: readonly WantedSize[]): { name: string; dims: readonly number[] } {
    const tensor = weight(this.state, name, dims);
    this.used.add(name);
    return { name: this.graph.initializer(name, tensor), dims: tensor.dims };
  }
}

/** The weights under one prefix, by name. */
export interface WeightNames {
  has(name: string): boolean;
  get(name: string): Tensor | undefined;
  keys(): Iterable<string>;
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
  /** Usual normalisation, where neither file nor user says another; none by default. */
  readonly normalization?: Normalization;
  /** Appends the network to the builder. Throws CheckpointError naming a weight that is missing, misshapen or not finite. */
  build(network: NetworkBuilder, x: string): Body;
}
