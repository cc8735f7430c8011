import type { MeteredModel } from '../evaluation/onnx-model.ts';
import type { StopSignal } from './stop-signal.ts';

/** The model, which looks before every evaluation whether it is time to stop, and then throws the signal's reason. */
export function stoppable(model: MeteredModel, signal: StopSignal | undefined): MeteredModel {
  if (signal === undefined) return model;
  const { classes, imageSize, imageShape, randomised } = model;
  return {
    classes,
    imageSize,
    imageShape,
    randomised,
    get usage() {
      return model.usage;
    },
    logits: async (x, streams) => {
      signal.throwIfAborted();
      return model.logits(x, streams);
    },
    gradient: async (loss, batch, streams) => {
      signal.throwIfAborted();
      return model.gradient(loss, batch, streams);
    },
  };
}
