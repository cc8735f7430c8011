import { GraphError } from '../contracts/errors.ts';
import { type Dim, formatDims, isBatch } from '../onnx/graph.ts';

/** A place where masking may act. */
export interface MaskLayer {
  /** "layer4", or the tensor's own name in a user's graph. */
  readonly name: string;
  readonly tensor: string;
  /** Dimensions of one image's value, without the batch: [D], [D, H, W] or [T, D]. */
  readonly dims: readonly number[];
  /** Axis of `dims` along which the units lie. */
  readonly axis: number;
  /** D */
  readonly units: number;
}

/**
 * The value `tensor` of shape [N, D], [N, D, H, W] or, for tokens, [N, T, D] as a layer.
 * Throws GraphError where it has another shape.
 */
export function maskLayer(name: string, tensor: string, shape: readonly Dim[]): MaskLayer {
  const [batch, ...rest] = shape;
  const dims = rest.filter((dim): dim is number => !isBatch(dim));
  const perImage = batch !== undefined && isBatch(batch) && batch.batch === 1;
  if (!perImage || dims.length !== rest.length || dims.length < 1 || dims.length > 3) {
    throw new GraphError(`layer "${name}" is ${formatDims(shape)}: masks act on [N, D], [N, D, H, W] or [N, T, D]`);
  }
  const axis = dims.length === 2 ? 1 : 0;
  return { name, tensor, dims, axis, units: dims[axis] ?? 0 };
}

/** Number of values between one unit and the next in row-major order. */
export function unitStride({ dims, axis }: MaskLayer): number {
  return dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
}
