import type { StateDict } from '../checkpoints/index.ts';
import type { InputOptions } from '../contracts/config.ts';
import type { Model } from '../onnx/graph.ts';
import type { MaskLayer } from './mask-layer.ts';
import type { NetworkBuilder } from './network-builder.ts';

/** [C, H, W] */
export type ImageShape = readonly [number, number, number];

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
  readonly layers: readonly MaskLayer[];
  /** What a reader should know of how it was read: prefixes stripped, half precision widened. */
  readonly notes: readonly string[];
}

/** A model file and how to read it. */
export interface ClassifierSpec extends Partial<InputOptions> {
  readonly path: string;
  /** The keys that lead to the state dict, for checkpoints that hold several. */
  readonly stateDict?: string | undefined;
  /** A layer to mask; for an .onnx, the name of a tensor or node. */
  readonly layer?: string | undefined;
  /** [C, H, W] of the images it will see; the architecture's own by default. */
  readonly imageShape?: ImageShape | undefined;
}

/** What an architecture leaves in the network builder. */
export interface Body {
  readonly description: string;
  readonly logits: string;
  readonly layers: readonly MaskLayer[];
}

/** One file per architecture and one line in the table of `from-checkpoint.ts`. */
export interface Architecture {
  readonly name: string;
  /** Decided by the names (and at most the shapes) of the weights; nothing is read from flags. */
  recognises(state: StateDict): boolean;
  /** Image size where no data set says otherwise. */
  readonly imageShape: ImageShape;
  /** Normalisation that belongs to the model, unless the config gives another. */
  readonly normalize?: InputOptions['normalize'];
  /** Appends the network to the builder. Throws CheckpointError naming a weight that is missing, misshapen or not finite. */
  build(network: NetworkBuilder, x: string): Body;
}
