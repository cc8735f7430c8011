import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import { appendMember, type MixtureMember, memberAt, requireSameClasses, usualOf } from './mixtures.ts';

/** Mean and variance of logits are those of the largest, at most so many (`ln_k`). */
const LARGEST = 250;

/**
 * MixedNUTS (Bai et al., arXiv:2402.02263; https://github.com/Bai-YT/MixedNUTS): the class that a precise network decides on, and the probabilities of a
 * robust one behind a transformation of its logits, mixed by the share `_alpha`. Through the decision flows no gradient.
 */
export function mixedNutsOf(architectures: readonly Architecture[]): Architecture {
  return {
    name: 'mixed-nuts',
    imageShape: [3, 32, 32],
    preparesImages: true,
    usual: (state) => usualOf(state, 'rob_model', architectures),
    recognises: (state) =>
      state.has('_alpha') &&
      ['std_model', 'rob_model'].every((module) => memberAt(state, module, architectures) !== undefined),
    build(network, x) {
      const [precise, robust] = ['std_model', 'rob_model'].map((module) =>
        appendMember(network, x, memberAt(network.state, module, architectures) as MixtureMember),
      ) as [Body, Body];
      return build(network, precise, robust);
    },
  };
}

function build(network: NetworkBuilder, precise: Body, robust: Body): Body {
  requireSameClasses(network, precise, robust);
  const { graph } = network;
  const alpha = network.parameter('_alpha', []);
  const rest = graph.op('Sub', [graph.constant(1), alpha]);
  const logProbability = graph.op('LogSoftmax', [transformed(network, robust.logits)], { axis: 1 });
  // log(alpha p), and log((1 - alpha) + alpha p) where the precise network decides: no probability underflows on the way.
  const share = graph.op('Add', [logProbability, graph.op('Log', [alpha])]);
  const decided = graph.op('Log', [graph.op('Add', [rest, graph.op('Exp', [share])])]);
  const isDecided = graph.op('Greater', [graph.op('Hardmax', [precise.logits], { axis: 1 }), graph.constant(0.5)]);
  return {
    description: `MixedNUTS of ${precise.description} and ${robust.description}`,
    logits: graph.op('Where', [isDecided, decided, share], {}, { outputs: [network.named('logits')] }),
    layers: [...precise.layers, ...robust.layers],
  };
}

/** s sign(g) |g|^p of g = GELU(z + c), where z are the logits with mean 0 and variance 1. */
function transformed(network: NetworkBuilder, logits: string): string {
  const { graph } = network;
  const parameter = (name: string) => network.parameter(`rob_map.${name}`, []);
  const shifted = graph.op('Add', [standardized(network, logits), parameter('clamp_bias')]);
  const clamped = graph.op('Gelu', [shifted]);
  const powered = graph.op('Pow', [graph.op('Abs', [clamped]), parameter('power')]);
  const signed = graph.op('Mul', [powered, graph.op('Sign', [clamped])]);
  return graph.op('Mul', [signed, parameter('scale')]);
}

/** Less the mean of the largest, over their standard deviation (n - 1). */
function standardized(network: NetworkBuilder, logits: string): string {
  const { graph } = network;
  const count = Math.min(LARGEST, network.channels(logits));
  const [largest] =
    count === network.channels(logits)
      ? [logits]
      : graph.ops('TopK', [logits, graph.ints([count])], {
          attributes: { axis: 1 },
          outputs: [graph.fresh('largest'), graph.fresh('places')],
        });
  const axis = graph.ints([1]);
  const mean = graph.op('ReduceMean', [largest!, axis], { keepdims: 1 });
  const squares = graph.op('ReduceSumSquare', [graph.op('Sub', [largest!, mean]), axis], { keepdims: 1 });
  const variance = graph.op('Mul', [squares, graph.constant(1 / (count - 1))]);
  const deviation = graph.op('Sqrt', [graph.op('Add', [variance, graph.constant(1e-8)])]);
  return graph.op('Div', [graph.op('Sub', [logits, mean]), deviation]);
}
