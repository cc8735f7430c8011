import type { Graph, Model } from '../graph.ts';
import { withDynamicBatch } from './batch.ts';
import { foldBatchNorm } from './batchnorm.ts';
import { toFloat32 } from './float32.ts';
import { fold } from './fold.ts';
import { simplify } from './simplify.ts';
import { upgrade } from './upgrade.ts';
import { validate } from './validate.ts';

/**
 * The model in the form that everything else in igd relies on: canonical opset, float32, only the batch dynamic, constants
 * folded, nothing that does nothing. Canonical models come out as they went in. Throws GraphError where that cannot be.
 */
export function canonicalise(model: Model): Model {
  const { graph, ...rest } = upgrade({ ...model, graph: toFloat32(validate(model.graph)) });
  return { ...rest, graph: tidy(foldBatchNorm(tidy(withDynamicBatch(tidy(graph))))) };
}

/** Simplified before it is folded, so that what Identity shared stays shared, and after, as constants show what is needless. */
function tidy(graph: Graph): Graph {
  return simplify(fold(simplify(graph)));
}
