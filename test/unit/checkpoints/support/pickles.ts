/** Writes pickles opcode by opcode, to say in a test exactly what Python would never write. */

const op = (text: string) => Buffer.from(text, 'latin1');
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const join = (...parts: readonly Uint8Array[]) => Buffer.concat(parts);
export const raw = op;
export const none = op('N');
export const int = (value: number) => join(op('J'), uint32(value >>> 0));
export const text = (value: string) => join(op('X'), uint32(Buffer.byteLength(value)), Buffer.from(value));
export const tuple = (...items: readonly Uint8Array[]) => join(op('('), ...items, op('t'));
export const list = (...items: readonly Uint8Array[]) => join(op(']('), ...items, op('e'));
export const global = (module: string, name: string) => op(`c${module}\n${name}\n`);
export const call = (callable: Uint8Array, ...args: readonly Uint8Array[]) => join(callable, tuple(...args), op('R'));
export const put = (index: number) => join(op('r'), uint32(index));
export const get = (index: number) => join(op('j'), uint32(index));
export const repeat = (part: Uint8Array, times: number) => Buffer.alloc(part.length * times, part);

export const dict = (
  entries: Readonly<Record<string, Uint8Array>> | readonly (readonly [Uint8Array, Uint8Array])[],
) => {
  const pairs = Array.isArray(entries) ? entries : Object.entries(entries).map(([key, value]) => [text(key), value]);
  return join(op('}('), ...pairs.flat(), op('u'));
};

/** A whole pickle of protocol 2. */
export const pickle = (value: Uint8Array) => join(op('\x80\x02'), value, op('.'));

export interface TensorSpec {
  readonly key?: string;
  readonly storageType?: string;
  /** Elements the storage is said to have. */
  readonly length?: number;
  readonly offset?: number;
  readonly sizes?: readonly number[];
  readonly strides?: readonly number[];
}

export const storage = ({ key = '0', storageType = 'FloatStorage', length = 4 }: TensorSpec = {}) =>
  join(tuple(text('storage'), global('torch', storageType), text(key), text('cpu'), int(length)), op('Q'));

/** A tensor as torch.save writes it; by default float32 [4] in storage 0. */
export const tensor = (spec: TensorSpec = {}) => {
  const { offset = 0, sizes = [4], strides = [1] } = spec;
  return call(
    global('torch._utils', '_rebuild_tensor_v2'),
    storage(spec),
    int(offset),
    tuple(...sizes.map(int)),
    tuple(...strides.map(int)),
    op('\x89'),
    call(global('collections', 'OrderedDict')),
  );
};
