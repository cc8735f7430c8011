import { baseModel } from '../defense/defended-model.ts';
import { InputError } from '../errors.ts';
import { type MeteredModel, OnnxModel } from '../evaluation/onnx-model.ts';
import type { CraftedOn } from '../schemas/attacks.ts';
import type { RuntimeModel } from './runtime-model.ts';
import type { StopSignal } from './stop-signal.ts';
import { stoppable } from './stoppable-model.ts';

/** The models that attacks of one call are made on, where that is not the one they are evaluated on. */
export class Surrogates {
  readonly #target: RuntimeModel;
  readonly #signal: StopSignal | undefined;
  readonly #models = new Map<string, OnnxModel>();

  constructor(target: RuntimeModel, signal: StopSignal | undefined) {
    this.#target = target;
    this.#signal = signal;
  }

  /** Whether the model evaluated is without a defence. */
  get isUndefended(): boolean {
    return this.#target.parts.surrogate === undefined;
  }

  /** Opens the model when an attack is about to see it. Throws InputError for what only a run has: other variants. */
  opener(on: CraftedOn): () => Promise<MeteredModel> {
    if ('variant' in on && on.variant !== 'none')
      throw new InputError(`attack: is made on variant "${on.variant}", which only a run has: use evaluate`);
    return async () => stoppable(this.#open(on), this.#signal);
  }

  async release(): Promise<void> {
    await Promise.all([...this.#models.values()].map((model) => model.release()));
  }

  #open(on: CraftedOn): OnnxModel {
    const { classifier, runtime, rules, surrogate } = this.#target.parts;
    const key = JSON.stringify(on);
    const known = this.#models.get(key);
    if (known !== undefined) return known;
    // Where there is no defence there is nothing to change: its surrogate is the model itself.
    const evaluated =
      'variant' in on || surrogate === undefined
        ? { ...baseModel(classifier), ...(rules && { rules }) }
        : surrogate(on);
    const model = new OnnxModel(evaluated, classifier.imageShape, classifier.classes, runtime);
    this.#models.set(key, model);
    return model;
  }
}
