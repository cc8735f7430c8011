import type { Architecture } from '../network-builder.ts';
import { ensembleOf } from './ensemble.ts';
import { preActResNets } from './preact-resnets.ts';
import { resNeSt } from './resnest.ts';
import { resNets } from './resnets.ts';
import { robustArchResNet } from './robust-arch.ts';
import { sequentials } from './sequential.ts';
import { wideResNets } from './wide-resnets.ts';

const SINGLE: readonly Architecture[] = [
  ...resNets,
  ...preActResNets,
  ...wideResNets,
  ...sequentials,
  robustArchResNet,
  resNeSt,
];

/** Every architecture that igd reads from weights. Tried in order; the first that recognises their names builds the graph. */
export const ARCHITECTURES: readonly Architecture[] = [...SINGLE, ensembleOf(SINGLE)];
