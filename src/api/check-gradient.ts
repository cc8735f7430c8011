import { InputError } from '../errors.ts';
import { float32 } from '../numeric/tensor.ts';
import { type CheckReport, checkGradient as compare, type Evaluate } from '../onnx/autodiff/check-gradient.ts';
import type { Model } from '../onnx/graph.ts';
import type { Runtime, Session } from '../onnx/runtime.ts';
import { imageCount } from './arguments.ts';
import type { OpenModel } from './model.ts';
import { runtimeModel } from './runtime-model.ts';

/** How closely to compare. */
export interface CheckGradientOptions {
  /** Random directions that are compared; 4 by default. */
  readonly directions?: number;
  /** Relative error that passes; 0.01 by default, as finite differences run over the kinks of ReLUs. */
  readonly tolerance?: number;
  /** Seed of the directions; 0 by default. */
  readonly seed?: number;
}

/**
 * Compares the gradient of a model's logits, as its rules derive it, with finite differences of the model itself at the
 * images `x` [N, C, H, W]; two or three are enough. Where they disagree, the nodes that disagree alone are named. For
 * whoever opens a model with `rules` of their own. Rejects with InputError for a randomised model, with GraphError where an
 * op has no rule.
 */
export async function checkGradient(
  model: OpenModel,
  x: Float32Array,
  options: CheckGradientOptions = {},
): Promise<CheckReport> {
  const own = runtimeModel(model);
  const { evaluated, runtime, rules } = own.parts;
  if (own.randomised)
    throw new InputError('a randomised model has no one gradient: check it without smoothing or draws of its own');
  const images = float32([imageCount(x, own.imageShape, 'x'), ...own.imageShape], x);
  return own.use(() =>
    withSessions(runtime, (evaluate) =>
      compare(evaluated.model, images, evaluate, { ...options, ...(rules && { rules }) }),
    ),
  );
}

/** Runs `work` with an `evaluate` that keeps a session a model, and releases them after. */
async function withSessions<T>(runtime: Runtime, work: (evaluate: Evaluate) => Promise<T>): Promise<T> {
  const sessions = new Map<Model, Session>();
  const sessionOf = async (model: Model) => {
    const session = sessions.get(model) ?? (await runtime.createSession(model));
    sessions.set(model, session);
    return session;
  };
  try {
    return await work(async (model, feeds) => (await sessionOf(model)).run(feeds));
  } finally {
    await Promise.all([...sessions.values()].map((session) => session.release()));
  }
}
