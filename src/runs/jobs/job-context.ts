import type { Dataset } from '../../datasets/dataset.ts';
import { openDataset } from '../../datasets/open.ts';
import { baseModel, defendedModel, type EvaluatedModel } from '../../defense/defended-model.ts';
import { fullMasks, topUnitMasks } from '../../defense/mask-set.ts';
import { RunError } from '../../errors.ts';
import { OnnxModel } from '../../evaluation/onnx-model.ts';
import { type ProofOptions, proveClassifier, proveModel } from '../../evaluation/proof/prove-model.ts';
import { type Classifier, layerOf, tellingAxis } from '../../models/classifier.ts';
import type { Runtime } from '../../onnx/runtime.ts';
import type { CraftedOn } from '../../schemas/attacks.ts';
import { requireOwnNumerics } from '../../schemas/numerics.ts';
import type { ModelProof } from '../../schemas/proof.ts';
import { UNDEFENDED, type Variant } from '../../schemas/variants.ts';
import type { Store } from '../../stores/store.ts';
import { testSpec } from '../inputs/inspect-inputs.ts';
import { classifierSpec, modelName, openClassifier } from '../inputs/open-classifier.ts';
import { openPlanned, plannedCheckpoint, plannedTest } from '../inputs/planned-inputs.ts';
import type { Plan } from '../planning/plan.ts';
import { loadRanking } from '../planning/rankings.ts';

export interface JobContextOptions {
  readonly plan: Plan;
  readonly runs: Store;
  readonly rankings: Store;
  readonly runtime: Runtime;
  /** Whether what is found is kept for other runs, in the store of rankings; not by default. */
  readonly keep?: boolean | undefined;
}

/** A variant as attacks may see it in its place. */
type Surrogate = Exclude<CraftedOn, { variant: string }>;

/**
 * What the jobs of one run share in one process: the classifier, the data, and the sessions of the variant in hand. Each is
 * opened on first use and kept for the next job; sessions hold native memory, so only those that one variant's jobs need are alive at a time.
 */
export class JobContext {
  readonly plan: Plan;
  readonly runs: Store;
  readonly rankings: Store;
  readonly runtime: Runtime;
  readonly keep: boolean;
  #classifier: Promise<Classifier> | undefined;
  #test: Promise<Dataset> | undefined;
  /** By variant and surrogate: a model is proven once, however often its sessions are made anew. */
  readonly #proofs = new Map<string, ModelProof>();
  #current: { readonly variant: string; readonly models: Map<string, OnnxModel> } | undefined;

  constructor({ plan, runs, rankings, runtime, keep = false }: JobContextOptions) {
    requireOwnNumerics(plan);
    this.plan = plan;
    this.runs = runs;
    this.rankings = rankings;
    this.runtime = runtime;
    this.keep = keep;
  }

  classifier(): Promise<Classifier> {
    const { config, inputs } = this.plan;
    this.#classifier ??= openPlanned(plannedCheckpoint(this.plan), () =>
      openClassifier(classifierSpec(config, inputs.imageShape)),
    ).then((classifier) => {
      requirePlannedLayer(classifier, inputs.checkpoint.layer);
      return classifier;
    });
    return this.#classifier;
  }

  test(): Promise<Dataset> {
    this.#test ??= openPlanned(plannedTest(this.plan), () => openDataset(testSpec(this.plan.config)));
    return this.#test;
  }

  /**
   * The variant's model, proven and ready to run. Throws RankingError where its ranking is degenerate, ModelError where it does
   * not compute what it says.
   */
  async model(id: string): Promise<OnnxModel> {
    return this.#open(id, id, {});
  }

  /** The model that attacks on variant `id` are made on, where a spec asks for another than the variant itself. */
  craftedOn(id: string, on: CraftedOn): Promise<OnnxModel> {
    return 'variant' in on ? this.#open(id, on.variant, {}) : this.#open(id, id, on);
  }

  /** Proves the model without a defence, where this has not been done. Throws ModelError. */
  async proveBase(): Promise<void> {
    const key = keyOf(UNDEFENDED.id, {});
    if (this.#proofs.has(key)) return;
    const options = { ...(await this.#proofOptions(UNDEFENDED.id)), gradients: false };
    await proveClassifier(await this.classifier(), this.runtime, options);
  }

  /** What the proof of a variant's model found; `model` has been asked for it before. */
  proofOf(id: string): ModelProof | undefined {
    return this.#proofs.get(keyOf(id, {}));
  }

  /** Opens a model for the jobs of variant `current`; those of another are released first. */
  async #open(current: string, id: string, surrogate: Surrogate): Promise<OnnxModel> {
    if (this.#current?.variant !== current) {
      await this.release();
      this.#current = { variant: current, models: new Map() };
    }
    const { models } = this.#current;
    const key = keyOf(id, surrogate);
    const known = models.get(key);
    if (known !== undefined) return known;
    const { imageShape, classes } = await this.classifier();
    const variant = id === UNDEFENDED.id ? UNDEFENDED : variantOf(this.plan, id);
    const evaluated = await this.#evaluated(variant, surrogate);
    const model = new OnnxModel(evaluated, imageShape, classes, this.runtime);
    await this.#prove(key, id, model);
    models.set(key, model);
    return model;
  }

  async release(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    for (const model of current?.models.values() ?? []) await model.release();
  }

  async #prove(key: string, id: string, model: OnnxModel): Promise<void> {
    if (this.#proofs.has(key)) return;
    try {
      this.#proofs.set(key, await proveModel(model, await this.#proofOptions(id)));
    } catch (error) {
      await model.release();
      throw error;
    }
  }

  async #proofOptions(id: string): Promise<ProofOptions> {
    const data = await this.test();
    return { name: modelName(this.plan.config, id), data, gradients: true, evaluations: data.count };
  }

  async #evaluated({ id, mask }: Variant, surrogate: Surrogate): Promise<EvaluatedModel> {
    const classifier = await this.classifier();
    if (mask === null) return baseModel(classifier);
    const { temperature, smoothing } = this.plan.config;
    const layer = layerOf(classifier, mask.layer);
    const masks =
      mask.kind === 'two-pass'
        ? fullMasks(classifier.classes, layer.units)
        : topUnitMasks((await loadRanking(this, mask.ranking)).scores, mask.importantUnits);
    return defendedModel(
      classifier,
      { id, mask },
      {
        layer,
        masks,
        temperature: surrogate.temperature ?? temperature,
        smoothing,
        pseudoLabel: surrogate.mask ?? 'soft',
      },
    );
  }
}

/** A plan of the first edition may have taken another axis of an .onnx's value for its units. Throws RunError. */
function requirePlannedLayer(classifier: Classifier, planned: Plan['inputs']['checkpoint']['layer']): void {
  if (planned === null) return;
  const { name, units, axis, dims } = layerOf(classifier, planned.name);
  if (units === planned.units && tellingAxis({ axis, dims }).axis === planned.axis) return;
  throw new RunError(
    `the plan has ${planned.units} units of "${name}", and there are ${units} along axis ${axis + 1}: plan the run anew, into another folder`,
  );
}

function keyOf(id: string, surrogate: Surrogate): string {
  return JSON.stringify([id, surrogate]);
}

/** Throws RunError where the plan has no such variant. */
export function variantOf({ config }: Plan, id: string): Variant {
  const variant = config.variants.find((candidate) => candidate.id === id);
  if (variant === undefined) throw new RunError(`the plan has no variant "${id}"`);
  return variant;
}
