import type { AttackUsage } from '../contracts/results.ts';
import type { OnnxModel } from './onnx-model.ts';

export interface Meter {
  /** What the attack has cost so far. */
  read(): AttackUsage;
}

/** Counts what an attack costs from now on, on top of what it had cost before an interruption. */
export function meterOf(attack: string, model: Pick<OnnxModel, 'usage'>, earlier?: AttackUsage): Meter {
  const before = model.usage;
  const start = performance.now();
  return {
    read() {
      const { forwards, gradients, runtimeSeconds } = model.usage;
      return {
        attack,
        seconds: (earlier?.seconds ?? 0) + (performance.now() - start) / 1000,
        forwards: (earlier?.forwards ?? 0) + forwards - before.forwards,
        gradients: (earlier?.gradients ?? 0) + gradients - before.gradients,
        runtimeSeconds: (earlier?.runtimeSeconds ?? 0) + runtimeSeconds - before.runtimeSeconds,
      };
    },
  };
}
