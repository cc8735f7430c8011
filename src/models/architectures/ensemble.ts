import { CheckpointError } from '../../errors.ts';
import { type Architecture, type Body, type NetworkBuilder, namesBelow, type WeightNames } from '../network-builder.ts';

interface Member {
  readonly prefix: string;
  readonly architecture: Architecture;
}

/**
 * Networks under `models.0.`, `models.1.`, ... that decide together, each of one of `architectures`. Their logits are the logarithm
 * of the mean of their probabilities (as CARD decks, arXiv:2106.09129, and Chen et al., arXiv:2003.12862), or the mean of their logits.
 */
export function ensembleOf(architectures: readonly Architecture[]): Architecture {
  return {
    name: 'ensemble',
    imageShape: [3, 32, 32],
    recognises: (state) => membersIn(state, architectures).length > 1,
    usual(state) {
      const [{ architecture, prefix }] = membersIn(state, architectures) as [Member];
      return {
        ...(architecture.normalization && { normalization: architecture.normalization }),
        ...architecture.usual?.(namesBelow(state, prefix)),
      };
    },
    members: (state) => membersIn(state, architectures).map(({ prefix }) => prefix),
    build: (network, x) => build(network, x, membersIn(network.state, architectures)),
  };
}

function membersIn(state: WeightNames, architectures: readonly Architecture[]): Member[] {
  const members: Member[] = [];
  for (;;) {
    const prefix = `models.${members.length}.`;
    const names = namesBelow(state, prefix);
    const architecture = architectures.find((candidate) => candidate.recognises(names));
    if (architecture === undefined) return members;
    members.push({ prefix, architecture });
  }
}

function build(network: NetworkBuilder, x: string, members: readonly Member[]): Body {
  const bodies = members.map(({ prefix, architecture }) => architecture.build(network.member(prefix), x));
  const [{ logits }] = bodies as [Body];
  const classes = network.channels(logits);
  const odd = bodies.find((body) => network.channels(body.logits) !== classes);
  if (odd !== undefined) {
    throw new CheckpointError(
      `holds networks of ${classes} and of ${network.channels(odd.logits)} classes, which cannot decide together`,
    );
  }
  const probabilities = network.reading.choose('ensemble', 'probabilities') === 'probabilities';
  const values = bodies.map((body) => body.logits);
  return {
    description: `ensemble of ${counted(bodies.map(({ description }) => description))}`,
    logits: probabilities ? logMeanProbability(network, values) : meanLogits(network, values),
    layers: members.flatMap(({ prefix }, index) =>
      bodies[index]!.layers.map((layer) => ({ ...layer, name: prefix + layer.name })),
    ),
  };
}

/** "2 x CIFAR ResNet-18, width 8; CIFAR ResNet-10, width 6" */
function counted(descriptions: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const one of descriptions) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].map(([one, count]) => (count === 1 ? one : `${count} x ${one}`)).join('; ');
}

/** log of the mean over members of softmax, added up where it cannot underflow. */
function logMeanProbability({ graph }: NetworkBuilder, logits: readonly string[]): string {
  const axis = graph.ints([1]);
  const each = logits.map((value) => graph.op('Unsqueeze', [graph.op('LogSoftmax', [value], { axis: 1 }), axis]));
  const stacked = graph.op('Concat', each, { axis: 1 });
  const total = graph.op('ReduceLogSumExp', [stacked, axis], { keepdims: 0 });
  return graph.op('Sub', [total, graph.constant(Math.log(logits.length))], {}, { outputs: ['logits'] });
}

function meanLogits({ graph }: NetworkBuilder, logits: readonly string[]): string {
  return graph.op('Mean', logits, {}, { outputs: ['logits'] });
}
