import { CheckpointError } from '../errors.ts';
import type { Tensor, TypedTensor } from '../numeric/tensor.ts';
import { quote } from './messages.ts';

/** Tensors by their dotted names. */
export type StateDict = ReadonlyMap<string, Tensor>;

/** A size the architecture asks for, or '*' where any will do. */
export type WantedSize = number | '*';

/**
 * The float32 weight `name`, of these sizes, finite in every element. Throws CheckpointError that names the weight and
 * says what was expected and what was found.
 */
export function weight(state: StateDict, name: string, dims: readonly WantedSize[]): TypedTensor<'float32'> {
  const tensor = state.get(name);
  const wanted = `[${dims.join(', ')}]`;
  if (tensor === undefined) {
    throw new CheckpointError(`has no weight ${quote(name)} (expected ${wanted}); ${summary(state)}`);
  }
  if (tensor.type !== 'float32') {
    throw new CheckpointError(`weight ${quote(name)} is ${tensor.type}, expected floating point ${wanted}`);
  }
  if (!fits(tensor.dims, dims)) {
    throw new CheckpointError(`weight ${quote(name)} is [${tensor.dims.join(', ')}], expected ${wanted}`);
  }
  const odd = firstNonFinite(tensor.data);
  if (odd >= 0) {
    const where = indexAt(odd, tensor.dims).join(', ');
    throw new CheckpointError(
      `weight ${quote(name)} is ${tensor.data[odd]} at [${where}]: the model was saved after its training diverged, or the file is damaged`,
    );
  }
  return tensor;
}

/** Throws CheckpointError where a variance is negative: its square root is no number. */
export function requireVariances(state: StateDict, name: string): void {
  const values = state.get(name)?.data ?? [];
  for (let i = 0; i < values.length; i++)
    if (values[i]! < 0)
      throw new CheckpointError(`weight ${quote(name)} is ${values[i]} at [${i}]: no variance is negative`);
}

function fits(dims: readonly number[], wanted: readonly WantedSize[]): boolean {
  return dims.length === wanted.length && wanted.every((size, axis) => size === '*' || size === dims[axis]);
}

/** Position of the first infinity or NaN, -1 where there is none. A plain loop: findIndex takes ten times as long. */
function firstNonFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

/** The index along each axis of the row-major element `position`. */
function indexAt(position: number, dims: readonly number[]): number[] {
  let rest = position;
  return dims
    .toReversed()
    .map((size) => {
      const index = rest % size;
      rest = (rest - index) / size;
      return index;
    })
    .toReversed();
}

function summary(state: StateDict): string {
  const first = state.entries().next().value;
  if (first === undefined) return 'it has none';
  const [name, { dims }] = first;
  return `its ${state.size} tensors start with ${quote(name)} [${dims.join(', ')}]`;
}
