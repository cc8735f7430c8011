import type { GraphBuilder } from '../builder.ts';
import { floatOf, intOf, intsOf, type Node } from '../graph.ts';
import { fail } from '../shapes/operands.ts';
import { withInput, withoutAttributes } from './rewrite.ts';

/** Rules for ops whose attributes became inputs. */

/** Where "to the end" is written INT64_MAX, a number would lose its last digits; as many zeros as a double keeps do. */
function exact(bounds: readonly number[]): number[] {
  return bounds.map((bound) => Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, bound)));
}

/** Squeeze and Unsqueeze 13, the reductions 13 and 18. */
export function axesToInput(node: Node, builder: GraphBuilder): Node {
  const axes = intsOf(node, 'axes');
  const bare = withoutAttributes(node, 'axes');
  return axes === undefined ? bare : withInput(bare, 1, builder.ints(axes));
}

/** Split 13 has sizes as an input, Split 18 says into how many where it has none. */
export function splitInputs(node: Node, builder: GraphBuilder): Node {
  const sizes = intsOf(node, 'split');
  const bare = withoutAttributes(node, 'split');
  if (sizes !== undefined) return withInput(bare, 1, builder.ints(sizes));
  if (node.inputs[1]) return bare;
  const num_outputs = { kind: 'int', value: node.outputs.length } as const;
  return { ...bare, attributes: { ...bare.attributes, num_outputs } };
}

/** Slice 10. */
export function sliceInputs(node: Node, builder: GraphBuilder): Node {
  const starts = intsOf(node, 'starts') ?? fail(node, 'attribute "starts" is missing');
  const ends = intsOf(node, 'ends') ?? fail(node, 'attribute "ends" is missing');
  const axes = intsOf(node, 'axes') ?? [...starts.keys()];
  const inputs = [node.inputs[0] ?? '', ...[exact(starts), exact(ends), axes].map((bounds) => builder.ints(bounds))];
  return { ...withoutAttributes(node, 'starts', 'ends', 'axes'), inputs };
}

/** Pad 11. */
export function padInputs(node: Node, builder: GraphBuilder): Node {
  const pads = intsOf(node, 'pads') ?? fail(node, 'attribute "pads" is missing');
  const padded = withInput(withoutAttributes(node, 'pads', 'value'), 1, builder.ints(pads));
  const value = floatOf(node, 'value', 0);
  return value === 0 ? padded : withInput(padded, 2, builder.constant(value));
}

/** Clip 11. */
export function clipBounds(node: Node, builder: GraphBuilder): Node {
  return ['min', 'max'].reduce(
    (clip, key, index) => {
      const bound = node.attributes[key];
      return bound?.kind === 'float' ? withInput(clip, index + 1, builder.constant(bound.value)) : clip;
    },
    withoutAttributes(node, 'min', 'max'),
  );
}

/** TopK 10. */
export function topKInput(node: Node, builder: GraphBuilder): Node {
  return withInput(withoutAttributes(node, 'k'), 1, builder.ints([intOf(node, 'k', 1)]));
}
