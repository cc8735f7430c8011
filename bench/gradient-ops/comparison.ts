import { float32, sizeOf } from '../../src/numeric/tensor.ts';
import { appendGradient } from '../../src/onnx/autodiff/vjp.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';

/** Appends one way to compute the gradient at x of an op from that of its output. */
export type Form = (builder: GraphBuilder, x: string, dy: string) => string;
export type Forward = (builder: GraphBuilder, x: string) => string;

export interface Comparison {
  readonly name: string;
  readonly x: readonly number[];
  /** The shape of the op's output. */
  readonly dy: readonly number[];
  readonly forms: Readonly<Record<string, Form>>;
}

const BATCH = 4;
const ROUNDS = 15;

export const rule =
  (forward: Forward): Form =>
  (builder, x, dy) =>
    appendGradient(builder, forward(builder, x), dy, x);

export function weights(builder: GraphBuilder, dims: readonly number[]): string {
  const values = noise(sizeOf(dims)).map((value) => value / 16);
  return builder.initializer(builder.fresh('weights'), float32(dims, values));
}

/** Times the forms in turns, so that all of them see the same noise; the best round of each counts. */
export async function compare({ name, x, dy, forms }: Comparison): Promise<void> {
  console.info(`\n${name}: x [${[BATCH, ...x].join(', ')}]`);
  const feeds: Record<string, ReturnType<typeof float32>> = {
    x: float32([BATCH, ...x], noise(BATCH * sizeOf(x))),
    dy: float32([BATCH, ...dy], noise(BATCH * sizeOf(dy))),
  };
  const runs = await Promise.all(
    Object.entries(forms).map(async ([form, append]) => ({
      form,
      ...(await prepare(append, x, dy)),
      best: Number.POSITIVE_INFINITY,
    })),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const run of runs) {
      const start = performance.now();
      await run.session.run(Object.fromEntries(run.inputs.map((input) => [input, feeds[input]!])));
      run.best = Math.min(run.best, performance.now() - start);
    }
  }
  const fastest = Math.min(...runs.map(({ best }) => best));
  for (const { form, best, session } of runs) {
    console.info(
      `${(best / BATCH).toFixed(3).padStart(9)} ms/image ${(best / fastest).toFixed(2).padStart(6)}x  ${form}`,
    );
    await session.release();
  }
}

/** A session for a form, which is fed only what it reads. */
async function prepare(append: Form, x: readonly number[], dy: readonly number[]) {
  const builder = new GraphBuilder();
  const [input, gradient] = [builder.input('x', [{ batch: 1 }, ...x]), builder.input('dy', [{ batch: 1 }, ...dy])];
  const model = builder.build([append(builder, input, gradient)]);
  const read = new Set(model.graph.nodes.flatMap(({ inputs }) => inputs));
  const graph = { ...model.graph, inputs: model.graph.inputs.filter(({ name }) => read.has(name)) };
  return {
    session: await onnxRuntime().createSession({ ...model, graph }),
    inputs: graph.inputs.map(({ name }) => name),
  };
}

/** A fixed sequence between -1 and 1 that looks random. */
function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
