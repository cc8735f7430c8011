import type { Node } from '../../onnx/graph.ts';
import type { GraphValues } from './graph-values.ts';

/** The modules of the network that a graph was exported from, as exporters leave them in names. */

/** Metadata of torch.onnx.export(dynamo=True): the names of the modules around a node and, last, of what it was there. */
const NAME_SCOPES = 'pkg.torch.onnx.name_scopes';

/**
 * The path of the module a node belongs to, as PyTorch writes it: "layers.0.blocks.1"; '' is the whole network, undefined where
 * nothing is said. The older exporter names nodes "/layers/layers.0/blocks/blocks.1/norm1/LayerNormalization", TensorFlow's
 * "sequential/dense/Relu".
 */
export function modulePath({ name, source }: Node): string | undefined {
  const scopes = source?.metadataProps.find(({ key }) => key === NAME_SCOPES)?.value;
  const path = scopes === undefined ? pathOfName(name) : [...scopes.matchAll(/'([^']*)'/g)].at(-2)?.[1];
  return path !== undefined && !/\p{Cc}/u.test(path) ? path : undefined;
}

function pathOfName(name: string): string | undefined {
  if (!name.includes('/')) return undefined;
  const steps = name.split('/').slice(0, -1).filter(Boolean);
  // "layers" before "layers.0" is in it already.
  return steps.filter((step, at) => !steps[at + 1]?.startsWith(`${step}.`)).join('.');
}

/** "a.b.c" is in "a", "a.b" and itself. */
function modulesAround(path: string): string[] {
  const steps = path.split('.');
  return path === '' ? [] : steps.map((_, at) => steps.slice(0, at + 1).join('.'));
}

function isWithin(path: string, module: string): boolean {
  return path === module || path.startsWith(`${module}.`);
}

/** A module of the network, as far as a graph shows it. */
export interface Module {
  readonly path: string;
  /** The values it hands on to nodes outside it. */
  readonly outputs: readonly string[];
  /** Names of the modules directly in it. */
  readonly children: ReadonlySet<string>;
  /** Its nodes, those of modules in it among them. */
  readonly nodes: readonly Node[];
}

/** The modules of a graph by path. */
export function modulesOf(values: GraphValues): ReadonlyMap<string, Module> {
  const paths = pathsOf(values);
  const modules = new Map<string, { path: string; outputs: string[]; children: Set<string>; nodes: Node[] }>();
  const results = new Set(values.graph.outputs.map(({ name }) => name));
  for (const node of values.graph.nodes) {
    const path = paths.get(node);
    const around = modulesAround(path ?? '');
    for (const [at, module] of around.entries()) {
      const entry = modules.get(module) ?? { path: module, outputs: [], children: new Set(), nodes: [] };
      modules.set(module, entry);
      entry.nodes.push(node);
      const child = around[at + 1];
      if (child !== undefined) entry.children.add(child);
      const leaves = (name: string) =>
        results.has(name) || values.readers(name).some((reader) => !isWithin(paths.get(reader) ?? '', module));
      entry.outputs.push(...node.outputs.filter(leaves));
    }
  }
  return modules;
}

/** Of every node; one that a pass has added is where the first of its readers is. */
function pathsOf({ graph, readers }: GraphValues): ReadonlyMap<Node, string> {
  const paths = new Map<Node, string>();
  for (const node of [...graph.nodes].reverse()) {
    const inherited = node.outputs.flatMap((name) => readers(name)).map((reader) => paths.get(reader));
    const path = modulePath(node) ?? inherited.find((known) => known !== undefined);
    if (path !== undefined) paths.set(node, path);
  }
  return paths;
}
