import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/datasets/open.ts';
import { InputError } from '../../../src/errors.ts';
import { layerOf } from '../../../src/models/classifier.ts';
import { openEncoder } from '../../../src/models/clip/clip.ts';
import { preprocess } from '../../../src/models/clip/preprocess.ts';
import { tokenize } from '../../../src/models/clip/tokenizer.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { subgraph } from '../../../src/onnx/splice.ts';
import { decodeRanking } from '../../../src/ranking/ranking.ts';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { openClip, readTokenizer } from '../../../src/runs/inputs/open-clip.ts';
import { planRun } from '../../../src/runs/planning/plan.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { reportSchema } from '../../../src/schemas/report.ts';
import { similaritySchema } from '../../../src/schemas/similarities.ts';
import { igd, scratch, smallConfig, writeJson } from '../../support/cli.ts';
import { lettersTokenizer } from '../../support/clip.ts';
import { direct } from '../ranking/cdir/direct.ts';

const folder = scratch();
afterAll(() => folder.remove());

const CHECKPOINT = 'examples/demo/shapes10-rn18-w8.pt';
const PROBE = 'examples/demo/train.bin';
const CLIP = 'test/fixtures/clip/clip.pt';
const IMAGES = 120;
const NAMES = ['circle', 'ring', 'square', 'triangle', 'star', 'cross', 'rows', 'columns', 'checkers', 'dots'];

const classNames = folder.path('names.txt');
writeFileSync(classNames, `${NAMES.join('\n')}\n`);

const tokenizer = writeJson(folder.path('tokenizer.json'), lettersTokenizer());

const dataset = { format: 'cifar10', test: 'examples/demo/test.bin', probe: PROBE, testImages: 4, probeImages: IMAGES };

function cdirConfig(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return smallConfig({
    dataset,
    variants: ['none', 'cdir'],
    ranking: { clip: { model: CLIP, tokenizer, batchSize: 50 }, classNames, allowDegenerate: true },
    suite: [{ attack: 'apgd-ce', iterations: 3 }],
    ...changes,
  });
}

const rankings = folder.path('rankings');
const run = (config: Record<string, unknown>, out: string) =>
  igd(['run', writeJson(folder.path('config.json'), config), '--out', folder.path(out), '--rankings', rankings]);
const rankingOf = (path: string) => decodeRanking(readFileSync(path, 'utf8'), path);

/** CD-IR of a layer straight from its definition: every image at once, float64 behind the networks. */
async function directScores(layerName: string, spec: unknown): Promise<number[]> {
  const probe = await openDataset({ format: 'cifar10', path: PROBE, split: 'train', limit: IMAGES });
  const classifier = await openClassifier({ path: CHECKPOINT });
  const layer = layerOf(classifier, layerName);
  const clip = await openClip({ model: CLIP });
  const texts = tokenize(await readTokenizer(tokenizer), NAMES, clip.contextLength);
  const pixels = await probe.pixels(0, IMAGES);
  const trunk = await onnxRuntime().createSession(subgraph(classifier.model, ['x'], [layer.tensor]));
  const values = (await trunk.run({ x: float32([IMAGES, 3, 32, 32], pixels) }))[layer.tensor]!.data;
  const [image, text] = await Promise.all([
    openEncoder(clip.image, onnxRuntime()),
    openEncoder(clip.text, onnxRuntime()),
  ]);
  const seen = await image.encode(preprocess(pixels, [3, 32, 32], clip.resolution));
  const read = await text.encode(texts);
  await Promise.all([trunk.release(), image.release(), text.release()]);

  const positions = values.length / (IMAGES * layer.units);
  const activations = Float32Array.from({ length: IMAGES * layer.units }, (_, i) => {
    const unit = values.subarray(i * positions, (i + 1) * positions);
    return unit.reduce((sum, value) => sum + value, 0) / positions;
  });
  const unit = (rows: typeof seen, row: number) => {
    const vector = [...rows.data.subarray(row * rows.size, (row + 1) * rows.size)];
    return vector.map((value) => value / Math.hypot(...vector));
  };
  const cosines = Float32Array.from({ length: IMAGES * NAMES.length }, (_, i) => {
    const [a, b] = [unit(seen, Math.floor(i / NAMES.length)), unit(read, i % NAMES.length)];
    return a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  });
  const features = { images: IMAGES, units: layer.units, concepts: NAMES.length, activations, cosines };
  return direct(features, similaritySchema.parse(spec));
}

function largestDifference(scores: Float32Array, expected: readonly number[]): number {
  expect(scores.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value - scores[i]!)));
}

describe('a run with variant cdir', () => {
  test('ranks as defined, and lets CLIP see the probe images once for every layer and checkpoint', async () => {
    const first = await run(cdirConfig(), 'layer4');
    expect(first.stderr).not.toContain('igd:');
    expect(first.code).toBe(0);
    const report = reportSchema.parse(JSON.parse(readFileSync(folder.path('layer4/report.json'), 'utf8')));
    expect(report.variants.map(({ id, mask }) => [id, mask])).toEqual([
      ['none', 'none'],
      ['cdir', 'top-k'],
    ]);
    expect(report.ranking.methods).toMatchObject([{ method: 'cdir', probeImages: IMAGES, signed: false }]);
    const { recipe, scores } = rankingOf(folder.path('layer4/ranking.cdir.json'));
    expect(recipe.clip?.concepts).toEqual(NAMES);
    expect(largestDifference(scores.data, await directScores('layer4', 'soft_wpmi'))).toBeLessThan(1e-4);

    const kept = readdirSync(`${rankings}/embeddings`);
    expect(kept).toHaveLength(1);
    const embeddings = `${rankings}/embeddings/${kept[0]}`;
    const before = statSync(embeddings, { bigint: true });
    expect((await run(cdirConfig({ layer: 'layer3', importantUnits: 8 }), 'layer3')).code).toBe(0);
    expect(readdirSync(`${rankings}/embeddings`)).toEqual(kept);
    expect(statSync(embeddings, { bigint: true })).toMatchObject({ mtimeNs: before.mtimeNs, ino: before.ino });
    const inner = rankingOf(folder.path('layer3/ranking.cdir.json')).scores;
    expect(largestDifference(inner.data, await directScores('layer3', 'soft_wpmi'))).toBeLessThan(1e-4);
  });

  test('reads kept embeddings instead of running CLIP', async () => {
    const [name] = readdirSync(`${rankings}/embeddings`);
    const path = `${rankings}/embeddings/${name}`;
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.from(bytes).fill(0, bytes.length - 4 * 24));
    // The last image has an embedding of zeros now, so its cosines, and with them the scores, would be no numbers.
    const { code, stderr } = await run(
      cdirConfig({
        ranking: { clip: { model: CLIP, tokenizer, similarity: 'cos_similarity' }, classNames },
      }),
      'tampered',
    );
    writeFileSync(path, bytes);
    expect(code).toBe(2);
    expect(stderr).toMatch(/probe image \d+ or concept 0 an embedding of zeros/);
  });

  test('igd rank gives the same, with another similarity and CLIP in ONNX', async () => {
    const data = ['--data', PROBE, '--format', 'cifar10', '--images', `${IMAGES}`, '--layer', 'layer4'];
    const out = folder.path('r.json');
    const common = ['rank', CHECKPOINT, ...data, '--method', 'cdir', '--tokenizer', tokenizer, '--out', out];
    const options = ['--class-names', classNames, '--rankings', rankings, '--allow-degenerate'];
    const weights = await igd([...common, ...options, '--clip', CLIP, '--similarity', 'cos_similarity_cubed']);
    expect(weights).toMatchObject({ code: 0, stderr: '' });
    const expected = await directScores('layer4', 'cos_similarity_cubed');
    expect(largestDifference(rankingOf(out).scores.data, expected)).toBeLessThan(1e-5);

    const onnx = ['--clip-image', 'vision_model.onnx', '--clip-text', 'text_model.onnx'].map((argument) =>
      argument.startsWith('--') ? argument : `test/fixtures/clip/${argument}`,
    );
    expect(await igd([...common, ...options, ...onnx])).toMatchObject({ code: 0, stderr: '' });
    expect(rankingOf(out).recipe.clip?.files).toHaveLength(2);
    expect(readdirSync(`${rankings}/embeddings`)).toHaveLength(2);
    expect(await igd([...common, ...options])).toMatchObject({ code: 2 });
  });
});

describe('refuses before anything is written', () => {
  const clip = { model: CLIP, tokenizer };
  test.each([
    ['no CLIP', { ranking: {} }, 'ranking.clip: is needed by variant cdir'],
    [
      'no probe images',
      { dataset: { ...dataset, probe: undefined, probeImages: undefined } },
      'dataset.probe: is needed',
    ],
    ['a CLIP that is not there', { ranking: { clip: { ...clip, model: 'nowhere.pt' }, classNames } }, 'nowhere.pt'],
    ['a checkpoint for a CLIP', { ranking: { clip: { ...clip, model: CHECKPOINT }, classNames } }, 'holds no CLIP'],
    ['half a CLIP', { ranking: { clip: { image: CLIP, tokenizer }, classNames } }, 'ranking.clip'],
    ['a name that is too long', { ranking: { clip } }, '"horizontal_stripes" is'],
    [
      'the names of other classes',
      { ranking: { clip, classNames: 'examples/demo/config.json' } },
      'class names, the model 10 classes',
    ],
    [
      'a tokenizer that does not fit',
      { ranking: { clip: { ...clip, tokenizer: classNames }, classNames } },
      'is no pair of tokens',
    ],
    [
      'too few probe images',
      { dataset: { ...dataset, probeImages: 50 }, ranking: { clip, classNames } },
      'would look at 100 of 50 probe images',
    ],
  ])('%s', async (_, changes, message) => {
    const inspect = async () => inspectInputs(parseConfig(JSON.stringify(cdirConfig(changes)), 'c.json'));
    await expect(inspect()).rejects.toThrow(InputError);
    await expect(inspect()).rejects.toThrow(message);
  });

  test('as the command line says it', async () => {
    const ranking = { clip: { ...clip, model: 'nowhere.pt' }, classNames };
    const { code, stderr } = await run(cdirConfig({ ranking }), 'refused');
    expect(stderr).toContain('nowhere.pt');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
    expect(existsSync(folder.path('refused'))).toBe(false);
  });
});

describe('the content address of a CD-IR ranking', () => {
  const addresses = async (changes: Readonly<Record<string, unknown>>) => {
    const config = parseConfig(JSON.stringify(cdirConfig({ variants: ['loir', 'cdir'], ...changes })), 'c.json');
    const { id, rankings } = planRun(config, null, await inspectInputs(config));
    const digests = Object.fromEntries(rankings.map(({ method, digest }) => [method, digest]));
    return { id, ...digests } as { id: string; loir: string; cdir: string };
  };
  const ranking = (clip: object, names = classNames) => ({
    ranking: { clip: { model: CLIP, tokenizer, ...clip }, classNames: names, allowDegenerate: true },
  });

  test('does not change with paths or with how fast CLIP runs', async () => {
    const copy = folder.path('copy.pt');
    const names = folder.path('copy.txt');
    copyFileSync(CLIP, copy);
    copyFileSync(classNames, names);
    expect(await addresses(ranking({ model: copy, batchSize: 7 }, names))).toEqual(await addresses(ranking({})));
  });

  test.each([
    ['the similarity', ranking({ similarity: 'wpmi' })],
    ['its numbers', ranking({ similarity: { name: 'soft_wpmi', topK: 60 } })],
    ['CLIP', ranking({ model: 'test/fixtures/clip/model.onnx' })],
    ['the tokenizer', ranking({ tokenizer: otherTokenizer() })],
    ['the names', ranking({}, otherNames())],
  ])('changes with %s, and nothing else does', async (_, changes) => {
    const [before, after] = [await addresses(ranking({})), await addresses(changes)];
    expect(after.cdir).not.toBe(before.cdir);
    expect(after.id).not.toBe(before.id);
    expect(after.loir).toBe(before.loir);
  });

  function otherTokenizer(): string {
    return writeJson(folder.path('other.json'), { ...Object(lettersTokenizer()), version: '1.0' });
  }

  function otherNames(): string {
    writeFileSync(folder.path('other.txt'), NAMES.toReversed().join('\n'));
    return folder.path('other.txt');
  }
});
