import type { Node } from '../../onnx/graph.ts';
import type { LayerKind } from '../classifier.ts';
import { axesAfter } from './axis-moves.ts';
import { activationsOf } from './elementwise.ts';
import type { GraphValues } from './graph-values.ts';
import type { Module } from './module-paths.ts';
import type { UnitAxes } from './unit-axis.ts';

const NORMS: ReadonlySet<string> = new Set([
  ...['BatchNormalization', 'LayerNormalization', 'InstanceNormalization', 'GroupNormalization'],
]);
const POOLS: ReadonlySet<string> = new Set(['MaxPool', 'AveragePool', 'LpPool', 'GlobalMaxPool', 'GlobalAveragePool']);
const REDUCTIONS: ReadonlySet<string> = new Set(['ReduceMean', 'ReduceMax', 'ReduceSum']);

/**
 * What each value of a graph is, of what is worth ranking; undefined for all others. What a module made of several others hands on is
 * a block, also where that is the result of its norm or activation.
 */
export function layerKinds(
  values: GraphValues,
  modules: ReadonlyMap<string, Module>,
  axes: UnitAxes,
  logits: string,
): (tensor: string) => LayerKind | undefined {
  const single = [...modules.values()].filter(({ outputs }) => outputs.length === 1);
  const given = (some: readonly Module[]) => new Set(some.map(({ outputs }) => outputs[0]!));
  const blocks = given(single.filter(({ children }) => children.size > 1));
  const normModules = single.filter(({ children, nodes }) => children.size === 0 && isNorm(nodes));
  const norms = given(normModules);
  /** Steps of a norm whose module gives another value. */
  const steps = new Set(normModules.flatMap(({ nodes }) => nodes.flatMap(({ outputs }) => outputs)));
  const activations = activationsOf(values);
  const features = featuresOf(logits, values);
  return (tensor) => {
    const producer = values.producer(tensor);
    if (tensor === features) return 'features';
    if (blocks.has(tensor)) return 'block';
    if (norms.has(tensor)) return 'normalisation';
    if (steps.has(tensor)) return undefined;
    if (producer !== undefined && NORMS.has(producer.op)) return 'normalisation';
    if (producer !== undefined && isPooling(producer, values, axes)) return 'pooling';
    return activations.has(tensor) ? 'activation' : undefined;
  };
}

/** Exporters write some norms as the mean, the variance and a division. */
function isNorm(nodes: readonly Node[]): boolean {
  const ops = new Set(nodes.map(({ op }) => op));
  return nodes.some(({ op }) => NORMS.has(op)) || (ops.has('ReduceMean') && (ops.has('Sqrt') || ops.has('Pow')));
}

/** Pooled: over the axes beside that of the units. A mean over the units is a step of a norm. */
function isPooling(node: Node, values: GraphValues, axes: UnitAxes): boolean {
  if (POOLS.has(node.op)) return true;
  if (!REDUCTIONS.has(node.op)) return false;
  const axis = axes(node.inputs[0]!);
  return axis !== undefined && (axesAfter(node, values) ?? []).includes(axis);
}

/** What the last weights are applied to. */
function featuresOf(logits: string, values: GraphValues): string | undefined {
  let node = values.producer(logits);
  while (node !== undefined && !['Gemm', 'MatMul', 'Conv'].includes(node.op)) {
    const [value, ...others] = node.inputs.filter((name) => name !== '' && values.constant(name) === undefined);
    if (value === undefined || others.length > 0) return undefined;
    node = values.producer(value);
  }
  return node?.inputs[0];
}
