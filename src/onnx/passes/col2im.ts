import { float32, sizeOf, toNumbers } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { type Dim, formatDims, intsOf, type Node } from '../graph.ts';
import { fail } from '../shapes/operands.ts';

/**
 * Col2Im (torch.nn.Fold) as a ConvTranspose of one 1 per tap: block k of channel c is added to the image at tap k of every
 * window. https://onnx.ai/onnx/operators/onnx__Col2Im.html: input [N, C prod(block), windows], image sizes, block sizes.
 */
export function foldedAsConvTranspose(node: Node, builder: GraphBuilder): Node {
  const [columns = ''] = node.inputs;
  const [image, block] = [numbersAt(node, 1, 'image_shape', builder), numbersAt(node, 2, 'block_shape', builder)];
  const rank = block.length;
  const strides = intsOf(node, 'strides') ?? Array<number>(rank).fill(1);
  const dilations = intsOf(node, 'dilations') ?? Array<number>(rank).fill(1);
  const pads = intsOf(node, 'pads') ?? Array<number>(2 * rank).fill(0);
  const room = image.map(
    (size, axis) => size + pads[axis]! + pads[axis + rank]! - dilations[axis]! * (block[axis]! - 1) - 1,
  );
  const windows = room.map((cells, axis) => Math.floor(cells / strides[axis]!) + 1);
  const taps = sizeOf(block);
  const [batch, depth, count] = builder.shape(columns) as [Dim, Dim, Dim];
  if (typeof depth !== 'number' || depth % taps !== 0 || count !== sizeOf(windows)) {
    fail(node, `columns ${formatDims([batch, depth, count])} are not ${taps} taps of ${sizeOf(windows)} windows`);
  }
  const filters = builder.initializer(builder.fresh('taps'), oneHotTaps(depth, block));
  const apart = builder.reshape(columns, [batch, depth, ...windows]);
  const output_padding = room.map((cells, axis) => cells % strides[axis]!);
  const ints = { strides, dilations, pads, output_padding };
  const attributes = Object.fromEntries(
    Object.entries(ints).map(([key, value]) => [key, { kind: 'ints', value } as const]),
  );
  const group = { kind: 'int', value: depth / taps } as const;
  return { ...node, op: 'ConvTranspose', inputs: [apart, filters], attributes: { ...attributes, group } };
}

/** [C prod(block), 1, ...block]: filter k of each channel is 1 at tap k. */
function oneHotTaps(depth: number, block: readonly number[]) {
  const taps = sizeOf(block);
  const filters = new Float32Array(depth * taps);
  for (let filter = 0; filter < depth; filter++) filters[filter * taps + (filter % taps)] = 1;
  return float32([depth, 1, ...block], filters);
}

function numbersAt(node: Node, index: number, what: string, builder: GraphBuilder): number[] {
  const constant = builder.constantOf(node.inputs[index] ?? '');
  return constant
    ? toNumbers(constant)
    : fail(node, `input ${index} (${what}) depends on the data, and has to be known without`);
}
