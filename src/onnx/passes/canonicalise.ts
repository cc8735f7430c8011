import { GraphError } from '../../errors.ts';
import { describeNode, type Graph, type Model } from '../graph.ts';
import { foldBatchNorm } from './batchnorm.ts';
import { withDynamicBatch } from './dynamic-batch.ts';
import { toFloat32 } from './float32.ts';
import { fold } from './fold.ts';
import { withAllOutputs, withOwnNames } from './node-names.ts';
import { simplify } from './simplify.ts';
import { perImageGathers } from './strided-view.ts';
import { upgrade } from './upgrade.ts';
import { withoutWholeWrites } from './whole-writes.ts';

export interface CanonicalOptions {
  /** Leaves every BatchNorm where it is, so that what it reads can be compared with its statistics. */
  readonly keepNorms?: boolean;
}

/**
 * The model in the form that everything else in igd relies on: canonical opset, float32, only the batch dynamic, constants
 * folded, nothing that does nothing. Canonical models come out as they went in. Throws GraphError where that cannot be.
 */
export function canonicalise(model: Model, { keepNorms = false }: CanonicalOptions = {}): Model {
  const { graph, ...rest } = upgrade({
    ...model,
    graph: toFloat32(withAllOutputs(withOwnNames(validate(model.graph)))),
  });
  const dynamic = tidy(withDynamicBatch(perImageGathers(withoutWholeWrites(tidy(graph)))));
  return { ...rest, graph: keepNorms ? dynamic : tidy(foldBatchNorm(dynamic)) };
}

/** Simplified before it is folded, so that what Identity shared stays shared, and after, as constants show what is needless. */
function tidy(graph: Graph): Graph {
  return simplify(fold(simplify(graph)));
}

/**
 * Checks what every pass relies on: each value is given once, and before it is read; names can be printed, and those of
 * ops can be looked up. Throws GraphError.
 */
export function validate(graph: Graph): Graph {
  checkNames(graph);
  checkValues(graph);
  return graph;
}

/** Messages name what they are about, on one line and without sequences that a terminal would obey. */
function checkNames({ inputs, initializers, nodes }: Graph): void {
  const texts = nodes.flatMap(({ op, domain, name, outputs, inputs: read, attributes }) => {
    const strings = Object.values(attributes).map((attribute) => (attribute.kind === 'string' ? attribute.value : ''));
    return [op, domain, name, ...outputs, ...read, ...strings];
  });
  // A table knows "constructor" and "toString" without having them as entries; no op begins with a small letter.
  const odd = nodes.find(({ op, domain }) => domain === '' && !/^[A-Z]/.test(op));
  if (odd !== undefined) throw new GraphError(`${JSON.stringify(odd.op)} is no ONNX op`);
  for (const text of [...inputs.map(({ name }) => name), ...initializers.keys(), ...texts]) {
    if (/\p{Cc}/u.test(text)) throw new GraphError(`name ${JSON.stringify(text)} contains control characters`);
  }
}

function checkValues(graph: Graph): void {
  const given = new Set<string>(graph.initializers.keys());
  const give = (name: string, by: string) => {
    if (given.has(name)) throw new GraphError(`${by} gives value "${name}", which is there already`);
    given.add(name);
  };
  for (const { name } of graph.inputs) give(name, 'an input');
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      if (name !== '' && !given.has(name)) {
        throw new GraphError(`${describeNode(node)} reads value "${name}", which nothing before it gives`);
      }
    }
    for (const name of node.outputs) if (name !== '') give(name, describeNode(node));
  }
  for (const { name } of graph.outputs) {
    if (!given.has(name)) throw new GraphError(`output ${JSON.stringify(name)} is given by no node`);
  }
}
