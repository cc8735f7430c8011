import { bfloat16ToFloat32, type ElementType, float16ToFloat32, type Tensor } from '../../numeric/tensor.ts';
import { ELEMENT_CODES } from '../element-types.ts';
import type { Attribute, Graph, Node, ValueInfo } from '../graph.ts';

/** Element types of floats other than float32. */
const OTHER_FLOATS: ReadonlySet<ElementType> = new Set(['float16', 'bfloat16', 'float64']);
const OTHER_FLOAT_CODES: ReadonlySet<number> = new Set([...OTHER_FLOATS].map((type) => ELEMENT_CODES[type]));
/** Attributes that hold an element type: of Cast and of EyeLike and the generators. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(['to', 'dtype']);

/** The graph computing in float32 what it computes in half or double precision: weights, casts, inputs and outputs. */
export function toFloat32(graph: Graph): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map(widenInfo),
    outputs: graph.outputs.map(widenInfo),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, widen(tensor)])),
    nodes: graph.nodes.map(widenNode),
  };
}

/** The types of floats besides float32 that a graph has or casts to. */
export function otherFloats({ inputs, initializers, nodes }: Graph): ElementType[] {
  const cast = new Set(nodes.flatMap(({ attributes: { to } }) => (to?.kind === 'int' ? [to.value] : [])));
  const held = new Set([...inputs, ...initializers.values()].map(({ type }) => type));
  return [...OTHER_FLOATS].filter((type) => held.has(type) || cast.has(ELEMENT_CODES[type]));
}

function widen(tensor: Tensor): Tensor {
  const { type, dims, data } = tensor;
  if (type === 'float16') return { type: 'float32', dims, data: float16ToFloat32(data) };
  if (type === 'bfloat16') return { type: 'float32', dims, data: bfloat16ToFloat32(data) };
  if (type === 'float64') return { type: 'float32', dims, data: Float32Array.from(data) };
  return tensor;
}

function widenInfo(info: ValueInfo): ValueInfo {
  return OTHER_FLOATS.has(info.type) ? { ...info, type: 'float32' } : info;
}

function widenNode(node: Node): Node {
  const entries = Object.entries(node.attributes);
  if (!entries.some(([key, attribute]) => widenAttribute(key, attribute) !== attribute)) return node;
  const attributes = Object.fromEntries(entries.map(([key, attribute]) => [key, widenAttribute(key, attribute)]));
  return { ...node, attributes };
}

function widenAttribute(key: string, attribute: Attribute): Attribute {
  if (attribute.kind === 'tensor' && OTHER_FLOATS.has(attribute.value.type)) {
    return { kind: 'tensor', value: widen(attribute.value) };
  }
  const narrow = TYPE_ATTRIBUTES.has(key) && attribute.kind === 'int' && OTHER_FLOAT_CODES.has(attribute.value);
  return narrow ? { kind: 'int', value: ELEMENT_CODES.float32 } : attribute;
}
