import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { sizeOf, type Tensor } from '../numeric/tensor.ts';
import { DTYPES } from './dtypes.ts';
import { quote } from './messages.ts';
import type { ByteSource } from './source.ts';

/** The format's own limit on the header (safetensors 0.4, MAX_HEADER_SIZE) is 100 MB; weights of classifiers need a thousandth. */
const LARGEST_HEADER = 16 * 2 ** 20;
const LENGTH_BYTES = 8;

/** safetensors' names of element types. */
const DTYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U64', 'uint64'],
  ['U32', 'uint32'],
  ['U16', 'uint16'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
]);

const count = z.int().nonnegative();
const TensorInfo = z.object({
  dtype: z.string(),
  shape: z.array(count),
  /** First byte and the byte after the last, from the end of the header. */
  data_offsets: z.tuple([count, count]),
});

interface Slot {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file: 8 bytes of header length, a JSON header, the tensors without gap or overlap
 * (https://huggingface.co/docs/safetensors, "Format"). Throws CheckpointError that names the tensor.
 */
export async function readSafetensors(source: ByteSource): Promise<Map<string, Tensor>> {
  const headerLength = Number(Buffer.from(await source.read(0, LENGTH_BYTES)).readBigUInt64LE());
  if (headerLength > LARGEST_HEADER) {
    throw new CheckpointError(`has a safetensors header of ${headerLength} bytes: it is damaged`);
  }
  const start = LENGTH_BYTES + headerLength;
  const slots = parseHeader(await source.read(LENGTH_BYTES, headerLength));
  if (slots.length === 0) throw new CheckpointError('holds no weights: its safetensors header names no tensor');
  checkCoverage(slots, source.size - start);
  const tensors = new Map<string, Tensor>();
  for (const slot of slots) tensors.set(slot.name, await readSlot(source, start, slot));
  return tensors;
}

function parseHeader(bytes: Uint8Array): Slot[] {
  const header = parseJson(bytes);
  // Entries of the object itself: a schema for it would lose a tensor called `__proto__`.
  const entries = typeof header === 'object' && header !== null ? Object.entries(header) : [];
  return entries
    .filter(([name]) => name !== '__metadata__')
    .map(([name, info]) => {
      const parsed = TensorInfo.safeParse(info);
      if (!parsed.success) {
        throw new CheckpointError(`tensor ${quote(name)} is not described as safetensors asks: the file is damaged`);
      }
      const { dtype, shape, data_offsets } = parsed.data;
      return { name, dtype, shape, begin: data_offsets[0], end: data_offsets[1] };
    });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new CheckpointError('has a safetensors header that is no JSON: the file is damaged', { cause: error });
  }
}

/** Throws CheckpointError unless the tensors lie one after the other and fill the `available` bytes behind the header. */
function checkCoverage(slots: readonly Slot[], available: number): void {
  let position = 0;
  for (const { name, begin, end } of slots.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position || end < begin) {
      throw new CheckpointError(
        `tensor ${quote(name)} lies at bytes ${begin} to ${end}, which overlaps another or leaves a gap: the file is damaged`,
      );
    }
    position = end;
  }
  if (position !== available) {
    throw new CheckpointError(
      `has ${available} bytes of tensors where its header describes ${position}: it is cut short or damaged`,
    );
  }
}

async function readSlot(source: ByteSource, start: number, { name, dtype, shape, begin, end }: Slot): Promise<Tensor> {
  const known = DTYPES.get(DTYPE_NAMES.get(dtype) ?? '');
  if (known?.decode === undefined) {
    throw new CheckpointError(
      `tensor ${quote(name)} is of type ${quote(dtype)}, which igd does not read: save it as F32`,
    );
  }
  if (sizeOf(shape) * known.itemSize !== end - begin) {
    throw new CheckpointError(
      `tensor ${quote(name)} [${shape.join(', ')}] of type ${dtype} has ${end - begin} bytes: the file is damaged`,
    );
  }
  return known.decode(shape, await source.read(start + begin, end - begin));
}
