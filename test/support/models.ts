import type { Classifier } from '../../src/architectures/architecture.ts';
import { layerOf } from '../../src/architectures/open.ts';
import type { Variant } from '../../src/contracts/variants.ts';
import { baseModel, defendedModel, type EvaluatedModel, type Smoothing } from '../../src/defense/defended.ts';
import { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { type RandomSource, type RandomStream, streamOf } from '../../src/random/stream.ts';
import type { TypedTensor } from '../../src/tensor/tensor.ts';

export interface DefenseCase {
  readonly layer: string;
  readonly masks: TypedTensor<'float32'>;
  readonly temperature?: number;
  readonly threshold?: number;
  readonly smoothing?: Smoothing;
}

/** The classifier as it is, or defended as the case says. */
export function modelOf(classifier: Classifier, defense?: DefenseCase): OnnxModel {
  return new OnnxModel(evaluated(classifier, defense), classifier.imageShape, classifier.classes, { threads: 2 });
}

function evaluated(classifier: Classifier, defense: DefenseCase | undefined): EvaluatedModel {
  if (defense === undefined) return baseModel(classifier);
  const { layer, masks, temperature = 0.01, threshold, smoothing = null } = defense;
  const variant: Exclude<Variant, { mask: 'none' }> =
    threshold === undefined
      ? { id: 'loir', mask: 'top-k', ranking: 'loir' }
      : { id: `conf@${threshold}`, mask: 'confidence', ranking: 'loir', threshold };
  return defendedModel(classifier, variant, { layer: layerOf(classifier, layer), masks, temperature, smoothing });
}

/** Streams for models that draw nothing. */
export function streams(count: number): RandomStream[] {
  return Array.from({ length: count }, (_, i) => streamOf(['test', i]));
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
