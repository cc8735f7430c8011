import { messageOf, RunError } from '../errors.ts';
import { float32, type Tensor, type TypedTensor } from '../numeric/tensor.ts';
import { type Graph, isBatch, type Model, type ValueInfo } from '../onnx/graph.ts';
import type { Feeds, Fetches, Runtime, Session } from '../onnx/runtime.ts';

/** How onnxruntime 1.30's providers say that a batch is too large for a GPU. */
const TOO_LARGE = [
  // Its arena (core/framework/bfc_arena.cc); CUDA, cuDNN and cuBLAS.
  /failed to allocate memory/i,
  /CUDA failure 2\b/,
  /CU(DNN|BLAS)_STATUS_ALLOC_FAILED/,
  // Dawn, the WebGPU implementation in it: memory, and the size of a buffer.
  /out of memory/i,
  /exceeds the max buffer size/i,
];

/**
 * A runtime whose batches fit its device: `largest` is how many images a model may be computed on at once, and where a run fails
 * for want of memory, its batch is halved and the session remembers. What is computed of an image does not depend on the others,
 * so results do not change; a graph whose outputs are not by image is not computed in parts. Throws RunError where one image, or
 * a batch that cannot be divided, is too much.
 */
export function withinMemory(runtime: Runtime, largest: (model: Model) => number): Runtime {
  return {
    ...runtime,
    // Not async, for such would hold the model while it is loaded.
    createSession: (model) => {
      const { name } = model.graph;
      const rows = rowsAnImage(model.graph);
      const most = attempt(() => largest(model));
      if (most instanceof Error) return Promise.reject(most);
      return runtime.createSession(model).then((session) => new FittingSession(session, { name, ...rows, most }));
    },
  };
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

interface Batching {
  /** Rows that an image has in each input that is by image. */
  readonly rows: ReadonlyMap<string, number>;
  /** Whether every output is by image. */
  readonly divisible: boolean;
}

function rowsAnImage({ inputs, outputs }: Pick<Graph, 'inputs' | 'outputs'>): Batching {
  const byImage = (values: readonly ValueInfo[]) =>
    values.flatMap(({ name, dims: [first] = [] }): [string, number][] =>
      first !== undefined && isBatch(first) ? [[name, first.batch]] : [],
    );
  return { rows: new Map(byImage(inputs)), divisible: byImage(outputs).length === outputs.length };
}

class FittingSession implements Session {
  readonly #session: Session;
  readonly #name: string;
  readonly #batching: Batching;
  #most: number;

  constructor(
    session: Session,
    { name, most, ...batching }: Batching & { readonly name: string; readonly most: number },
  ) {
    this.#session = session;
    this.#name = name;
    this.#batching = batching;
    this.#most = most;
  }

  get usage() {
    return this.#session.usage;
  }

  async run(feeds: Feeds, outputs?: readonly string[]): Promise<Fetches> {
    const images = this.#imagesIn(feeds);
    const parts: Fetches[] = [];
    let first = 0;
    while (first < images || parts.length === 0) {
      const count = Math.min(this.#most, images - first);
      if (count < images && !this.#batching.divisible) throw new RunError(this.#indivisible(images));
      const part = await this.#attempt(count === images ? feeds : this.#part(feeds, first, count), outputs, count);
      if (part === undefined) continue;
      parts.push(part);
      first += count;
    }
    return joined(parts);
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  /** Undefined where it did not fit, and fewer images are to be tried. */
  async #attempt(feeds: Feeds, outputs: readonly string[] | undefined, images: number): Promise<Fetches | undefined> {
    try {
      return await this.#session.run(feeds, outputs);
    } catch (cause) {
      const message = messageOf(cause);
      if (!TOO_LARGE.some((pattern) => pattern.test(message))) throw cause;
      if (images <= 1) throw new RunError(`${message}. ${FULL}`, { cause });
      this.#most = Math.ceil(images / 2);
      return undefined;
    }
  }

  #indivisible(images: number): string {
    return (
      `graph "${this.#name}" is to be computed on ${images} images at once, and the device takes ${this.#most}: ` +
      'compute on another device (--device, compute.device)'
    );
  }

  #imagesIn(feeds: Feeds): number {
    for (const [name, { dims }] of Object.entries(feeds)) {
      const rows = this.#batching.rows.get(name);
      if (rows !== undefined) return (dims[0] ?? 0) / rows;
    }
    return 0;
  }

  #part(feeds: Feeds, first: number, count: number): Feeds {
    const entries = Object.entries(feeds).map(([name, tensor]) => {
      const rows = this.#batching.rows.get(name);
      return [name, rows === undefined ? tensor : rowsOf(tensor, first * rows, count * rows)] as const;
    });
    return Object.fromEntries(entries);
  }
}

const FULL =
  "The device's memory does not hold the model on one image: give it to this run alone (--workers 1, and no other program on " +
  'the device), or compute on another (--device, compute.device)';

function rowsOf({ dims, ...tensor }: Tensor, first: number, count: number): Tensor {
  const size = tensor.data.length / (dims[0] ?? 1);
  const data = tensor.data.subarray(first * size, (first + count) * size);
  return { ...tensor, dims: [count, ...dims.slice(1)], data } as Tensor;
}

function joined(parts: readonly Fetches[]): Fetches {
  const [only] = parts;
  if (only === undefined || parts.length === 1) return only ?? {};
  const names = Object.keys(only);
  return Object.fromEntries(names.map((name) => [name, concatenated(parts.flatMap((part) => part[name] ?? []))]));
}

function concatenated(tensors: readonly TypedTensor<'float32'>[]): TypedTensor<'float32'> {
  const data = new Float32Array(tensors.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, at);
    at += tensor.data.length;
  }
  const rows = tensors.reduce((sum, { dims }) => sum + dims[0]!, 0);
  return float32([rows, ...(tensors[0]?.dims.slice(1) ?? [])], data);
}
