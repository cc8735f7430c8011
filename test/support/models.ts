import {
  baseModel,
  defendedModel,
  type EvaluatedModel,
  type MaskedVariant,
  type Smoothing,
} from '../../src/defense/defended-model.ts';
import { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { type Classifier, layerOf } from '../../src/models/classifier.ts';
import { keyedStream, type RandomSource, type RandomStream } from '../../src/numeric/random.ts';
import type { TypedTensor } from '../../src/numeric/tensor.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';

export interface DefenseCase {
  readonly layer: string;
  readonly masks: TypedTensor<'float32'>;
  readonly temperature?: number;
  readonly threshold?: number;
  readonly smoothing?: Smoothing;
}

/** The classifier as it is, or defended as the case says. */
export function modelOf(classifier: Classifier, defense?: DefenseCase): OnnxModel {
  return new OnnxModel(
    evaluated(classifier, defense),
    classifier.imageShape,
    classifier.classes,
    onnxRuntime({ threads: 2 }),
  );
}

export function evaluated(classifier: Classifier, defense: DefenseCase | undefined): EvaluatedModel {
  if (defense === undefined) return baseModel(classifier);
  const { layer, masks, temperature = 0.01, threshold, smoothing = null } = defense;
  const variant: MaskedVariant =
    threshold === undefined
      ? { id: 'loir', mask: { kind: 'top-k' } }
      : { id: `conf@${threshold}`, mask: { kind: 'confidence', threshold } };
  return defendedModel(classifier, variant, { layer: layerOf(classifier, layer), masks, temperature, smoothing });
}

/** Streams for models that draw nothing. */
export function streams(count: number): RandomStream[] {
  return Array.from({ length: count }, (_, i) => keyedStream(['test', i]));
}

/** Streams that hand out given values in order, row by row. */
export function streamsOf(values: Float32Array, rows: number): RandomSource[] {
  const size = values.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    let next = row * size;
    const draw = () => values[next++] ?? Number.NaN;
    return { normal: draw, uniform: draw, integer: () => 0 };
  });
}
