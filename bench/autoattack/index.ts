import { parseArgs } from 'node:util';
import { openDataset } from '../../src/datasets/open.ts';
import { topUnitMasks } from '../../src/defense/mask-set.ts';
import { layerOf } from '../../src/models/classifier.ts';
import { loirScores } from '../../src/ranking/loir.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { compare } from './compare.ts';
import { readRecord } from './record.ts';
import { type BenchJob, runOriginal, runOurs, type SideResult } from './sides.ts';

/**
 * AutoAttack `standard`, plain and LO-IR-masked, beside the original's code on PyTorch: time attack by attack, robust
 * accuracy, and every image whose outcome differs. Both compute on as many threads, one after the other in one run.
 *
 * npx tsx bench/autoattack/index.ts CHECKPOINT TEST_BIN PROBE_BIN [--original DIR] [--python python3] [--images 64]
 *   [--layer layer4] [--units 16] [--threads 1] [--norm Linf] [--epsilon 8/255] [--attacks apgd-ce,apgd-t,fab-t,square] [--kinds none,loir]
 *
 * DIR is a copy of fra31/auto-attack. `--record FILE` compares with outcomes of the original recorded before instead (JSON:
 * {runs: [{kind: none | loir, count, broken_by: [...]}]}, in the order of the images). Without both only our side runs.
 */

const TEMPERATURE = 0.01;
/** Probe images that rank the units. */
const PROBE_IMAGES = 1000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    original: { type: 'string' },
    record: { type: 'string' },
    kinds: { type: 'string', default: 'none,loir' },
    python: { type: 'string', default: 'python3' },
    images: { type: 'string', default: '64' },
    layer: { type: 'string', default: 'layer4' },
    units: { type: 'string', default: '16' },
    threads: { type: 'string', default: '1' },
    norm: { type: 'string', default: 'Linf' },
    epsilon: { type: 'string', default: '8/255' },
    attacks: { type: 'string', default: 'apgd-ce,apgd-t,fab-t,square' },
  },
});
const [checkpoint, testBin, probeBin] = positionals;
if (checkpoint === undefined || testBin === undefined || probeBin === undefined)
  throw new Error('give CHECKPOINT TEST_BIN PROBE_BIN; see the head of this file');

const classifier = await openClassifier({ path: checkpoint });
const layer = layerOf(classifier, values.layer);
const probe = await openDataset({ format: 'cifar10', path: probeBin, split: 'train', limit: PROBE_IMAGES });
const threads = Number(values.threads);
const runtime = onnxRuntime({ threads });
const scores = await loirScores(classifier, layer, probe, { signed: false, batchSize: 64, runtime });
const masks = topUnitMasks(scores, Number(values.units));

for (const kind of (['none', 'loir'] as const).filter((each) => values.kinds.split(',').includes(each))) {
  const job: BenchJob = {
    checkpoint,
    test: testBin,
    count: Number(values.images),
    masks: kind === 'none' ? null : rowsOf(masks.data, layer.units),
    temperature: TEMPERATURE,
    norm: values.norm === 'L2' || values.norm === 'L1' ? values.norm : 'Linf',
    epsilon: fraction(values.epsilon),
    threads,
    batchSize: Number(values.images),
    seed: 0,
    attacks: values.attacks.split(','),
  };
  console.log(`\n${kind === 'none' ? 'base' : `LO-IR masked (${layer.name}, k = ${values.units})`}`);
  const ours = await runOurs(job, classifier, kind === 'none' ? undefined : { layer, masks });
  const theirs = await otherSide(job, kind);
  console.log(compare(job, ours, theirs));
}

async function otherSide(job: BenchJob, kind: 'none' | 'loir'): Promise<SideResult | undefined> {
  if (values.original !== undefined) return runOriginal(job, values.original, values.python);
  return values.record === undefined ? undefined : readRecord(values.record, kind, job);
}

function rowsOf(data: Float32Array, size: number): number[][] {
  return Array.from({ length: data.length / size }, (_, row) => [...data.subarray(row * size, (row + 1) * size)]);
}

function fraction(text: string): number {
  const [numerator = Number.NaN, denominator = 1] = text.split('/').map(Number);
  return numerator / denominator;
}
