import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Device } from '../contracts/config.ts';
import { GraphError, messageOf, RunError } from '../contracts/errors.ts';
import { encodeModel } from '../onnx/codec.ts';
import type { Model } from '../onnx/graph.ts';
import type { ElementType, Tensor, TypedTensor } from '../tensor/tensor.ts';
import { runtimeOptions } from './options.ts';
import { requireProvider } from './provider.ts';

export interface SessionOptions {
  /** Threads one operator may use; the local engine gives each worker its share of the cores. */
  readonly threads?: number;
  /** What computes: the CPU by default. A device that is not there is refused. */
  readonly device?: Device;
}

/** Seconds spent inside onnxruntime, building the session included, and the calls made, for the share that is ours. */
export interface Usage {
  seconds: number;
  calls: number;
}

export type Feeds = Readonly<Record<string, Tensor>>;
export type Fetches = Readonly<Record<string, TypedTensor<'float32'>>>;

/**
 * A model ready to run on onnxruntime. Native memory is behind it: keep few and `release` them. `run` blocks the event
 * loop of its thread for as long as the model computes, so sessions live in workers.
 */
export class Session {
  readonly usage: Usage;
  readonly #session: InferenceSession;

  /** `since`: when onnxruntime began to build it, optimising the graph. */
  private constructor(session: InferenceSession, since: number) {
    this.#session = session;
    this.usage = { seconds: (performance.now() - since) / 1000, calls: 0 };
  }

  /** The same for an .onnx file as it is, whatever ops it has. Throws GraphError where onnxruntime cannot load it. */
  static async open(path: string, { device = 'cpu', threads }: SessionOptions = {}): Promise<Session> {
    await requireProvider(device);
    const start = performance.now();
    try {
      return new Session(await InferenceSession.create(path, runtimeOptions(device, threads)), start);
    } catch (cause) {
      throw new GraphError(`onnxruntime could not load ${path}: ${messageOf(cause)}`, { cause });
    }
  }

  /** Throws RunError where onnxruntime refuses the model or would not compute on the device asked for. */
  static async create(model: Model, options: SessionOptions = {}): Promise<Session> {
    const { device = 'cpu', threads } = options;
    await requireProvider(device);
    const bytes = encodeModel(model);
    const start = performance.now();
    try {
      return new Session(await InferenceSession.create(bytes, runtimeOptions(device, threads)), start);
    } catch (cause) {
      throw new RunError(`onnxruntime could not load graph "${model.graph.name}": ${messageOf(cause)}`, { cause });
    }
  }

  /** Runs the model; `outputs` (all by default) limits what is copied back, not what is computed. */
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
  }
}

function toOrt(tensor: Tensor): OrtTensor {
  return new OrtTensor(tensor.type as Exclude<ElementType, 'bfloat16'>, tensor.data as never, tensor.dims);
}

function fromOrt(name: string, value: OrtTensor): TypedTensor<'float32'> {
  if (!(value.data instanceof Float32Array)) throw new RunError(`output "${name}" is ${value.type}, not float32`);
  return { type: 'float32', dims: value.dims, data: value.data };
}
