import type { RandomSource } from '../numeric/random.ts';
import { float32, sizeOf, type Tensor } from '../numeric/tensor.ts';
import type { Dim, Graph } from './graph.ts';

/** What a graph that draws random numbers reads instead: an input of standard draws, fed from the stream of each image. */
export interface RandomInput {
  readonly name: string;
  /** Dimensions of one image's draws, without the batch. */
  readonly dims: readonly number[];
  readonly distribution: Distribution;
}

export type Distribution = keyof typeof DRAWS;

const DRAWS = {
  normal: (stream: RandomSource) => stream.normal(),
  uniform: (stream: RandomSource) => stream.uniform(),
} as const;

/** Passes rebuild inputs by name and shape, so the name is where the distribution is written. */
const PREFIX = 'igd.random.';
const NAME = /^igd\.random\.(normal|uniform)\.\d+$/;

/** Name of the graph's input number `index` of that distribution. */
export function randomInputName(distribution: Distribution, index: number): string {
  return `${PREFIX}${distribution}.${index}`;
}

/** The inputs of a canonical graph that are draws, in the order in which they are drawn. */
export function randomInputs({ inputs }: Pick<Graph, 'inputs'>): RandomInput[] {
  return inputs.flatMap(({ name, dims = [] }) => {
    const [, distribution] = NAME.exec(name) ?? [];
    if (distribution !== 'normal' && distribution !== 'uniform') return [];
    return [{ name, distribution, dims: perImage(dims) }];
  });
}

function perImage([, ...dims]: readonly (Dim | undefined)[]): number[] {
  return dims.map(Number);
}

/** Draws for a batch, those of row i from `streams[i]`, in the order of the inputs. */
export function randomFeeds(inputs: readonly RandomInput[], streams: readonly RandomSource[]): Record<string, Tensor> {
  return Object.fromEntries(
    inputs.map(({ name, dims, distribution }) => {
      const next = DRAWS[distribution];
      const size = sizeOf(dims);
      const values = new Float32Array(streams.length * size);
      streams.forEach((stream, row) => {
        for (let i = row * size; i < (row + 1) * size; i++) values[i] = next(stream);
      });
      return [name, float32([streams.length, ...dims], values)];
    }),
  );
}
