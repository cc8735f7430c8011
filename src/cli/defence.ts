import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { baseModel, defendedModel, type EvaluatedModel, type Smoothing } from '../defense/defended-model.ts';
import { type Scores, topUnitMasks } from '../defense/mask-set.ts';
import { InputError, messageOf, RankingError } from '../errors.ts';
import { type Classifier, layerOf, type MaskLayer, tellingAxis } from '../models/classifier.ts';
import { decodeNpy } from '../numeric/npy.ts';
import type { RandomSource } from '../numeric/random.ts';
import { readRanking } from '../runs/inputs/ig-defense-format.ts';
import { checkpointDigest } from '../runs/inputs/inspect-inputs.ts';
import type { ClassifierSpec } from '../runs/inputs/open-classifier.ts';
import { requireRankingOf } from '../runs/inputs/ranked-model.ts';
import { refuseIdle } from './idle-flags.ts';
import { finiteNumber, positiveInteger, seedNumber } from './numbers.ts';
import { addLayerAxis } from './options.ts';

/** The defence of a model, as flags say it. */
export interface DefenceFlags {
  readonly ranking?: string;
  readonly layer?: string;
  readonly layerAxis?: number;
  readonly mask?: 'loir' | 'conf';
  readonly units?: number;
  readonly threshold?: number;
  readonly temperature?: number;
  readonly sigma?: number;
  readonly samples?: number;
  readonly noise?: string;
  readonly seed?: number;
}

export function addDefenceOptions(command: Command): Command {
  command
    .option('--ranking <path>', 'defend the model with this ranking: a ranking file or a folder of unit<j>.npy')
    .option('--layer <name>', 'the layer the ranking is of')
    .addOption(new Option('--mask <mask>', 'kind of defence (default: loir)').choices(['loir', 'conf']))
    .option('--units <k>', 'units each class keeps', positiveInteger)
    .option('--threshold <t>', 'confidence from which --mask conf fades in (default: 0.8)', finiteNumber)
    .option('--temperature <tau>', "temperature of the pseudo-label's softmax (default: 0.01)", finiteNumber)
    .option('--sigma <s>', 'randomised smoothing of the first pass: standard deviation of the noise', finiteNumber)
    .option('--samples <n>', 'noise samples averaged (default: 1)', positiveInteger)
    .option('--noise <file>', 'smooth with this noise instead, .npy [N, samples, C, H, W]')
    .option('--seed <n>', 'seed of the noise (default: 0)', seedNumber);
  return addLayerAxis(command);
}

/** Throws InputError where a flag says nothing about the model that the others describe. */
export function refuseIdleDefence(flags: DefenceFlags): void {
  const { ranking, mask, noise, sigma } = flags;
  const plain = 'needs --ranking: without one the model is not defended';
  refuseIdle(flags, [
    {
      flags: ['mask', 'layer', 'units', 'threshold', 'temperature', 'sigma', 'noise', 'samples', 'seed'],
      when: ranking === undefined,
      why: plain,
    },
    { flags: ['threshold'], when: mask !== 'conf', why: 'is of --mask conf: give that too, or leave it out' },
    {
      flags: ['sigma', 'samples', 'seed'],
      when: noise !== undefined,
      why: 'is not asked where --noise gives the noise',
    },
    { flags: ['samples', 'seed'], when: sigma === undefined, why: 'is of the noise that --sigma adds: give that too' },
  ]);
}

/** The model the flags describe: the classifier as it is without a ranking. */
export async function evaluatedModel(
  classifier: Classifier,
  spec: ClassifierSpec,
  flags: DefenceFlags,
  noiseSamples: number | undefined,
): Promise<EvaluatedModel> {
  if (flags.ranking === undefined) return baseModel(classifier);
  if (flags.layer === undefined || flags.units === undefined)
    throw new InputError('--ranking needs --layer and --units');
  const layer = layerOf(classifier, flags.layer);
  const scores = await scoresFrom({ path: flags.ranking, mask: flags.mask }, classifier, layer, spec);
  const { threshold = 0.8, temperature = 0.01, sigma = 1 } = flags;
  if (!(threshold >= 0 && threshold < 1)) throw new InputError('--threshold must be in [0, 1)');
  if (!(temperature > 0)) throw new InputError('--temperature must be positive');
  if (!(sigma > 0)) throw new InputError('--sigma must be positive');
  const variant =
    flags.mask !== 'conf'
      ? ({ id: 'loir', mask: { kind: 'top-k' } } as const)
      : ({ id: `conf@${threshold}`, mask: { kind: 'confidence', threshold } } as const);
  return defendedModel(classifier, variant, {
    layer,
    masks: topUnitMasks(scores, flags.units),
    temperature,
    smoothing: smoothingOf(flags, noiseSamples),
  });
}

/** The scores of a ranking that was made of this layer of this model, read in this way, where its file says of which. */
async function scoresFrom(
  { path, mask }: { readonly path: string; readonly mask: DefenceFlags['mask'] },
  { classes, reading }: Classifier,
  layer: MaskLayer,
  spec: ClassifierSpec,
): Promise<Scores> {
  const { recipe, scores } = await readRanking(path);
  if (mask !== undefined && recipe !== undefined && recipe.method !== 'loir') {
    throw new RankingError(
      `${path} holds a ${recipe.method} ranking, --mask ${mask} is of LO-IR's: leave --mask out to keep its top units`,
    );
  }
  const odd = scores.data.find((score) => !Number.isFinite(score));
  if (odd !== undefined) throw new RankingError(`${path} holds the score ${odd}, no number: rank again`);
  if (scores.units !== layer.units || scores.classes !== classes) {
    throw new InputError(
      `${path} ranks ${scores.units} units for ${scores.classes} classes; ${layer.name} has ${layer.units}, the model ${classes}`,
    );
  }
  if (recipe === undefined) return scores;
  const ranked = { name: layer.name, ...tellingAxis(layer) };
  await requireRankingOf({ spec, sha256: await checkpointDigest(spec.path), layer: ranked, reading }, recipe, path);
  return scores;
}

/** Given noise is added as it is: its own standard deviation is in it. */
function smoothingOf({ sigma, samples = 1 }: DefenceFlags, noiseSamples: number | undefined): Smoothing | null {
  if (noiseSamples !== undefined) return { samples: noiseSamples, sigma: 1 };
  return sigma === undefined ? null : { samples, sigma };
}

export type Noise = Awaited<ReturnType<typeof readNoise>>;

/** Noise read from a file, as streams that hand it out in order. */
export async function readNoise(path: string, images: number, imageShape: readonly number[]) {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new InputError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  const noise = decodeNpy(bytes, path);
  const [count = 0, samples = 0, ...shape] = noise.dims;
  if (noise.type !== 'float32' || count < images || shape.join() !== imageShape.join()) {
    throw new InputError(
      `${path} is ${noise.type} [${noise.dims.join(', ')}]: expected float32 [${images}, samples, ${imageShape.join(', ')}]`,
    );
  }
  const perImage = noise.data.length / count;
  return {
    samples,
    stream: (image: number) => fromValues(noise.data.subarray(image * perImage, (image + 1) * perImage)),
  };
}

function fromValues(values: Float32Array): RandomSource {
  let next = 0;
  const draw = () => values[next++ % values.length]!;
  return { normal: draw, uniform: draw, integer: () => 0 };
}
