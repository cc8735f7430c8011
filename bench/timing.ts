import { GraphBuilder } from '../src/onnx/builder.ts';
import { Session } from '../src/runtime/session.ts';
import { float32, sizeOf } from '../src/tensor/tensor.ts';

/** Appends one form of a computation on the inputs and returns its result. */
export type Form = (builder: GraphBuilder, inputs: readonly string[]) => string;

export interface Comparison {
  readonly name: string;
  /** Shapes of the inputs without the batch. */
  readonly inputs: readonly (readonly number[])[];
  readonly batch: number;
  readonly forms: Readonly<Record<string, Form>>;
}

const ROUNDS = 15;

/** Times the forms in turns on one thread, so that all of them see the same noise; prints the best of each. */
export async function compare({ name, inputs, batch, forms }: Comparison): Promise<void> {
  console.info(`\n${name}, ${inputs.map((dims) => `[${[batch, ...dims].join(', ')}]`).join(' ')}`);
  const feeds = Object.fromEntries(
    inputs.map((dims, index) => [`input${index}`, float32([batch, ...dims], noise(batch * sizeOf(dims)))]),
  );
  const runs: { form: string; session: Session; best: number; sum: number }[] = [];
  for (const [form, append] of Object.entries(forms)) {
    const builder = new GraphBuilder();
    const names = inputs.map((dims, index) => builder.input(`input${index}`, [{ batch: 1 }, ...dims]));
    const session = await Session.create(builder.build([append(builder, names)]));
    const [result] = Object.values(await session.run(feeds));
    runs.push({ form, session, best: Number.POSITIVE_INFINITY, sum: checksum(result!.data) });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const run of runs) {
      const start = performance.now();
      await run.session.run(feeds);
      run.best = Math.min(run.best, performance.now() - start);
    }
  }
  const fastest = Math.min(...runs.map(({ best }) => best));
  for (const { form, best, sum, session } of runs.sort((a, b) => a.best - b.best)) {
    const ratio = (best / fastest).toFixed(2);
    console.info(
      `  ${(best / batch).toFixed(3).padStart(9)} ms/image  ${ratio.padStart(6)}x  ${form}  (${sum.toPrecision(6)})`,
    );
    await session.release();
  }
}

/** A fixed sequence between -1 and 1 with some zeros and ties in it. */
export function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round((state / 2 ** 31 - 1) * 256) / 256;
  });
}

/** Tells results apart that should be the same. */
function checksum(values: Float32Array): number {
  return values.reduce((sum, value, index) => sum + value * ((index % 7) + 1), 0);
}
