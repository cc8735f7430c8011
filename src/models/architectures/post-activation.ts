import type { NetworkBuilder, ResidualBlock } from '../network-builder.ts';
import { joined } from './modules.ts';

/** Convolution and BatchNorm, by their names in the block. */
interface PostActivationStep {
  readonly conv: string;
  readonly norm: string;
}

/** A block whose sum is activated (He et al., arXiv:1512.03385), as one code names it. */
export interface PostActivationBlock {
  /** Two 3x3 convolutions; or 1x1, 3x3 in any number of groups, 1x1. */
  readonly steps:
    | readonly [PostActivationStep, PostActivationStep]
    | readonly [PostActivationStep, PostActivationStep, PostActivationStep];
  /** Projection and its BatchNorm. */
  readonly shortcut: PostActivationStep;
  /** Whether a shortcut without weights may drop pixels and add channels of zeros. */
  readonly optionA?: boolean;
}

/** Appends such blocks. */
export function postActivationBlock(block: PostActivationBlock): ResidualBlock {
  return (network, x, name, stride) => {
    const h =
      block.steps.length === 2 ? basic(network, block, x, name, stride) : bottleneck(network, block, x, name, stride);
    return network.activate(joined(network, h, shortcutOf(network, block, { x, h, name, stride }), name));
  };
}

function basic(network: NetworkBuilder, block: PostActivationBlock, x: string, name: string, stride: number): string {
  const [first, second] = block.steps;
  const step = (value: string, { conv, norm }: PostActivationStep, by: number) =>
    network.batchNorm(network.conv(value, `${name}.${conv}`, { kernel: 3, stride: by, padding: 1 }), `${name}.${norm}`);
  return step(network.activate(step(x, first, stride)), second, 1);
}

/** The stride is in the 3x3 convolution (v1.5), unless stated to be in the first (v1, as in the paper). */
function bottleneck(
  network: NetworkBuilder,
  { steps }: PostActivationBlock,
  x: string,
  name: string,
  stride: number,
): string {
  const v1 = stride > 1 && network.reading.choose('stride', 'conv2') === 'conv1';
  const strides = v1 ? [stride, 1, 1] : [1, stride, 1];
  let h = x;
  for (const [index, { conv, norm }] of steps.entries()) {
    const spatial = index === 1 ? ({ kernel: 3, padding: 1, groups: 'any' } as const) : { kernel: 1 };
    const input = index === 0 ? h : network.activate(h);
    h = network.batchNorm(
      network.conv(input, `${name}.${conv}`, { ...spatial, stride: strides[index]! }),
      `${name}.${norm}`,
    );
  }
  return h;
}

interface Branches {
  readonly x: string;
  readonly h: string;
  readonly name: string;
  readonly stride: number;
}

function shortcutOf(network: NetworkBuilder, block: PostActivationBlock, { x, h, name, stride }: Branches): string {
  const { conv, norm } = block.shortcut;
  if (network.has(`${name}.${conv}.weight`)) {
    return network.batchNorm(network.conv(x, `${name}.${conv}`, { kernel: 1, stride }), `${name}.${norm}`);
  }
  return block.optionA && stride > 1 ? optionA(network, x, network.channels(h), stride) : x;
}

/** Every `stride`th pixel, with channels of zeros before and behind (option A of arXiv:1512.03385, for CIFAR). */
function optionA(network: NetworkBuilder, x: string, channels: number, stride: number): string {
  const { graph } = network;
  const [starts, ends, axes] = [graph.ints([0, 0]), graph.ints([2 ** 31 - 1, 2 ** 31 - 1]), graph.ints([2, 3])];
  const sparse = graph.op('Slice', [x, starts, ends, axes, graph.ints([stride, stride])]);
  const added = channels - network.channels(x);
  const [before, behind] = [Math.floor(added / 2), Math.ceil(added / 2)];
  network.reading.note('shortcut', 'without weights: pixels dropped, channels of zeros (option A)', 'weights');
  return graph.op('Pad', [sparse, graph.ints([0, before, 0, 0, 0, behind, 0, 0])]);
}
