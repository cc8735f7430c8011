import type { ElementType } from '../../tensor/tensor.ts';
import { elementType } from '../codec-tensors.ts';
import { describeNode, type Node } from '../graph.ts';
import { fail } from './operands.ts';

/** The element type that an attribute names by its code; `fallback` where the node does not have it. */
export function elementTypeOf(node: Node, key: string, fallback: ElementType | undefined): ElementType {
  const attribute = node.attributes[key];
  if (attribute?.kind === 'int') return elementType(attribute.value, describeNode(node));
  return fallback ?? fail(node, `attribute "${key}" is missing`);
}
