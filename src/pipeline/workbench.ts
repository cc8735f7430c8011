import type { Classifier } from '../architectures/architecture.ts';
import { layerOf, openClassifier } from '../architectures/open.ts';
import type { CraftedOn } from '../contracts/attacks.ts';
import { RunError } from '../contracts/errors.ts';
import { rankingOf, type Variant } from '../contracts/variants.ts';
import type { Dataset } from '../datasets/dataset.ts';
import { openDataset } from '../datasets/open.ts';
import { baseModel, defendedModel, type EvaluatedModel } from '../defense/defended.ts';
import { fullMasks, topUnitMasks } from '../defense/masks.ts';
import { OnnxModel } from '../evaluation/onnx-model.ts';
import type { SessionOptions } from '../runtime/session.ts';
import type { Store } from '../stores/store.ts';
import { testSpec } from './inputs.ts';
import type { Plan } from './plan.ts';
import { soundRanking } from './sound-ranking.ts';

export interface WorkbenchOptions {
  readonly plan: Plan;
  readonly runs: Store;
  readonly rankings: Store;
  readonly session: SessionOptions;
}

/** A variant as attacks may see it in its place. */
type Surrogate = Exclude<CraftedOn, { variant: string }>;

/**
 * What the jobs of one run share in one process: the classifier, the data, and the sessions of the variant in hand. Each is
 * opened on first use and kept for the next job; sessions hold native memory, so only those that one variant's jobs need are alive at a time.
 */
export class Workbench {
  readonly plan: Plan;
  readonly runs: Store;
  readonly rankings: Store;
  readonly session: SessionOptions;
  #classifier: Promise<Classifier> | undefined;
  #test: Promise<Dataset> | undefined;
  #current: { readonly variant: string; readonly models: Map<string, OnnxModel> } | undefined;

  constructor({ plan, runs, rankings, session }: WorkbenchOptions) {
    this.plan = plan;
    this.runs = runs;
    this.rankings = rankings;
    this.session = session;
  }

  classifier(): Promise<Classifier> {
    const { checkpoint, layer } = this.plan.config;
    const { imageShape } = this.plan.inputs;
    this.#classifier ??= openClassifier({ ...checkpoint, path: checkpoint.uri, imageShape, layer });
    return this.#classifier;
  }

  test(): Promise<Dataset> {
    this.#test ??= openDataset(testSpec(this.plan.config));
    return this.#test;
  }

  /** The variant's model, ready to run. Throws RankingError where its ranking is degenerate. */
  async model(id: string): Promise<OnnxModel> {
    return this.#open(id, id, {});
  }

  /** The model that attacks on variant `id` are made on, where a spec asks for another than the variant itself. */
  craftedOn(id: string, on: CraftedOn): Promise<OnnxModel> {
    return 'variant' in on ? this.#open(id, on.variant, {}) : this.#open(id, id, on);
  }

  /** Opens a model for the jobs of variant `current`; those of another are released first. */
  async #open(current: string, id: string, surrogate: Surrogate): Promise<OnnxModel> {
    if (this.#current?.variant !== current) {
      await this.release();
      this.#current = { variant: current, models: new Map() };
    }
    const { models } = this.#current;
    const key = JSON.stringify([id, surrogate]);
    const known = models.get(key);
    if (known !== undefined) return known;
    const { imageShape, classes } = await this.classifier();
    const variant: Variant = id === 'none' ? { id, mask: 'none' } : variantOf(this.plan, id);
    const evaluated = await this.#evaluated(variant, surrogate);
    const model = new OnnxModel(evaluated, imageShape, classes, this.session);
    models.set(key, model);
    return model;
  }

  async release(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    for (const model of current?.models.values() ?? []) await model.release();
  }

  async #evaluated(variant: Variant, surrogate: Surrogate): Promise<EvaluatedModel> {
    const classifier = await this.classifier();
    if (variant.mask === 'none') return baseModel(classifier);
    const { layer, importantUnits = 0, temperature, smoothing } = this.plan.config;
    const maskLayer = layerOf(classifier, layer ?? '');
    const method = rankingOf(variant);
    const masks =
      method === undefined
        ? fullMasks(classifier.classes, maskLayer.units)
        : topUnitMasks((await soundRanking(this, method)).scores, importantUnits);
    return defendedModel(classifier, variant, {
      layer: maskLayer,
      masks,
      temperature: surrogate.temperature ?? temperature,
      smoothing,
      pseudoLabel: surrogate.mask ?? 'soft',
    });
  }
}

/** Throws RunError where the plan has no such variant. */
export function variantOf({ config }: Plan, id: string): Variant {
  const variant = config.variants.find((candidate) => candidate.id === id);
  if (variant === undefined) throw new RunError(`the plan has no variant "${id}"`);
  return variant;
}
