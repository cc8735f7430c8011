import { createHash } from 'node:crypto';
import { ConfigError } from '../../errors.ts';
import { ANALYSIS_ATTACKS } from '../../schemas/analysis.ts';
import { attackSpecSchema, normProblem, type ResolvedAttackSpec } from '../../schemas/attacks.ts';
import type { RunConfig } from '../../schemas/config.ts';
import type { RankedMask } from '../../schemas/variants.ts';
import type { RunInputs } from '../inputs/inspect-inputs.ts';
import type { Job, Plan } from './plan.ts';

export type AnalysisStage = 'rank' | 'shift' | 'surface';

/**
 * The config an analysis is done with, as a user would write it: the undefended model and the variant of the ranking that
 * says which units are important, and, where loss surfaces are wanted, the config's other variants.
 */
export function analysisSource(
  source: Readonly<Record<string, Plan['source']>>,
  { variants, analysis }: RunConfig,
): Record<string, Plan['source']> {
  const needed = ['none', analysis.ranking];
  const given = source.variants;
  if (analysis.lossSurface === undefined || !Array.isArray(given))
    return { ...source, ...withoutAccuracies(source), variants: needed };
  const ids = new Set<string>(variants.map(({ id }) => id));
  return {
    ...source,
    ...withoutAccuracies(source),
    variants: [...needed.filter((id) => !ids.has(id)), ...given],
  };
}

/** Published accuracies are of variants that an analysis may not have, and it has none to print beside them. */
function withoutAccuracies(source: Readonly<Record<string, Plan['source']>>): Record<string, Plan['source']> {
  const { published } = source;
  if (typeof published !== 'object' || published === null || Array.isArray(published)) return {};
  const { variants: _variants, ...rest } = published;
  return { published: rest };
}

/** The attack an analysis is made with, every option spelled out. */
export function analysisAttack({ analysis, threat }: RunConfig): ResolvedAttackSpec {
  return analysis.attack ?? attackSpecSchema.parse({ attack: ANALYSIS_ATTACKS[threat.norm] });
}

/** The layer an analysis looks at and whose units are important. Throws ConfigError where the config names none. */
export function analysisMask({ analysis: { mask } }: RunConfig): RankedMask {
  if (mask !== null) return mask;
  throw new ConfigError('an analysis needs "layer" and "importantUnits": whose activations it is to look at');
}

/** Throws ConfigError where an analysis cannot be done as its config says. */
export function checkAnalysis(config: RunConfig, inputs: Pick<RunInputs, 'test'>): void {
  const missing = config.analysis.lossSurface?.images.find((image) => image >= inputs.test.images);
  if (missing !== undefined)
    throw new ConfigError(
      `analysis.lossSurface.images: there is no image ${missing}, the test set has ${inputs.test.images}, counted from 0`,
    );
  const attack = analysisAttack(config);
  const problem =
    attack.on === undefined
      ? normProblem(attack, config.threat.norm)
      : `${attack.attack} is made on the undefended model here: leave "on" out`;
  if (problem !== null) throw new ConfigError(`analysis.attack: ${problem}`);
}

/** The plan of an analysis: that of its run, cut into the same shards, told from it by its id. */
export function planAnalysis(plan: Plan): Plan {
  const { config } = plan;
  checkAnalysis(config, plan.inputs);
  const attack = analysisAttack(config);
  const id = createHash('sha256').update(JSON.stringify(['analysis', plan.id, config.analysis, attack]));
  return { ...plan, id: id.digest('hex').slice(0, 16) };
}

const JOBS_OF: Readonly<Record<AnalysisStage, (plan: Plan) => Job[]>> = {
  rank: ({ rankings }) => rankings.map(({ method }) => ({ kind: 'rank', method })),
  shift: ({ shards }) => shards.map((_, shard) => ({ kind: 'shift', shard })),
  // A worker keeps the sessions of one variant: all images of it in a row.
  surface: ({ config: { variants, analysis } }) =>
    variants.flatMap(({ id }) =>
      (analysis.lossSurface?.images ?? []).map((image): Job => ({ kind: 'surface', variant: id, image })),
    ),
};

export const ANALYSIS_STAGES = ['rank', 'shift', 'surface'] as const satisfies readonly AnalysisStage[];

export function analysisJobs(plan: Plan, stage: AnalysisStage): Job[] {
  return JOBS_OF[stage](plan);
}
