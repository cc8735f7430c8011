import type { Tensor, TypedTensor } from '../numeric/tensor.ts';
import type { Model } from './graph.ts';

/** Inputs of a graph by name. */
export type Feeds = Readonly<Record<string, Tensor>>;
/** Outputs of a graph by name. */
export type Fetches = Readonly<Record<string, TypedTensor<'float32'>>>;

/** Seconds spent inside the runtime, building the session included, and the calls made, for the share that is ours. */
export interface SessionUsage {
  /** Wall time. */
  readonly seconds: number;
  /** Times it was run. */
  readonly calls: number;
}

/** A graph ready to run. Native memory may be behind it: keep few sessions and `release` them. */
export interface Session {
  /** What it has cost so far. */
  readonly usage: SessionUsage;
  /** Runs the graph; `outputs` (all by default) limits what is copied back, not what is computed. */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Fetches>;
  /** Lets go of the native memory; the session is not used after. */
  release(): Promise<void>;
}

/**
 * What computes graphs. Everything that attacks, ranks and evaluates is written against this interface alone;
 * `onnxRuntime` in src/runtime puts onnxruntime-node behind it, and another runtime of ONNX, onnxruntime-web say, fits as well.
 */
export interface Runtime {
  /** Throws where the runtime refuses the graph, or would not compute on the device it was made for. */
  createSession(model: Model): Promise<Session>;
  /** The same for an .onnx file as it is, whatever ops it has. */
  loadSession(path: string): Promise<Session>;
  /** The runtime to compare with, where there is one: it computes on the CPU, node by node, as a graph is written. */
  plain?(): Runtime;
  /** Images of so many numbers that it is kept busy by, where the caller does not say; 64 without it. */
  batchSize?(imageSize: number): number;
}

/** An output of a run. Throws Error where the runtime gave none of that name: a bug, never a row of zeros. */
export function outputOf(outputs: Fetches, name: string): Float32Array {
  const value = outputs[name];
  if (value === undefined) throw new Error(`the runtime returned no "${name}"`);
  return value.data;
}
