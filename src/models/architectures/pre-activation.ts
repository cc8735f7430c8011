import type { NetworkBuilder, ResidualBlock } from '../network-builder.ts';
import { activateIn, excite, joined, sparsify } from './modules.ts';

/** What a projection of a pre-activation block reads: the block's input behind its first BatchNorm and activation, or as it is. */
type ShortcutInput = 'activated' | 'raw';

/** Codes differ in what the projection sees: nearly all the activated input, Wong2020Fast's the raw one. */
export function statedShortcut({ reading }: NetworkBuilder): ShortcutInput {
  return reading.choose('shortcut', 'activated');
}

/** BatchNorm, activation and convolution, by their names in the block. */
interface PreActivationStep {
  readonly norm: string;
  readonly conv: string;
  /** 3 by default. */
  readonly kernel?: 1 | 3;
  /** Whether a stride acts here; by default it acts in the first step. */
  readonly strided?: boolean;
}

/** A block of steps around which a shortcut goes (He et al., arXiv:1603.05027), as one code names and builds it. */
export interface PreActivationBlock {
  readonly steps: readonly [PreActivationStep, ...PreActivationStep[]];
  readonly shortcut: {
    readonly conv: string;
    readonly kernel?: 1 | 3;
    /** BatchNorm behind the projection. */
    readonly norm?: string;
    readonly reads: ShortcutInput | ((network: NetworkBuilder) => ShortcutInput);
  };
  /** What an identity reads; the raw input by default. */
  readonly identity?: ShortcutInput;
  /** Padding of 3x3 convolutions that may have a stride: 1 by default. */
  readonly padding?: 'end';
  /** Whether BatchNorms have weights; they have by default. */
  readonly affine?: boolean;
  /** Its activation; the network's by default. */
  readonly activation?: 'relu';
}

/** Appends such blocks; squeeze and excitation and MeanSparse act where the file has their weights. */
export function preActivationBlock(block: PreActivationBlock): ResidualBlock {
  return (network, x, name, stride) => {
    const strided = block.steps.some((step) => step.strided)
      ? (step: PreActivationStep) => step.strided
      : isFirst(block);
    const activated = activatedInput(network, block, x, name, 0);
    let h = activated;
    for (const [index, step] of block.steps.entries()) {
      if (index > 0) h = activatedInput(network, block, h, name, index);
      const [by, padding] = strided(step) ? [stride, block.padding] : [1, undefined];
      h = convolution(network, h, `${name}.${step.conv}`, step.kernel, by, padding);
    }
    const shortcut = shortcutOf(network, block, { x, activated, name, stride });
    return sparsify(network, joined(network, excite(network, h, `${name}.se`), shortcut, name), `${name}.meansparse_2`);
  };
}

function isFirst({ steps }: PreActivationBlock): (step: PreActivationStep) => boolean {
  return (step) => step === steps[0];
}

function activatedInput(
  network: NetworkBuilder,
  { steps, affine, activation }: PreActivationBlock,
  x: string,
  name: string,
  index: number,
): string {
  const normed = network.batchNorm(x, `${name}.${steps[index]!.norm}`, affine === undefined ? {} : { affine });
  if (activation === 'relu') return network.relu(normed);
  return activateIn(network, sparsify(network, normed, `${name}.meansparse_${index}`), name);
}

function convolution(
  network: NetworkBuilder,
  x: string,
  module: string,
  kernel: 1 | 3 = 3,
  stride: number,
  end: 'end' | undefined,
): string {
  return network.conv(x, module, { kernel, stride, padding: kernel === 1 ? 0 : (end ?? 1) });
}

interface BlockInput {
  readonly x: string;
  readonly activated: string;
  readonly name: string;
  readonly stride: number;
}

function shortcutOf(
  network: NetworkBuilder,
  { shortcut, identity, padding, affine }: PreActivationBlock,
  { x, activated, name, stride }: BlockInput,
): string {
  if (!network.has(`${name}.${shortcut.conv}.weight`)) return identity === 'activated' ? activated : x;
  const reads = typeof shortcut.reads === 'string' ? shortcut.reads : shortcut.reads(network);
  const input = reads === 'raw' ? x : activated;
  const h = convolution(network, input, `${name}.${shortcut.conv}`, shortcut.kernel ?? 1, stride, padding);
  if (shortcut.norm === undefined) return h;
  return network.batchNorm(h, `${name}.${shortcut.norm}`, affine === undefined ? {} : { affine });
}
