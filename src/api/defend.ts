import { defendedModel, type EvaluatedModel, type MaskedVariant } from '../defense/defended-model.ts';
import { type Scores, topUnitMasks } from '../defense/mask-set.ts';
import { InputError } from '../errors.ts';
import { layerOf } from '../models/classifier.ts';
import type { GradientTable } from '../onnx/autodiff/rule.ts';
import { STRAIGHT_THROUGH } from '../onnx/autodiff/rule-table.ts';
import { describe, knownOptions, wholeNumber } from './arguments.ts';
import type { OpenModel } from './model.ts';
import type { Ranking } from './rank-units.ts';
import { RuntimeModel, runtimeModel, type Surrogate } from './runtime-model.ts';

/** How a model is to be defended. */
export interface DefendOptions {
  /** Name of the layer that is masked; the ranking's own by default. */
  readonly layer?: string;
  /** Importance of the layer's units: what `rankUnits` gives, or scores [units, classes] row-major of your own. */
  readonly ranking: Pick<Ranking, 'scores'> & Partial<Ranking>;
  /** k: units each class keeps. */
  readonly importantUnits: number;
  /**
   * `top-k` (default): units outside the top k of the pseudo-label's class are zeroed (arXiv:2409.15190). `confidence`:
   * the same, faded in with the first pass's confidence above `threshold`.
   */
  readonly kind?: 'top-k' | 'confidence';
  /** confidence: where masking begins, in [0, 1). */
  readonly threshold?: number;
  /** tau of the pseudo-label softmax(z / tau); 0.01 by default, the public code's 100 z. */
  readonly temperature?: number;
  /** Randomised smoothing of the first pass: samples averaged, and the noise's standard deviation for images in [0, 1]. */
  readonly smoothing?: { readonly samples: number; readonly sigma: number };
}

const OPTIONS = ['layer', 'ranking', 'importantUnits', 'kind', 'threshold', 'temperature', 'smoothing'];

/**
 * The model with an interpretability-guided defence at test time: both passes as one graph, which attacks and gradients see
 * through. It is a model of its own, to be released by itself; the undefended one stays as it is and may be released
 * before. A smoothed model draws its noise from streams of (seed, index of the image, purpose), never by place in a batch.
 *
 * Throws ConfigError where there is no such layer, RankingError or InputError where ranking and options do not fit.
 */
export function defend(model: OpenModel, options: DefendOptions): OpenModel {
  knownOptions(options, OPTIONS, 'defend');
  const { parts } = runtimeModel(model);
  const { classifier, runtime, rules } = parts;
  const layer = layerOf(classifier, options.layer ?? options.ranking?.layer ?? '');
  const masks = topUnitMasks(
    scoresOf(options.ranking, layer.units, classifier.classes, layer.name),
    wholeNumber(options.importantUnits, 'importantUnits', 1),
  );
  const variant = variantOf(options);
  const defence = { layer, masks, temperature: temperatureOf(options), smoothing: smoothingOf(options) };
  const evaluatedWith = (changes: Surrogate): EvaluatedModel => {
    const pseudoLabel = changes.mask ?? 'soft';
    const temperature = changes.temperature ?? defence.temperature;
    const evaluated = defendedModel(classifier, variant, { ...defence, temperature, pseudoLabel });
    return { ...evaluated, ...(rules && { rules: rulesFor(pseudoLabel, rules) }) };
  };
  return new RuntimeModel({ classifier, runtime, rules, evaluated: evaluatedWith({}), surrogate: evaluatedWith });
}

/** Hardmax is passed straight through where the mask is hard, whatever else the caller's rules say. */
function rulesFor(pseudoLabel: 'soft' | 'hard', rules: GradientTable): GradientTable {
  const { Hardmax } = STRAIGHT_THROUGH;
  return pseudoLabel === 'hard' && Hardmax !== undefined ? { ...rules, Hardmax } : rules;
}

function scoresOf(ranking: DefendOptions['ranking'], units: number, classes: number, layer: string): Scores {
  const { scores: data } = ranking ?? {};
  if (!(data instanceof Float32Array) || data.length !== units * classes)
    throw new InputError(
      `ranking.scores are ${data instanceof Float32Array ? `${data.length} numbers` : describe(data)}: ` +
        `give a Float32Array [${units}, ${classes}] for the units of ${layer} and the classes`,
    );
  if (ranking.layer !== undefined && ranking.layer !== layer)
    throw new InputError(`the ranking is of ${ranking.layer}, not of ${layer}: rank the units of ${layer}`);
  return { units, classes, data };
}

/** The variant of a run that masks in this way; its name shows in the graph alone. */
function variantOf({ kind = 'top-k', threshold }: DefendOptions): MaskedVariant {
  if (kind === 'top-k') {
    if (threshold !== undefined) throw new InputError('"threshold" is for kind "confidence": leave it out');
    return { id: kind, mask: { kind } };
  }
  if (kind !== 'confidence') throw new InputError(`kind is ${describe(kind)}: give "top-k" or "confidence"`);
  if (typeof threshold !== 'number' || !(threshold >= 0 && threshold < 1))
    throw new InputError(`threshold is ${describe(threshold)}: kind "confidence" needs one from 0, below 1`);
  return { id: `conf@${threshold}`, mask: { kind, threshold } };
}

function temperatureOf({ temperature = 0.01 }: DefendOptions): number {
  if (typeof temperature === 'number' && temperature > 0 && Number.isFinite(temperature)) return temperature;
  throw new InputError(`temperature is ${describe(temperature)}: give a positive number`);
}

function smoothingOf({ smoothing }: DefendOptions): EvaluatedModel['smoothing'] {
  if (smoothing === undefined) return null;
  const { samples, sigma } = smoothing;
  wholeNumber(samples, 'smoothing.samples', 1);
  if (typeof sigma === 'number' && sigma > 0 && Number.isFinite(sigma)) return { samples, sigma };
  throw new InputError(`smoothing.sigma is ${describe(sigma)}: give a positive number`);
}
