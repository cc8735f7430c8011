import type { AttackUsage } from '../contracts/results.ts';
import type { OnnxModel } from './onnx-model.ts';

export interface Meter {
  /** What the attack has cost so far. */
  read(): AttackUsage;
}

type Cost = Omit<AttackUsage, 'attack'>;

const NOTHING: Cost = { seconds: 0, forwards: 0, gradients: 0, runtimeSeconds: 0 };

/** Counts what an attack on these models costs from now on, on top of what it had cost before an interruption. */
export function meterOf(attack: string, models: readonly Pick<OnnxModel, 'usage'>[], earlier: Cost = NOTHING): Meter {
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
