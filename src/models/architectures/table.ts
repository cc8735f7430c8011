import type { Architecture } from '../network-builder.ts';
import { cifarResNet, imageNetResNet, preActResNet, wideResNet } from '../residual-networks.ts';

/** Every architecture that igd reads from weights. Tried in order; the first that recognises their names builds the graph. */
export const ARCHITECTURES: readonly Architecture[] = [
  cifarResNet,
  preActResNet,
  wideResNet,
  // Last, since its names are those that most codes use.
  imageNetResNet,
];
