import { CheckpointError } from '../../errors.ts';
import { isBatch } from '../../onnx/graph.ts';
import type { ModelOptions } from '../../schemas/model-options.ts';
import { normalizationIn } from '../file-normalization.ts';
import { type Architecture, type Body, type NetworkBuilder, namesBelow, type WeightNames } from '../network-builder.ts';
import { appendNormalization, formatStatistics, namedNormalization } from '../normalization.ts';

/** A network of a mixture: its module, what it is, and where its weights lie. */
export interface MixtureMember {
  readonly module: string;
  readonly prefix: string;
  readonly architecture: Architecture;
}

/** The network under `module`, there or in a module called `model` behind its normalisation. */
export function memberAt(
  state: WeightNames,
  module: string,
  architectures: readonly Architecture[],
): MixtureMember | undefined {
  for (const prefix of [`${module}.`, `${module}.model.`]) {
    const names = namesBelow(state, prefix);
    const architecture = architectures.find((candidate) => candidate.recognises(names));
    if (architecture !== undefined) return { module, prefix, architecture };
  }
  return undefined;
}

/** What is usual of the network under `module`. */
export function usualOf(state: WeightNames, module: string, architectures: readonly Architecture[]): ModelOptions {
  const member = memberAt(state, module, architectures);
  return member?.architecture.usual?.(namesBelow(state, member.prefix)) ?? {};
}

/** Side to which images are enlarged for a BiT: https://github.com/Bai-YT/AdaptiveSmoothing, https://github.com/Bai-YT/MixedNUTS. */
const BIT_SIDE = 128;

/** Appends one network of a mixture, on images of the size and the normalisation that it wants. */
export function appendMember(network: NetworkBuilder, x: string, member: MixtureMember): Body {
  const { module, prefix, architecture } = member;
  const sized = architecture.name === 'bit' ? enlarged(network, x, BIT_SIDE) : x;
  const below = network.member(`${module}.`);
  const inner = prefix.slice(module.length + 1);
  const sought = { state: below.state, modules: [], prefix: inner, channels: network.channels(x) };
  const { own: file } = normalizationIn(sought);
  for (const name of file?.names ?? []) network.used.add(below.named(name));
  const usual = architecture.usual?.(namesBelow(network.state, prefix)).normalization ?? architecture.normalization;
  const normalization = file ?? namedNormalization(usual ?? 'none', network.channels(x));
  const shown = typeof normalization === 'string' ? normalization : formatStatistics(normalization);
  network.reading.note(`normalization of ${module}`, shown, file === undefined ? 'assumed' : 'file');
  const prepared = appendNormalization(network.graph, sized, normalization, shapeOf(network, sized));
  const body = architecture.build(network.member(prefix), prepared);
  return { ...body, layers: body.layers.map((layer) => ({ ...layer, name: `${module}.${layer.name}` })) };
}

function shapeOf({ graph }: NetworkBuilder, x: string): [number, number, number] {
  const dims = graph
    .shape(x)
    .slice(1)
    .map((dim) => (isBatch(dim) ? 0 : dim));
  return dims as [number, number, number];
}

/** torch.nn.functional.interpolate, bilinear. */
function enlarged(network: NetworkBuilder, x: string, side: number): string {
  const { graph } = network;
  const [, height, width] = shapeOf(network, x);
  if (height === side && width === side) return x;
  if (side % height !== 0 || side % width !== 0) {
    throw new CheckpointError(
      `enlarges its images to ${side} x ${side}, which igd does from a fraction of that, not from ${height} x ${width}`,
    );
  }
  const scales = graph.constant([1, 1, side / height, side / width]);
  return graph.op('Resize', [x, '', scales], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' });
}

/** The same number of classes is what a mixture needs. */
export function requireSameClasses(network: NetworkBuilder, a: Body, b: Body): void {
  const [left, right] = [network.channels(a.logits), network.channels(b.logits)];
  if (left === right) return;
  throw new CheckpointError(`mixes networks of ${left} and of ${right} classes`);
}
