import type { LossGradient } from '../attacks/core/attack.ts';
import { LOSS_NAMES, LOSSES, type LossName } from '../attacks/core/losses.ts';
import type { EvaluatedModel } from '../defense/defended-model.ts';
import { InputError } from '../errors.ts';
import { type MeteredModel, OnnxModel } from '../evaluation/onnx-model.ts';
import { proveModel } from '../evaluation/proof/prove-model.ts';
import type { Classifier, ImageShape } from '../models/classifier.ts';
import { keyedStream, type RandomStream } from '../numeric/random.ts';
import type { GradientTable } from '../onnx/autodiff/rule.ts';
import type { Runtime } from '../onnx/runtime.ts';
import type { CraftedOn } from '../schemas/attacks.ts';
import type { ReadingFact } from '../schemas/reading.ts';
import { classNumbers, describe, imageCount, imageIndices, knownOptions, wholeNumber } from './arguments.ts';
import type { GradientQuery, LayerInfo, LogitsOptions, OpenModel } from './model.ts';

/** A model attacks may be made on in the place of a defended one. */
export type Surrogate = Exclude<CraftedOn, { variant: string }>;

/** What an open model is made of. */
export interface ModelParts {
  /** The trained classifier, without a defence. */
  readonly classifier: Classifier;
  readonly evaluated: EvaluatedModel;
  readonly runtime: Runtime;
  /** How to differentiate it, where that is not by the table of the package. */
  readonly rules: GradientTable | undefined;
  /** The model itself with other numbers; undefined where it has no defence, and so none to change. */
  readonly surrogate?: (changes: Surrogate) => EvaluatedModel;
}

/** Images evaluated at once where neither the caller nor the runtime says. */
const BATCH_SIZE = 64;

const QUERY = ['x', 'labels', 'loss', 'targets', 'references', 'weights', 'seed', 'indices', 'batchSize'];

/** The one implementation of `OpenModel`. Sessions are made on first use. */
export class RuntimeModel implements OpenModel {
  readonly architecture: string;
  readonly classes: number;
  readonly imageShape: ImageShape;
  readonly layers: readonly LayerInfo[];
  readonly notes: readonly string[];
  readonly reading: readonly ReadingFact[];
  readonly randomised: boolean;
  /** Images evaluated at once where the caller does not say. */
  readonly batchSize: number;
  readonly parts: ModelParts;
  readonly #model: OnnxModel;
  readonly #inHand = new Set<Promise<unknown>>();
  #released: Promise<void> | undefined;
  #proof: Promise<unknown> | undefined;

  constructor(parts: ModelParts) {
    const { classifier, evaluated, runtime } = parts;
    this.parts = parts;
    this.architecture = classifier.architecture;
    this.classes = classifier.classes;
    this.imageShape = classifier.imageShape;
    this.layers = classifier.layers.map(({ name, units, dims, axis }) => ({ name, units, dims, axis }));
    this.notes = classifier.notes;
    this.reading = classifier.reading;
    this.#model = new OnnxModel(evaluated, classifier.imageShape, classifier.classes, runtime);
    this.randomised = this.#model.randomised;
    this.batchSize = runtime.batchSize?.(this.#model.imageSize) ?? BATCH_SIZE;
  }

  logits(x: Float32Array, options: LogitsOptions = {}): Promise<Float32Array> {
    return this.use(async (model) => {
      knownOptions(options, QUERY.slice(-3), 'logits');
      const logits = new Float32Array(imageCount(x, this.imageShape, 'x') * model.classes);
      for (const { first, rows, streams } of this.#batches(x, options))
        logits.set(await model.logits(rows, streams), first * model.classes);
      return logits;
    });
  }

  gradient({ x, loss = 'ce', ...query }: GradientQuery): Promise<LossGradient> {
    return this.use(async (model) => {
      knownOptions(query, QUERY, 'gradient');
      const count = imageCount(x, this.imageShape, 'x');
      const labels = classNumbers(query.labels, count, this.classes);
      const extras = this.#lossParameters(loss, count, query);
      const [losses, logits] = [new Float32Array(count), new Float32Array(count * model.classes)];
      const gradient = new Float32Array(x.length);
      for (const { first, last, rows, streams } of this.#batches(x, query)) {
        const batch = { x: rows, labels: labels.subarray(first, last), ...extras(first, last) };
        const part = await model.gradient(loss, batch, streams);
        losses.set(part.loss, first);
        logits.set(part.logits, first * model.classes);
        gradient.set(part.gradient, first * model.imageSize);
      }
      return { loss: losses, logits, gradient };
    });
  }

  /**
   * Proves once, before it is trusted with many images, that the model computes what it says, on a few of these and random ones.
   * Gradients by rules of the caller's own are his to prove. Rejects with ModelError, which names what disagrees and by how much.
   */
  async prove(x: Float32Array | undefined, evaluations: number): Promise<void> {
    const size = this.#model.imageSize;
    const pixels = async (first: number, count: number) =>
      x?.subarray(first * size, (first + count) * size) ?? new Float32Array();
    this.#proof ??= proveModel(this.#model, {
      name: this.architecture,
      data: x && { count: x.length / size, pixels },
      gradients: this.parts.rules === undefined,
      evaluations,
    });
    await this.#proof;
  }

  /** Does `work` with the model, which is not released before it is over. Rejects with InputError after a release. */
  async use<T>(work: (model: MeteredModel) => Promise<T>): Promise<T> {
    if (this.#released !== undefined) throw new InputError('the model was released: open it again to go on');
    const working = work(this.#model);
    this.#inHand.add(working);
    return working.finally(() => this.#inHand.delete(working));
  }

  release(): Promise<void> {
    this.#released ??= Promise.allSettled(this.#inHand).then(() => this.#model.release());
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** Slices of `x` with the noise streams of their images. */
  *#batches(x: Float32Array, { seed = 0, indices, batchSize = this.batchSize }: LogitsOptions) {
    const size = this.#model.imageSize;
    const count = x.length / size;
    const images = imageIndices(indices, count);
    wholeNumber(batchSize, 'batchSize', 1);
    wholeNumber(seed, 'seed');
    for (let first = 0; first < count; first += batchSize) {
      const last = Math.min(first + batchSize, count);
      const streams: RandomStream[] = images.slice(first, last).map((image) => keyedStream([seed, image, 'clean']));
      yield { first, last, rows: x.subarray(first * size, last * size), streams };
    }
  }

  /** What the loss takes besides labels, checked; the function gives the part of a batch. */
  #lossParameters(loss: LossName, count: number, query: Omit<GradientQuery, 'x' | 'loss'>) {
    if (!LOSS_NAMES.includes(loss))
      throw new InputError(`loss is ${describe(loss)}: give one of ${LOSS_NAMES.join(', ')}`);
    const { takes, minClasses } = LOSSES[loss];
    if (this.classes < minClasses)
      throw new InputError(`the loss ${loss} needs ${minClasses} classes, the model has ${this.classes}: take another`);
    const given = (name: 'targets' | 'references' | 'weights') => {
      const isGiven = query[name] !== undefined;
      if (isGiven === takes.includes(name)) return isGiven;
      throw new InputError(
        isGiven ? `the loss ${loss} takes no ${name}: leave them out` : `the loss ${loss} needs ${name}`,
      );
    };
    const targets = given('targets') ? classNumbers(query.targets, count, this.classes, 'targets') : undefined;
    const references = given('references') ? floats(query.references, count * this.classes, 'references') : undefined;
    const weights = given('weights') ? floats(query.weights, count, 'weights') : undefined;
    return (first: number, last: number) => ({
      ...(targets && { targets: targets.subarray(first, last) }),
      ...(references && { references: references.subarray(first * this.classes, last * this.classes) }),
      ...(weights && { weights: weights.subarray(first, last) }),
    });
  }
}

function floats(values: unknown, length: number, what: string): Float32Array {
  if (values instanceof Float32Array && values.length === length) return values;
  throw new InputError(`${what} are ${describe(values)}: give a Float32Array of ${length} numbers`);
}

/** The implementation behind an open model. Throws InputError for what is none of ours. */
export function runtimeModel(model: unknown): RuntimeModel {
  if (model instanceof RuntimeModel) return model;
  throw new InputError(`the model is ${describe(model)}: give one that openModel or defend has made`);
}
