import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { GraphError, messageOf, RunError } from '../errors.ts';
import type { ElementType, Tensor, TypedTensor } from '../numeric/tensor.ts';
import type { Model } from '../onnx/graph.ts';
import type { Feeds, Fetches, Runtime, Session } from '../onnx/runtime.ts';
import { DEVICE_BATCHES, type Device } from '../schemas/config.ts';
import { forDevice } from './devices/for-device.ts';
import { largestBatch } from './devices/largest-batch.ts';
import { prepareEnvironment } from './environment.ts';
import { collectGarbage, type ModelSource, modelSource } from './model-source.ts';
import { requireProvider, runtimeOptions } from './provider.ts';
import { withinMemory } from './within-memory.ts';

/** The key under which onnxruntime is told where the files are that a graph in memory names. */
const WEIGHTS_FOLDER = 'session.model_external_initializers_file_folder_path';

/** Numbers of an image of Tiny ImageNet; larger ones are photographs. */
const LARGEST_SMALL = 3 * 64 * 64;

/** How onnxruntime-node is to compute. */
export interface RuntimeOptions {
  /** Threads one operator may use; the local worker pool gives each worker its share of the cores. */
  readonly threads?: number;
  /** What computes: the CPU by default. A device that is not there is refused. */
  readonly device?: Device;
  /** Whether onnxruntime may rewrite graphs; by default it does. */
  readonly optimise?: boolean;
}

/**
 * onnxruntime-node as the runtime of everything above. A session's `run` blocks the event loop of its thread for as long as
 * the graph computes, so sessions live in workers. Making one throws GraphError where onnxruntime refuses the graph or the
 * device cannot compute an op of it, and RunError where there is no memory for it or it would not compute on the device asked for.
 */
export function onnxRuntime({ device = 'cpu', threads, optimise = true }: RuntimeOptions = {}): Runtime {
  prepareEnvironment();
  const options = runtimeOptions(device, { threads, optimise });
  const create = async (source: ModelSource, refused: (cause: unknown) => Error): Promise<Session> => {
    try {
      await requireProvider(device);
      const start = performance.now();
      const session = await load(source, options).catch((cause: unknown) => {
        throw refused(cause);
      });
      return new OnnxRuntimeSession(session, start, source.discard);
    } finally {
      source.discard();
    }
  };
  const runtime: Runtime = {
    batchSize: (size) => DEVICE_BATCHES[device][size > LARGEST_SMALL ? 'photographs' : 'small'].batchSize,
    plain: () => onnxRuntime({ ...(threads !== undefined && { threads }), optimise: false }),
    // Neither this function nor what it calls is async, for such would hold the model while onnxruntime loads it.
    createSession: (model) => {
      const { name } = model.graph;
      const source = sourceFor(model, device);
      if (source instanceof Error) return Promise.reject(source);
      return create(source, (cause) => refusal(`onnxruntime could not load graph "${name}"`, cause));
    },
    loadSession: (path) => {
      // As it is it would be computed with what onnxruntime does wrongly there.
      if (device === 'webgpu') return Promise.reject(new GraphError(`${path}: ${AS_IT_IS}`));
      return create({ graph: path, weights: {}, discard: () => {} }, (cause) =>
        refusal(`onnxruntime could not load ${path}`, cause),
      );
    },
  };
  return device === 'cpu' ? runtime : withinMemory(runtime, (model) => largestBatch(model, device));
}

const AS_IT_IS =
  'webgpu computes no .onnx of CLIP as it is: give the weights of OpenAI\'s CLIP instead ("clip": {"model": ...}, --clip), or compute on ' +
  'another device (--device, compute.device)';

/** Or why there is none. */
function sourceFor(model: Model, device: Device): ModelSource | GraphError {
  try {
    return modelSource(forDevice(model, device));
  } catch (error) {
    if (error instanceof GraphError) return error;
    throw error;
  }
}

/** What onnxruntime says of a graph that it does not load, on one line. */
function refusal(what: string, cause: unknown): Error {
  const reason = messageOf(cause).replaceAll(/\s+/g, ' ').trim();
  if (LACKING.test(reason)) return new RunError(`${what}: ${reason}`, { cause });
  return new GraphError(`${what}: ${reason}; export it with another opset_version, or write it in other ops`, {
    cause,
  });
}

/** What a sound graph lacks: the machine's fault. */
const LACKING = /bad_alloc|alloc(at|ation)|out of memory|cuda|cudnn|cublas|webgpu/i;

async function load(
  { graph, weights }: ModelSource,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  if ('folder' in weights) collectGarbage();
  const given = 'folder' in weights ? { extra: { ...options.extra, [WEIGHTS_FOLDER]: weights.folder } } : weights;
  const all = { ...options, ...given };
  return typeof graph === 'string' ? InferenceSession.create(graph, all) : InferenceSession.create(graph, all);
}

class OnnxRuntimeSession implements Session {
  readonly usage: { seconds: number; calls: number };
  readonly #session: InferenceSession;
  readonly #discard: () => void;

  /** `since`: when onnxruntime began to build it, optimising the graph. `discard`: removes what it was built from. */
  constructor(session: InferenceSession, since: number, discard: () => void) {
    this.#session = session;
    this.#discard = discard;
    this.usage = { seconds: (performance.now() - since) / 1000, calls: 0 };
  }

  async run(feeds: Feeds, outputs: readonly string[] = this.#session.outputNames): Promise<Fetches> {
    const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)]));
    const start = performance.now();
    const results = await this.#session.run(inputs, outputs).catch((cause: unknown) => {
      throw new RunError(`onnxruntime failed: ${messageOf(cause)}`, { cause });
    });
    this.usage.seconds += (performance.now() - start) / 1000;
    this.usage.calls += 1;
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(name, value)]));
  }

  async release(): Promise<void> {
    await this.#session.release();
    this.#discard();
  }
}

function toOrt(tensor: Tensor): OrtTensor {
  return new OrtTensor(tensor.type as Exclude<ElementType, 'bfloat16'>, tensor.data as never, tensor.dims);
}

function fromOrt(name: string, value: OrtTensor): TypedTensor<'float32'> {
  if (!(value.data instanceof Float32Array)) throw new RunError(`output "${name}" is ${value.type}, not float32`);
  return { type: 'float32', dims: value.dims, data: value.data };
}
