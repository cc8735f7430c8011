import { CheckpointError } from '../../errors.ts';
import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import { appendMember, type MixtureMember, memberAt, requireSameClasses, usualOf } from './mixtures.ts';
import { preActivationBlock } from './pre-activation.ts';

/**
 * Adaptive smoothing (Bai et al., arXiv:2301.12554; https://github.com/Bai-YT/AdaptiveSmoothing): a precise and a robust network, `models.0`
 * and `models.1`, mixed by a share that a network of its own, `policy_net`, makes of their features.
 */
export function adaptiveMixtureOf(architectures: readonly Architecture[]): Architecture {
  return {
    name: 'adaptive-mixture',
    imageShape: [3, 32, 32],
    preparesImages: true,
    usual: (state) => usualOf(state, 'models.1', architectures),
    recognises: (state) =>
      state.has('policy_net.conv1x1.weight') &&
      ['models.0', 'models.1'].every((module) => memberAt(state, module, architectures) !== undefined),
    build(network, x) {
      const [precise, robust] = ['models.0', 'models.1'].map((module) =>
        appendMember(network, x, memberAt(network.state, module, architectures) as MixtureMember),
      ) as [Body, Body];
      return build(network, precise, robust);
    },
  };
}

function build(network: NetworkBuilder, precise: Body, robust: Body): Body {
  requireSameClasses(network, precise, robust);
  const { graph } = network;
  const share = robustShare(network, precise, robust);
  const mixed = graph.op('Add', [
    graph.op('Mul', [graph.op('Sub', [graph.constant(1), share]), probabilities(network, precise, 'std_scale')]),
    graph.op('Mul', [share, probabilities(network, robust, 'rob_scale')]),
  ]);
  return {
    description: `adaptive mixture of ${precise.description} and ${robust.description}`,
    logits: graph.op('Log', [mixed], {}, { outputs: [network.named('logits')] }),
    layers: [...precise.layers, ...robust.layers],
  };
}

function probabilities(network: NetworkBuilder, { logits }: Body, scale: string): string {
  const scaled = network.graph.op('Mul', [logits, network.parameter(scale, [])]);
  return network.graph.op('Softmax', [scaled], { axis: 1 });
}

/** alpha [N, 1]: sigmoid of a normalised score, in the range that `alpha_scale` and `alpha_bias` leave it. */
function robustShare(network: NetworkBuilder, precise: Body, robust: Body): string {
  const { graph } = network;
  const scalar = (name: string) => network.parameter(name, []);
  const line = (x: string, scale: string, bias: string) => graph.op('Add', [graph.op('Mul', [x, scale]), bias]);
  const score = mixingScore(network.member('policy_net.'), precise, robust);
  const centred = graph.op('Sub', [score, network.parameter('bn.running_mean', [1])]);
  const variance = graph.op('Add', [network.parameter('bn.running_var', [1]), graph.constant(1e-5)]);
  const normed = graph.op('Div', [centred, graph.op('Sqrt', [variance])]);
  const gamma = line(normed, scalar('gamma_scale'), scalar('gamma_bias'));
  return line(graph.op('Sigmoid', [gamma]), scalar('alpha_scale'), scalar('alpha_bias'));
}

/** Its blocks activate identities too: their shortcut is an empty Sequential behind the activation. */
const MIXING_BLOCK = preActivationBlock({
  steps: [
    { norm: 'bn1', conv: 'conv1' },
    { norm: 'bn2', conv: 'conv2' },
  ],
  shortcut: { conv: 'shortcut.0', reads: 'activated' },
  identity: 'activated',
  activation: 'relu',
});

/** [N, 1] from the features behind the first and the second stage of both networks. */
function mixingScore(network: NetworkBuilder, precise: Body, robust: Body): string {
  const stage = (body: Body, index: number) => {
    const layer = body.layers[index];
    if (layer?.dims.length !== 3) throw new CheckpointError(`mixes features that ${body.description} does not have`);
    return layer.tensor;
  };
  const both = (index: number) =>
    network.graph.op('Concat', [stage(precise, index), stage(robust, index)], { axis: 1 });
  const first = network.stages(both(0), ['layers.0'], MIXING_BLOCK, { first: 2 }).outputs[0];
  const joint = network.add(first, network.conv(both(1), 'conv1x1', { kernel: 1 }), 'features');
  const { outputs } = network.stages(joint, ['layers.1', 'layers.2'], MIXING_BLOCK, { first: 2 });
  return network.linear(network.globalAverage(outputs[1]), 'linear');
}
