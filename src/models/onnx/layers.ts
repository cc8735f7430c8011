import { ConfigError, GraphError } from '../../errors.ts';
import { formatDims, type Graph, isBatch } from '../../onnx/graph.ts';
import { type MaskLayer, maskLayer, perImageDims } from '../classifier.ts';
import { graphValues } from './graph-values.ts';
import { layerKinds } from './layer-kinds.ts';
import { type Module, modulePath, modulesOf } from './module-paths.ts';
import { unitAxes } from './unit-axis.ts';

/** The layers of a user's graph: which there are, and which axis of one holds its units. */

/** Layers, and what a reader should know of them. */
export interface Layers {
  readonly layers: readonly MaskLayer[];
  readonly notes: readonly string[];
}

/**
 * The values of a canonical graph that are worth offering: what modules made of others give, normalisations, poolings, the
 * features that the logits are made of, and activations. Named by the path of their module where exporters left it and `isNamed`
 * does not know it as the name of something else. Never throws: what masks cannot act on is no layer.
 */
export function offeredLayers(graph: Graph, logits: string, isNamed: (name: string) => boolean): Layers {
  const values = graphValues(graph);
  const modules = modulesOf(values);
  const paths = pathsByTensor(modules);
  const axes = unitAxes(values);
  const kinds = layerKinds(values, modules, axes, logits);
  const candidates = graph.nodes.flatMap(({ outputs }) =>
    outputs.filter(isGiven).flatMap((tensor) => {
      const kind = kinds(tensor);
      const dims = perImageDims(values.dims(tensor));
      const isLayer = tensor !== logits && isNamed(tensor) && dims?.some((dim) => dim > 1);
      if (kind === undefined || !isLayer) return [];
      return [{ tensor, kind, name: paths.get(tensor)?.find((path) => !isNamed(path)) ?? tensor }];
    }),
  );
  const layers = candidates.flatMap(({ tensor, kind, name }) => {
    const axis = axes(tensor);
    if (axis === undefined) return [];
    const producer = values.producer(tensor);
    const module = name === tensor && producer !== undefined ? modulePath(producer) : name;
    return [{ ...maskLayer(name, tensor, values.dims(tensor), axis), kind, module }];
  });
  const told = new Set(layers.map(({ tensor }) => tensor));
  return { layers, notes: untoldNotes(candidates.filter(({ tensor }) => !told.has(tensor)).map(({ name }) => name)) };
}

/** An output that nobody reads may have no name. */
function isGiven(name: string): boolean {
  return name !== '';
}

function untoldNotes(untold: readonly string[]): string[] {
  if (untold.length === 0) return [];
  const some = untold.slice(0, 3).join(', ') + (untold.length > 3 ? ', ...' : '');
  return [`values that need "layerAxis" to be layers, for the graph does not tell it: ${some} (${untold.length})`];
}

/** The modules that hand on one value, by that value; outermost first. */
function pathsByTensor(modules: ReadonlyMap<string, Module>): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, string[]>();
  for (const { path, outputs } of modules.values()) {
    const [tensor, ...others] = outputs;
    if (tensor === undefined || others.length > 0) continue;
    paths.set(
      tensor,
      [...(paths.get(tensor) ?? []), path].sort((a, b) => a.length - b.length),
    );
  }
  return paths;
}

/** What the module of that path hands on. Throws GraphError where it is several values; undefined where there is no such module. */
export function moduleOutput(graph: Graph, path: string): string | undefined {
  const outputs = modulesOf(graphValues(graph)).get(path)?.outputs ?? [];
  if (outputs.length < 2) return outputs[0];
  throw new GraphError(
    `module "${path}" hands on ${outputs.length} values, and a layer is one: ${outputs.map((name) => `"${name}"`).join(', ')}`,
  );
}

/** The value `tensor` as the layer `name`. Throws GraphError where it is none, or nothing tells which axis holds its units. */
export function namedLayer(name: string, tensor: string, graph: Graph, stated: number | undefined): Layers {
  const values = graphValues(graph);
  const shape = values.dims(tensor);
  const told = unitAxes(values)(tensor);
  const axis = stated === undefined ? told : statedAxis(stated, shape.length);
  if (axis === undefined && perImageDims(shape) !== undefined) {
    const axes = [...shape.keys()].filter((at) => !isBatch(shape[at]!));
    throw new GraphError(
      `layer "${name}" is ${formatDims(shape)}, and the graph does not tell which axis holds its units: ` +
        `say "layerAxis" (--layer-axis), ${axes.slice(0, -1).join(', ')} or ${axes.at(-1)}`,
    );
  }
  const contradicted = told !== undefined && axis !== told;
  return {
    layers: [maskLayer(name, tensor, shape, axis)],
    notes: contradicted ? [`the units of "${name}" are axis ${axis}, as stated; the graph tells axis ${told}`] : [],
  };
}

function statedAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive > 0 && positive < rank) return positive;
  throw new ConfigError(`layerAxis is ${axis}: give 1 to ${rank - 1}, or -1 for the last (axis 0 is the batch)`);
}
