import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAttack } from '../../src/attacks/suites.ts';
import { openDataset } from '../../src/datasets/open.ts';
import { baseModel, defendedModel } from '../../src/defense/defended-model.ts';
import { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { evaluateImages } from '../../src/evaluation/protocol.ts';
import type { Classifier, MaskLayer } from '../../src/models/classifier.ts';
import type { TypedTensor } from '../../src/numeric/tensor.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { attackSpecSchema } from '../../src/schemas/attacks.ts';

/** What both sides are to do; `original.py` reads it as JSON. */
export interface BenchJob {
  readonly checkpoint: string;
  readonly test: string;
  /** The first images of `test`. */
  readonly count: number;
  /** [classes][units], or null for the plain model. */
  readonly masks: readonly (readonly number[])[] | null;
  readonly temperature: number;
  readonly norm: 'Linf' | 'L2' | 'L1';
  readonly epsilon: number;
  readonly threads: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly attacks: readonly string[];
}

export interface SideResult {
  /** By image: the attack that broke it, "clean" where it was wrong from the start, null where it held out. */
  readonly brokenBy: readonly (string | null)[];
  readonly attacks: readonly {
    readonly attack: string;
    readonly seconds: number;
    /** Known of our side. */
    readonly runtimeSeconds?: number;
    readonly forwards?: number;
    readonly gradients?: number;
  }[];
}

export async function runOurs(
  job: BenchJob,
  classifier: Classifier,
  defense?: { readonly layer: MaskLayer; readonly masks: TypedTensor<'float32'> },
): Promise<SideResult> {
  const { count, norm, epsilon, seed, batchSize, threads, temperature } = job;
  const data = await openDataset({ format: 'cifar10', path: job.test, split: 'test', limit: count });
  const variant = { id: 'loir', mask: { kind: 'top-k' } } as const;
  const evaluated =
    defense === undefined
      ? baseModel(classifier)
      : defendedModel(classifier, variant, { ...defense, temperature, smoothing: null });
  const model = new OnnxModel(evaluated, classifier.imageShape, classifier.classes, onnxRuntime({ threads }));
  const images = {
    x: await data.pixels(0, count),
    labels: data.labels,
    images: Array.from({ length: count }, (_, image) => image),
  };
  const suite = job.attacks.map((attack) => ({
    attack: createAttack(attackSpecSchema.parse({ attack })),
    group: 'all',
  }));
  const { outcomes, usage } = await evaluateImages(model, images, {
    suite,
    threat: { norm, epsilon },
    seed,
    batchSize,
    examples: 'last',
  });
  await model.release();
  const brokenBy = outcomes.map(({ label, cleanPrediction, brokenBy: attack }) =>
    label === cleanPrediction ? attack : 'clean',
  );
  return { brokenBy, attacks: usage };
}

/** Runs `original.py`. Throws where Python fails. */
export async function runOriginal(job: BenchJob, repository: string, python: string): Promise<SideResult> {
  const folder = await mkdtemp(join(tmpdir(), 'igd-bench-'));
  try {
    const path = join(folder, 'job.json');
    await writeFile(path, JSON.stringify(job));
    const script = join(import.meta.dirname, 'original.py');
    return JSON.parse(await outputOf(python, [script, repository, path]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${command} ended with code ${code}`))));
  });
}
