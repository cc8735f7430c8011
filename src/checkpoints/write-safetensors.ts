import { CheckpointError } from '../errors.ts';
import type { ElementType } from '../numeric/tensor.ts';
import { quote } from './messages.ts';
import type { StateDict } from './weights.ts';

/** safetensors' names of the element types that weights and counters have once they are read. */
const DTYPES: ReadonlyMap<ElementType, string> = new Map([
  ['float32', 'F32'],
  ['int64', 'I64'],
  ['int32', 'I32'],
  ['uint8', 'U8'],
  ['bool', 'BOOL'],
]);

/** Bytes to which the header is filled up with spaces, so that tensors start at whole elements. */
const ALIGNMENT = 8;

/**
 * A safetensors file of these tensors, in parts, so that a gigabyte of them is not copied: 8 bytes of header length, a JSON header,
 * the tensors (https://huggingface.co/docs/safetensors, "Format"). Throws CheckpointError for an element type that it cannot hold.
 */
export function* safetensorsParts(state: StateDict): Generator<Uint8Array> {
  const header: Record<string, { dtype: string; shape: readonly number[]; data_offsets: [number, number] }> = {};
  let end = 0;
  for (const [name, { type, dims, data }] of state) {
    const dtype = DTYPES.get(type);
    if (dtype === undefined) throw new CheckpointError(`tensor ${quote(name)} is ${type}, which igd does not write`);
    const begin = end;
    end += data.byteLength;
    header[name] = { dtype, shape: dims, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(text.length / ALIGNMENT) * ALIGNMENT, ' ');
  text.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  yield length;
  yield padded;
  for (const { data } of state.values()) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
