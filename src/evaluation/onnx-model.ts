import type { AttackedModel, LossBatch, LossGradient } from '../attacks/core/attack.ts';
import { LOSS_PARAMETERS, LOSSES, type LossName, type LossParameter } from '../attacks/core/losses.ts';
import { type EvaluatedModel, NOISE_INPUT } from '../defense/defended-model.ts';
import { appendOpposedLogits } from '../models/binary.ts';
import { IMAGE_INPUT, type ImageShape } from '../models/classifier.ts';
import type { RandomSource } from '../numeric/random.ts';
import { float32 } from '../numeric/tensor.ts';
import { STRAIGHT_THROUGH } from '../onnx/autodiff/rule-table.ts';
import { appendGradient } from '../onnx/autodiff/vjp.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Model } from '../onnx/graph.ts';
import { type RandomInput, randomFeeds, randomInputs } from '../onnx/random-inputs.ts';
import { type Feeds, outputOf, type Runtime, type Session } from '../onnx/runtime.ts';
import type { AttackUsage } from '../schemas/results.ts';
import { requireAgreement } from './proof/agreement.ts';

const LABELS = 'labels';

/** What a model has cost so far. */
export interface ModelUsage {
  /** Images evaluated without a gradient, and with one. */
  readonly forwards: number;
  readonly gradients: number;
  readonly runtimeSeconds: number;
}

/** A model that counts what it costs: what evaluations work on. */
export interface MeteredModel extends AttackedModel {
  readonly usage: ModelUsage;
}

/**
 * An evaluated model on a runtime, as attacks see it. It keeps one forward session and one gradient session per loss in
 * use: a gradient graph asked for logits alone would still compute the gradient. Release it after use.
 */
export class OnnxModel implements MeteredModel {
  readonly classes: number;
  readonly imageSize: number;
  readonly imageShape: ImageShape;
  readonly randomised: boolean;
  readonly #evaluated: EvaluatedModel;
  readonly #draws: readonly RandomInput[];
  readonly #runtime: Runtime;
  readonly #agreed = new Set<LossName>();
  readonly #sessions = new Map<LossName | 'forward', Promise<Session>>();
  #forwards = 0;
  #gradients = 0;
  #runtimeSeconds = 0;

  constructor(evaluated: EvaluatedModel, imageShape: ImageShape, classes: number, runtime: Runtime) {
    this.#evaluated = evaluated;
    this.imageShape = imageShape;
    this.#runtime = runtime;
    this.classes = classes;
    this.imageSize = imageShape[0] * imageShape[1] * imageShape[2];
    this.#draws = randomInputs(evaluated.model.graph);
    this.randomised = evaluated.smoothing !== null || this.#draws.length > 0;
  }

  get usage(): ModelUsage {
    return { forwards: this.#forwards, gradients: this.#gradients, runtimeSeconds: this.#runtimeSeconds };
  }

  async logits(x: Float32Array, streams: readonly RandomSource[]): Promise<Float32Array> {
    const { logits } = this.#evaluated;
    const outputs = await this.#run('forward', this.#feeds(x, streams), [logits]);
    this.#forwards += x.length / this.imageSize;
    return outputOf(outputs, logits);
  }

  async gradient(loss: LossName, batch: LossBatch, streams: readonly RandomSource[]): Promise<LossGradient> {
    const { logits } = this.#evaluated;
    const feeds = { ...this.#feeds(batch.x, streams), ...lossFeeds(loss, batch, this.classes) };
    const outputs = await this.#run(loss, feeds, ['loss', logits, 'gradient']);
    this.#gradients += batch.labels.length;
    const result = {
      loss: outputOf(outputs, 'loss'),
      logits: outputOf(outputs, logits),
      gradient: outputOf(outputs, 'gradient'),
    };
    if (!this.#agreed.has(loss)) await this.#requireAgreement(loss, batch.x, feeds, result.logits);
    return result;
  }

  get weights(): number {
    const tensors = [...this.#evaluated.model.graph.initializers.values()];
    return tensors.reduce((sum, { type, data }) => sum + (type === 'float32' ? data.length : 0), 0);
  }

  get hasOwnGradient(): boolean {
    return this.#evaluated.rules === STRAIGHT_THROUGH;
  }

  /** The same model on the runtime that this one's is compared with. */
  plain(): OnnxModel | undefined {
    const runtime = this.#runtime.plain?.();
    return runtime && new OnnxModel(this.#evaluated, this.imageShape, this.classes, runtime);
  }

  async release(): Promise<void> {
    const sessions = await Promise.all(this.#sessions.values());
    this.#sessions.clear();
    this.#agreed.clear();
    await Promise.all(sessions.map((session) => session.release()));
  }

  /**
   * Throws ModelError where the session of a loss gives other logits than the forward session: an optimiser at work in one of
   * them alone. Once a session, on the first images it is asked about.
   */
  async #requireAgreement(loss: LossName, x: Float32Array, feeds: Feeds, logits: Float32Array): Promise<void> {
    const { model, logits: output } = this.#evaluated;
    const own = Object.fromEntries(model.graph.inputs.map(({ name }) => [name, feeds[name]!]));
    const ask = async (x: Float32Array) =>
      outputOf(await this.#run('forward', { ...own, [IMAGE_INPUT]: this.#imagesOf(x) }, [output]), output);
    await requireAgreement({
      answers: [await ask(x), logits],
      ...{ classes: this.classes, x, ask },
      problem: (difference) =>
        `${model.graph.name}: its logits with the gradient of ${loss} and without differ by ${difference} of their size: the ` +
        'runtime computes another function in one of them; export the model with other ops or another opset',
    });
    this.#agreed.add(loss);
  }

  async #run(kind: LossName | 'forward', feeds: Feeds, outputs: readonly string[]) {
    const session = await this.#session(kind);
    const before = session.usage.calls === 0 ? 0 : session.usage.seconds;
    const results = await session.run(feeds, outputs);
    this.#runtimeSeconds += session.usage.seconds - before;
    return results;
  }

  #session(kind: LossName | 'forward'): Promise<Session> {
    const known = this.#sessions.get(kind);
    if (known !== undefined) return known;
    const model = kind === 'forward' ? this.#evaluated.model : lossGradientModel(this.#evaluated, kind);
    const created = this.#runtime.createSession(model);
    this.#sessions.set(kind, created);
    // A session that could not be made is not there to be released.
    created.catch(() => this.#sessions.delete(kind));
    return created;
  }

  #imagesOf(x: Float32Array) {
    return float32([x.length / this.imageSize, ...this.imageShape], x);
  }

  #feeds(x: Float32Array, streams: readonly RandomSource[]): Record<string, Feeds[string]> {
    const count = x.length / this.imageSize;
    const images = { [IMAGE_INPUT]: this.#imagesOf(x), ...randomFeeds(this.#draws, streams) };
    const { smoothing } = this.#evaluated;
    if (smoothing === null) return images;
    const noise = new Float32Array(count * smoothing.samples * this.imageSize);
    streams.forEach((stream, row) => {
      const rowSize = smoothing.samples * this.imageSize;
      for (let i = row * rowSize; i < (row + 1) * rowSize; i++) noise[i] = stream.normal() * smoothing.sigma;
    });
    return { ...images, [NOISE_INPUT]: float32([count, smoothing.samples, ...this.imageShape], noise) };
  }
}

/**
 * The model with a loss on top and its gradient with respect to the images: outputs `loss` [N], the logits, `gradient`.
 * Each image's loss depends on that image alone, so a cotangent of ones gives every image its own gradient.
 */
export function lossGradientModel({ model, logits, rules, isBinary }: EvaluatedModel, name: LossName): Model {
  const builder = GraphBuilder.from(model.graph);
  const values = appendLoss(builder, name, isBinary === true ? appendOpposedLogits(builder, logits) : logits);
  const ones = builder.op('Expand', [builder.constant(1), builder.op('Shape', [values])]);
  const gradient = appendGradient(builder, values, ones, IMAGE_INPUT, rules);
  const named = (value: string, output: string) => builder.op('Identity', [value], {}, { outputs: [output] });
  return builder.build([named(values, 'loss'), logits, named(gradient, 'gradient')], `${model.graph.name} ${name}`);
}

/** Appends a loss with its labels and the parameters it takes as inputs of the graph; returns its values, [N]. */
export function appendLoss(builder: GraphBuilder, name: LossName, logits: string): string {
  const loss = LOSSES[name];
  const labels = builder.input(LABELS, [{ batch: 1 }]);
  const inputOf = (which: LossParameter) => {
    if (!loss.takes.includes(which)) return labels;
    const { perClass } = LOSS_PARAMETERS[which];
    return builder.input(which, perClass ? builder.shape(logits) : [{ batch: 1 }]);
  };
  const parameters = {
    targets: inputOf('targets'),
    references: inputOf('references'),
    weights: inputOf('weights'),
  };
  return loss.build(builder, { logits, labels, ...parameters });
}

/** What feeds those inputs. */
function lossFeeds(loss: LossName, batch: LossBatch, classes: number): Feeds {
  const count = batch.labels.length;
  const feeds = LOSSES[loss].takes.map((parameter) => {
    const values = batch[parameter];
    if (values === undefined) throw new Error(`the loss ${loss} takes ${parameter}, and the batch has none`);
    const { perClass } = LOSS_PARAMETERS[parameter];
    return [parameter, float32(perClass ? [count, classes] : [count], Float32Array.from(values))] as const;
  });
  return { [LABELS]: float32([count], Float32Array.from(batch.labels)), ...Object.fromEntries(feeds) };
}

export interface UsageMeter {
  /** What the attack has cost so far. */
  read(): AttackUsage;
}

type Cost = Omit<AttackUsage, 'attack'>;

const NOTHING: Cost = { seconds: 0, forwards: 0, gradients: 0, runtimeSeconds: 0 };

/** Counts what an attack on these models costs from now on, on top of what it had cost before an interruption. */
export function usageMeter(
  attack: string,
  models: readonly Pick<MeteredModel, 'usage'>[],
  earlier: Cost = NOTHING,
): UsageMeter {
  const spent = (): Cost =>
    models.reduce(
      (sum, { usage }) => ({
        seconds: sum.seconds,
        forwards: sum.forwards + usage.forwards,
        gradients: sum.gradients + usage.gradients,
        runtimeSeconds: sum.runtimeSeconds + usage.runtimeSeconds,
      }),
      { ...NOTHING, seconds: performance.now() / 1000 },
    );
  const before = spent();
  return {
    read() {
      const now = spent();
      const since = (key: keyof Cost) => earlier[key] + now[key] - before[key];
      return {
        attack,
        seconds: since('seconds'),
        forwards: since('forwards'),
        gradients: since('gradients'),
        runtimeSeconds: since('runtimeSeconds'),
      };
    },
  };
}
