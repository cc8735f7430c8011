import { RankingError } from '../../errors.ts';
import type { RankingRecipe } from '../../ranking/ranking.ts';
import type { ReadingFact } from '../../schemas/reading.ts';
import { type ClassifierSpec, openClassifier } from './open-classifier.ts';

/** The model that a ranking is to mask, as it is read. */
export interface RankedModel {
  readonly spec: ClassifierSpec;
  readonly sha256: string;
  /** `axis`: of the units in the layer's value, where it is not the usual one. */
  readonly layer: { readonly name: string; readonly axis?: number | undefined };
  readonly reading: readonly ReadingFact[];
}

/** Throws RankingError where a ranking file was made of another checkpoint or layer, or of the same one read otherwise. */
export async function requireRankingOf(model: RankedModel, recipe: RankingRecipe, where: string): Promise<void> {
  const { layer, sha256, spec } = model;
  if (recipe.checkpoint !== sha256 || recipe.layer !== layer.name) {
    throw new RankingError(
      `${where} was made for layer ${recipe.layer} of checkpoint ${recipe.checkpoint.slice(0, 12)}..., ` +
        `to be masked is ${layer.name} of ${sha256.slice(0, 12)}...: rank that, or do without this file`,
    );
  }
  const { stateDict, layout, inputRange, output, binary } = { ...recipe.input, stateDict: recipe.stateDict };
  const before = { layerAxis: recipe.layerAxis, stateDict, layout, inputRange, output, binary };
  const now = { ...spec, layerAxis: layer.axis };
  const changed = Object.entries(before).flatMap(([key, was]) => {
    const is = Object.entries(now).find(([name]) => name === key)?.[1];
    return sameOption(key, was, is) ? [] : [`${key} ${was ?? 'left out'}, not ${is ?? 'left out'}`];
  });
  if (changed.length === 0) changed.push(...(await changedFacts(model, recipe)));
  if (changed.length === 0) return;
  throw new RankingError(
    `${where} was made of this checkpoint read otherwise (${changed.join('; ')}): rank it as it is read here, or say the same of it`,
  );
}

/** What is left out is what is usual. */
const USUAL = new Map<string, unknown>([
  ['layout', 'NCHW'],
  ['inputRange', '0..1'],
]);

function sameOption(key: string, a: unknown, b: unknown): boolean {
  const usual = USUAL.get(key) ?? null;
  return (a ?? usual) === (b ?? usual);
}

/** Where other words were used, they may still say the same: what they decide is compared. */
async function changedFacts({ spec, reading }: RankedModel, { input, stateDict }: RankingRecipe): Promise<string[]> {
  if (wordsOf(input) === wordsOf(spec)) return [];
  const said = { ...input, normalize: input.normalize ?? undefined, stateDict: stateDict ?? undefined };
  const other = await openClassifier({ ...spec, model: undefined, zoo: undefined, ...said });
  const facts = (one: readonly ReadingFact[]) => new Map(one.map(({ key, value }) => [key, value]));
  const [was, is] = [facts(other.reading), facts(reading)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((key) => was.get(key) !== is.get(key))
    .map((key) => `${key} ${was.get(key) ?? 'no choice'}, not ${is.get(key) ?? 'no choice'}`);
}

/** What is said of how a model is read; what is done about its BatchNorms changes no number. */
function wordsOf({ normalize, model = {}, zoo }: Partial<RankingRecipe['input']> | ClassifierSpec): string {
  const { testimony: _, ...options } = model;
  return JSON.stringify([normalize ?? null, options, zoo ?? null]);
}
