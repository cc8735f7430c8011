import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { proveClassifier } from '../../src/evaluation/proof/prove-model.ts';
import { InputError, openModel } from '../../src/index.ts';
import { decodeNpy } from '../../src/numeric/npy.ts';
import { toNumbers } from '../../src/numeric/tensor.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { type Errors, errorsOf, judge, type Verdict } from './verdict.ts';

/** Compares the exports of one architecture with the truth in its folder, and prints the verdicts as a line of JSON. */

const EXPORTS = ['torchscript-free', 'torchscript-fixed', 'dynamo-free', 'dynamo-fixed'] as const;
/** Images computed at once: memory for those of 224 x 224 pixels. */
const BATCH = 4;

const [folder = ''] = process.argv.slice(2);
const facts = JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')) as {
  readonly size: number;
  readonly failures: Readonly<Record<string, string>>;
};
const array = (name: string) =>
  Float32Array.from(toNumbers(decodeNpy(readFileSync(join(folder, `${name}.npy`)), name)));
const truth = {
  images: array('images'),
  labels: array('labels'),
  logits: array('logits'),
  gradient: array('gradient'),
};
const count = truth.labels.length;
const torch = {
  logits32: errorsOf(array('logits.float32'), truth.logits, count),
  gradient32: errorsOf(array('gradient.float32'), truth.gradient, count),
};

const verdicts: Record<string, Verdict & { gradient?: Errors }> = {};
for (const name of EXPORTS) verdicts[name] = await verdictOn(name);
process.stdout.write(`\n${JSON.stringify({ ...torch, verdicts })}\n`);

async function verdictOn(name: string): Promise<Verdict & { gradient?: Errors }> {
  const path = join(folder, `${name}.onnx`);
  if (!existsSync(path)) return { kind: 'not exported', message: facts.failures[name] ?? 'no file' };
  try {
    await using model = await openModel(path, { imageShape: [3, facts.size, facts.size], threads: 1 });
    const logits = errorsOf(await model.logits(truth.images, { batchSize: BATCH }), truth.logits, count);
    const query = { x: truth.images, labels: truth.labels, batchSize: BATCH };
    const gradient = errorsOf((await model.gradient(query)).gradient, truth.gradient, count);
    const verdict = judge({ logits, gradient, ...torch });
    if (verdict.kind === 'wrong') await prove(path);
    return { ...verdict, gradient };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof InputError ? 'refused' : 'failed', message: message.replace(/^[^ ]*\.onnx: /, '') };
  }
}

/** What every run does first: a model that mixes its images, say, is refused there, not by `openModel`. */
async function prove(path: string): Promise<void> {
  const classifier = await openClassifier({ path, imageShape: [3, facts.size, facts.size] });
  const options = { name: 'the proof', gradients: true, evaluations: count };
  await proveClassifier(classifier, onnxRuntime({ threads: 1 }), options);
}
