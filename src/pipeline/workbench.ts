import type { Classifier } from '../architectures/architecture.ts';
import { layerOf, openClassifier } from '../architectures/open.ts';
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
  /** Milliseconds between two saves of a shard in hand; the default is `shardMemory`'s. */
  readonly saveEveryMs?: number | undefined;
}

/**
 * What the jobs of one run share in one process: the classifier, the data, and the sessions of the variant in hand. Each is
 * opened on first use and kept for the next job; sessions hold native memory, so only one variant's are alive at a time.
 */
export class Workbench {
  readonly plan: Plan;
  readonly runs: Store;
  readonly rankings: Store;
  readonly session: SessionOptions;
  readonly saveEveryMs: number | undefined;
  #classifier: Promise<Classifier> | undefined;
  #test: Promise<Dataset> | undefined;
  #current: { readonly variant: string; readonly model: OnnxModel } | undefined;

  constructor({ plan, runs, rankings, session, saveEveryMs }: WorkbenchOptions) {
    this.plan = plan;
    this.runs = runs;
    this.rankings = rankings;
    this.session = session;
    this.saveEveryMs = saveEveryMs;
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
    if (this.#current?.variant === id) return this.#current.model;
    await this.release();
    const { imageShape, classes } = await this.classifier();
    const model = new OnnxModel(await this.#evaluated(variantOf(this.plan, id)), imageShape, classes, this.session);
    this.#current = { variant: id, model };
    return model;
  }

  async release(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.model.release();
  }

  async #evaluated(variant: Variant): Promise<EvaluatedModel> {
    const classifier = await this.classifier();
    if (variant.mask === 'none') return baseModel(classifier);
    const { layer, importantUnits = 0, temperature, smoothing } = this.plan.config;
    const maskLayer = layerOf(classifier, layer ?? '');
    const method = rankingOf(variant);
    const masks =
      method === undefined
        ? fullMasks(classifier.classes, maskLayer.units)
        : topUnitMasks((await soundRanking(this, method)).scores, importantUnits);
    return defendedModel(classifier, variant, { layer: maskLayer, masks, temperature, smoothing });
  }
}

/** Throws RunError where the plan has no such variant. */
export function variantOf({ config }: Plan, id: string): Variant {
  const variant = config.variants.find((candidate) => candidate.id === id);
  if (variant === undefined) throw new RunError(`the plan has no variant "${id}"`);
  return variant;
}
