import { keyedStream, type RandomStream } from '../../numeric/random.ts';
import { float32, sizeOf, type TypedTensor } from '../../numeric/tensor.ts';
import { GraphBuilder } from '../builder.ts';
import type { Graph, Model, Node } from '../graph.ts';
import type { GradientTable } from './rule.ts';
import { GRADIENT_RULES, NON_DIFFERENTIABLE } from './rule-table.ts';
import { appendGradient, COTANGENT } from './vjp.ts';

export type Values = Readonly<Record<string, TypedTensor<'float32'>>>;

/** Runs a model on feeds by input name; gives its outputs by name. */
export type Evaluate = (model: Model, feeds: Values) => Promise<Values>;

/** A function at a point: from one input of a graph to one output, with values for all inputs. */
export interface Point {
  readonly graph: Graph;
  readonly feeds: Values;
  readonly input: string;
  readonly output: string;
}

/**
 * Steps relative to the size of x, tried from the largest on. Large ones have little rounding error in them, small ones
 * run over few kinks: a right gradient fits at one of them, a wrong one at none.
 */
const STEPS = [1e-1, 1e-2, 1e-3, 1e-4];

/** float32 keeps 24 bits. */
const ROUNDING = 2 ** -24;

export interface Comparison {
  readonly evaluate: Evaluate;
  readonly rules: GradientTable;
  readonly random: RandomStream;
  readonly directions: number;
  /** The relative error that is good enough. */
  readonly tolerance: number;
}

/**
 * Along random directions v and for random cotangents u, the largest difference between u' J v by the rules and by
 * finite differences, relative to the larger of the latter and the norm of J' u, its size for a typical v.
 */
async function relativeError(point: Point, comparison: Comparison): Promise<number> {
  const models = modelsOf(point, comparison.rules);
  let largest = 0;
  for (let round = 0; round < comparison.directions; round++) {
    largest = Math.max(largest, await errorAlong(await drawDirection(point, models, comparison), comparison));
  }
  return largest;
}

interface Models {
  readonly forward: Model;
  readonly backward: Model;
  readonly gradient: string;
}

function modelsOf({ graph, input, output }: Point, rules: GradientTable): Models {
  const builder = GraphBuilder.from(graph);
  const forward = builder.build([output]);
  const cotangent = builder.input(COTANGENT, builder.shape(output));
  const gradient = appendGradient(builder, output, cotangent, input, rules);
  return { forward, backward: builder.build([gradient]), gradient };
}

/** A direction v and a cotangent u; `project` is u' f at a point. */
interface Direction {
  readonly x: TypedTensor<'float32'>;
  readonly v: Float32Array;
  /** J' u by the rules. */
  readonly product: Float32Array;
  readonly project: (x: TypedTensor<'float32'>) => Promise<number>;
  /** What rounding alone may change in a projection. */
  readonly noise: number;
}

async function drawDirection(point: Point, models: Models, { evaluate, random }: Comparison): Promise<Direction> {
  const { feeds, input, output } = point;
  const x = feeds[input]!;
  const run = async (at: TypedTensor<'float32'>) =>
    (await evaluate(models.forward, { ...feeds, [input]: at }))[output]!;
  const value = await run(x);
  const u = normals(value.dims, random);
  const product = (await evaluate(models.backward, { ...feeds, [COTANGENT]: u }))[models.gradient]!.data;
  const size = value.data.reduce((sum, entry, at) => sum + Math.abs(entry * u.data[at]!), 0);
  const project = async (at: TypedTensor<'float32'>) => dot((await run(at)).data, u.data);
  return { x, v: normals(x.dims, random).data, product, project, noise: ROUNDING * size };
}

/** The relative error at the step that fits best. */
async function errorAlong(direction: Direction, { tolerance }: Comparison): Promise<number> {
  const { x, product, noise } = direction;
  const norm = Math.sqrt(dot(product, product));
  const scale = Math.sqrt(dot(x.data, x.data) / x.data.length) || 1;
  let smallest = Number.POSITIVE_INFINITY;
  for (const step of STEPS.map((relative) => relative * scale)) {
    const whole = await centralDifference(direction, step);
    const half = await centralDifference(direction, step / 2);
    // Richardson: the error of a central difference is quadratic in the step, and this takes that part out.
    const error = Math.abs((4 * half.error - whole.error) / 3);
    const size = Math.max(norm, Math.abs(half.derivative)) || 1;
    const relative = Math.max(0, error - noise / step) / size;
    // A step that leaves the domain of a logarithm or a root gives NaN, which is no error of the gradient.
    if (relative < smallest) smallest = relative;
    if (smallest <= tolerance) break;
  }
  return smallest;
}

/** The derivative by a central difference, and how far it is from that by the rules. */
async function centralDifference({ x, v, product, project }: Direction, step: number) {
  const [ahead, behind] = [shifted(x, v, step), shifted(x, v, -step)];
  const difference = (await project(ahead)) - (await project(behind));
  // The points are rounded to float32: what lies between them is the step that was taken.
  const expected = dot(
    product,
    ahead.data.map((entry, at) => entry - behind.data[at]!),
  );
  return { derivative: difference / (2 * step), error: (difference - expected) / (2 * step) };
}

function shifted(x: TypedTensor<'float32'>, direction: Float32Array, step: number): TypedTensor<'float32'> {
  return float32(
    x.dims,
    x.data.map((entry, at) => entry + step * direction[at]!),
  );
}

function normals(dims: readonly number[], random: RandomStream): TypedTensor<'float32'> {
  return float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
  );
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!;
  return sum;
}

/** How closely to compare. */
export interface CheckOptions {
  /** Random directions that are compared; 4 by default. */
  readonly directions?: number;
  /** Relative error that passes; 0.01 by default, as finite differences run over the kinks of ReLUs. */
  readonly tolerance?: number;
  readonly seed?: number;
  readonly rules?: GradientTable;
}

/** What a comparison of gradients found. */
export interface CheckReport {
  /** Whether the largest error is within the tolerance. */
  readonly ok: boolean;
  /** The largest difference from finite differences, relative to the gradient's size. */
  readonly maxRelativeError: number;
  /** Where the whole does not pass: the nodes that do not pass alone, worst first. */
  readonly suspects: readonly Suspect[];
}

/** A node whose rule does not pass alone. */
export interface Suspect {
  /** Its op, whose rule is to be looked at. */
  readonly op: string;
  /** Its name, or its first output's. */
  readonly node: string;
  /** The error of its gradient alone. */
  readonly maxRelativeError: number;
}

/**
 * Compares the gradient that the rules derive with finite differences of the model itself. Where they disagree, every
 * node is compared alone, at the values it has in the model, and those that disagree are named.
 *
 * @param model of one input x and one output, of any shape
 * @param x where to compare
 */
export async function checkGradient(
  model: Model,
  x: TypedTensor<'float32'>,
  evaluate: Evaluate,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const { directions = 4, tolerance = 0.01, seed = 0, rules = GRADIENT_RULES } = options;
  const comparison = { evaluate, directions, tolerance, rules, random: keyedStream(['check-gradient', seed]) };
  const { graph } = model;
  const [input, output] = [graph.inputs[0]!.name, graph.outputs[0]!.name];
  const maxRelativeError = await relativeError({ graph, feeds: { [input]: x }, input, output }, comparison);
  const ok = maxRelativeError <= tolerance;
  return { ok, maxRelativeError, suspects: ok ? [] : await findSuspects(graph, { [input]: x }, comparison) };
}

async function findSuspects(graph: Graph, feeds: Values, comparison: Comparison): Promise<readonly Suspect[]> {
  const builder = GraphBuilder.from(graph);
  const alone = graph.nodes.flatMap((node) => nodeAlone(builder, node) ?? []);
  const needed = new Set(alone.flatMap(({ inputs }) => inputs).filter((name) => feeds[name] === undefined));
  const inner = needed.size > 0 ? await comparison.evaluate(builder.build([...needed]), feeds) : {};
  const values = { ...feeds, ...inner };
  const suspects: Suspect[] = [];
  for (const { node, graph: single, inputs } of alone) {
    const own = Object.fromEntries(inputs.map((name) => [name, values[name]!]));
    for (const input of inputs) {
      const point = { graph: single, feeds: own, input, output: node.outputs[0]! };
      const error = await relativeError(point, comparison);
      if (error > comparison.tolerance) {
        suspects.push({ op: node.op, node: node.name || node.outputs[0]!, maxRelativeError: error });
      }
    }
  }
  return suspects.sort((a, b) => b.maxRelativeError - a.maxRelativeError);
}

/** A graph of one node, its variable inputs as the graph's; undefined for nodes that cannot be compared alone. */
function nodeAlone(builder: GraphBuilder, node: Node): { node: Node; graph: Graph; inputs: string[] } | undefined {
  const names = [...new Set(node.inputs.filter((name) => name !== ''))];
  const inputs = names.filter((name) => builder.constantOf(name) === undefined);
  // What is no float32, as indices and conditions are not, can be neither fed nor compared.
  const isFloat = [...inputs, node.outputs[0]!].every((name) => builder.type(name) === 'float32');
  if (!isFloat || inputs.length === 0 || NON_DIFFERENTIABLE.has(node.op)) return undefined;
  const single = new GraphBuilder();
  for (const name of names) {
    const constant = builder.constantOf(name);
    if (constant === undefined) single.input(name, builder.shape(name));
    else single.initializer(name, constant);
  }
  single.append(node);
  return { node, graph: single.build([node.outputs[0]!]).graph, inputs };
}
