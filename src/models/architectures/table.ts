import type { Architecture } from '../network-builder.ts';
import { adaptiveMixtureOf } from './adaptive-mixture.ts';
import { bit } from './bit.ts';
import { convNext } from './convnext.ts';
import { ensembleOf } from './ensemble.ts';
import { mixedNutsOf } from './mixed-nuts.ts';
import { preActResNets } from './preact-resnets.ts';
import { resNeSt } from './resnest.ts';
import { resNets } from './resnets.ts';
import { robustArchResNet } from './robust-arch.ts';
import { sequentials } from './sequential.ts';
import { swin } from './swin.ts';
import { visionTransformer } from './vit.ts';
import { wideResNets } from './wide-resnets.ts';
import { xcit } from './xcit.ts';

const SINGLE: readonly Architecture[] = [
  ...resNets,
  ...preActResNets,
  ...wideResNets,
  ...sequentials,
  robustArchResNet,
  resNeSt,
  bit,
  visionTransformer,
  xcit,
  swin,
  convNext,
];

/** Every architecture that igd reads from weights. Tried in order; the first that recognises their names builds the graph. */
export const ARCHITECTURES: readonly Architecture[] = [
  ...SINGLE,
  adaptiveMixtureOf(SINGLE),
  mixedNutsOf(SINGLE),
  // After the mixtures, since it would take their networks for its members.
  ensembleOf(SINGLE),
];
