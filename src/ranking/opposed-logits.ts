import { appendOpposedLogits } from '../models/binary.ts';
import type { Classifier } from '../models/classifier.ts';
import { GraphBuilder } from '../onnx/builder.ts';

/**
 * The classifier by which units are left out: of a model with one output z the one with logits [-z/2, z/2], for the 0 of [0, z]
 * tells of no unit what it does for class 0; any other as it is.
 */
export function opposedLogits(classifier: Classifier): Classifier {
  if (classifier.isBinary !== true) return classifier;
  const { graph } = classifier.model;
  const builder = GraphBuilder.from(graph);
  const logits = appendOpposedLogits(builder, classifier.logits);
  return { ...classifier, logits, model: builder.build([logits], graph.name) };
}
