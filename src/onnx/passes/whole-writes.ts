import type { Tensor } from '../../numeric/tensor.ts';
import { type Graph, stringOf } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { positions, stridesOf } from '../shapes/positions.ts';
import { rewrite } from './rewrite.ts';

/**
 * `x[:, :, a:, b:] += y` where a and b are 0, as the TorchScript exporter writes it for a fixed batch: a ScatterND at the
 * address of every element, in order. What is written is the result, and the addresses, which fix the batch, are gone.
 */
export function withoutWholeWrites(graph: Graph): Graph {
  return rewrite(graph, (node, builder) => {
    if (node.op !== 'ScatterND' || stringOf(node, 'reduction', 'none') !== 'none') return undefined;
    const [data = '', addresses = '', updates = ''] = node.inputs;
    const dims = numbersIn(builder.shape(data));
    const indices = builder.constantOf(addresses);
    return dims && indices && isEveryAddress(indices, dims) ? updates : undefined;
  });
}

/** Whether the indices [...dims, rank] are 0, 0, 0 to the last element in row-major order. */
function isEveryAddress({ dims, data }: Tensor, whole: readonly number[]): boolean {
  if (dims.join() !== [...whole, whole.length].join()) return false;
  const strides = stridesOf(whole);
  return positions(whole, strides).every((place) =>
    strides.every(
      (stride, axis) => Number(data[place * whole.length + axis]) === Math.floor(place / stride) % whole[axis]!,
    ),
  );
}
