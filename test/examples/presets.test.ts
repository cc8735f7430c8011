import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { suiteOf } from '../../src/attacks/suites.ts';
import type { RunConfig } from '../../src/contracts/config.ts';
import { parseConfig } from '../../src/contracts/parse-config.ts';
import type { Report } from '../../src/contracts/report.ts';
import { CATALOGUE } from '../../src/datasets/catalogue.ts';
import type { Engine } from '../../src/pipeline/engine.ts';
import { runJob } from '../../src/pipeline/jobs.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import { checkPublished } from '../../src/pipeline/published.ts';
import { executeRun } from '../../src/pipeline/run.ts';
import { Workbench } from '../../src/pipeline/workbench.ts';
import { MemoryStore } from '../stores/memory-store.ts';
import { scratch, writeJson } from '../support/cli.ts';
import { lettersTokenizer } from '../support/clip.ts';
import { standInCifar, standInImages } from '../support/stand-in-data.ts';
import { type StandInName, writeStandIn } from '../support/stand-ins.ts';

const PAPER = join(import.meta.dirname, '../../examples/paper');
const README = readFileSync(join(PAPER, 'README.md'), 'utf8');
const presets = readdirSync(PAPER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''));
const textOf = (name: string) => readFileSync(join(PAPER, `${name}.json`), 'utf8');

const folder = scratch();
afterAll(() => folder.remove());

/** ImageNet has 1,000 classes; more than attacks have targets is enough. */
const CLASSES = { cifar10: 10, cifar100: 100, imagefolder: 12, npy: 10 };

/** Which network a preset's checkpoint holds, told by its name as its publishers gave it. */
function standInOf(name: string): StandInName {
  if (name.includes('imagenet')) return 'imageNetResNet';
  if (name.includes('wrn')) return 'wideResNet';
  return /cifar100-oaat/.test(name) ? 'preActResNet' : 'cifarResNet';
}

let tokenizer = '';
beforeAll(() => {
  tokenizer = writeJson(folder.path('tokenizer.json'), lettersTokenizer());
});

/** The CLIP of the fixtures knows short words of small letters alone. */
function classNames(classes: number): string {
  const letter = (index: number) => String.fromCharCode('a'.charCodeAt(0) + index);
  const names = Array.from({ length: classes }, (_, c) => letter(Math.floor(c / 26)) + letter(c % 26));
  const path = folder.path(`names-${classes}.txt`);
  writeFileSync(path, `${names.join('\n')}\n`);
  return path;
}

const made = new Map<string, Promise<Pick<RunConfig['dataset'], 'test' | 'probe' | 'testList'> & { uri: string }>>();

/** A small random network and its data, made once for the presets that share them. */
function inputsOf(name: string, { format, preprocessing }: RunConfig['dataset']) {
  const standIn = standInOf(name);
  const classes = CLASSES[format];
  const key = `${standIn}-${format}-${preprocessing}`;
  const make = async () => {
    const uri = writeStandIn(folder.path(`${key}/weights.safetensors`), standIn, classes);
    const place = folder.path(key);
    const paths =
      format === 'cifar10' || format === 'cifar100'
        ? await standInCifar(place, format, uri, classes)
        : await standInImages(place, preprocessing, uri, classes);
    return { uri, ...paths };
  };
  const inputs = made.get(key) ?? make();
  made.set(key, inputs);
  return inputs;
}

const UNITS: Readonly<Record<StandInName, number>> = {
  cifarResNet: 32,
  preActResNet: 32,
  wideResNet: 16,
  imageNetResNet: 128,
};

/** No attack of a suite is left out, none may take long. */
const LONGEST = { iterations: 2, restarts: 2, queries: 5, targets: 2, eot: 2 };

/** The preset with its structure kept, on a stand-in: two images, k no more than half the units, attacks of a few steps. */
async function cutDown(name: string, config: RunConfig, document: Readonly<Record<string, unknown>>): Promise<string> {
  const { uri, ...paths } = await inputsOf(name, config.dataset);
  const { probeFraction } = config.dataset;
  const suite = suiteOf(config).map((spec) => ({ ...spec, ...shortened({ ...spec }) }));
  const { clip } = config.ranking;
  const similarity = { name: 'soft_wpmi', topK: 5 };
  const ofClip = clip && { ...clip, model: 'test/fixtures/clip/clip.pt', tokenizer, similarity };
  return JSON.stringify({
    ...document,
    checkpoint: { ...config.checkpoint, uri },
    dataset: { ...config.dataset, ...paths, testImages: 2, ...(probeFraction && { probeFraction: 0.5 }) },
    importantUnits: Math.min(config.importantUnits ?? 1, UNITS[standInOf(name)] / 2),
    ranking: {
      ...config.ranking,
      ...(ofClip && { clip: ofClip, classNames: classNames(CLASSES[config.dataset.format]) }),
      // Random weights on noise: that classes differ is not to be expected.
      allowDegenerate: true,
    },
    suite,
    compute: { batchSize: 16, imagesPerShard: 2 },
  });
}

function shortened(spec: Readonly<Record<string, unknown>>): Record<string, number> {
  const kept = Object.entries(LONGEST).filter(([key]) => key in spec);
  return Object.fromEntries(kept.map(([key, most]) => [key, Math.min(Number(spec[key]), most)]));
}

/** Runs a config as `igd run` does, in this thread. */
async function run(text: string, where: string): Promise<Report> {
  const stores = { runs: new MemoryStore(), rankings: new MemoryStore() };
  const { report } = await executeRun({
    ...stores,
    config: parseConfig(text, where),
    source: JSON.parse(text),
    engine: (plan) => inProcess(plan, stores),
    listener: { stage: () => undefined, progress: () => undefined, done: () => undefined },
  });
  return report;
}

function inProcess(plan: Plan, stores: { runs: MemoryStore; rankings: MemoryStore }): Engine {
  const bench = new Workbench({ plan, ...stores, session: { threads: 1, device: 'cpu' } });
  return {
    run: async (jobs, listener) => {
      for (const job of jobs) {
        await runJob(bench, job, () => undefined);
        listener.done(job);
      }
    },
    close: () => bench.release(),
  };
}

describe.each(presets)('the preset %s', (name) => {
  const text = textOf(name);
  const document: Record<string, unknown> = JSON.parse(text);
  const config = parseConfig(text, name);

  test('is valid, and says where its numbers are from', () => {
    expect(config.name).toBe(name);
    expect(() => checkPublished(config)).not.toThrow();
    const { source, note, variants, images } = config.published!;
    expect(source).toMatch(/^(Kulkarni and Weng|github\.com\/weiC29\/)/);
    // Without numbers it says why.
    if (Object.keys(variants).length === 0) expect(note).toMatch(/publishes no/);
    else expect(images).toBeGreaterThan(0);
    for (const { robust, clean } of Object.values(variants))
      if (robust !== undefined && clean !== undefined) expect(robust).toBeLessThan(clean);
    expect(README).toContain(`\`${name}\``);
  });

  test('runs on two images with a stand-in', async () => {
    const report = await run(await cutDown(name, config, document), name);
    expect(report.variants.map(({ id }) => id)).toEqual(config.variants.map(({ id }) => id));
    expect(report.run).toMatchObject({ images: 2, suite: suiteOf(config).map(({ name, group }) => ({ name, group })) });
    // Labels are what the undefended network says.
    expect(report.variants.find(({ id }) => id === 'none')?.clean.accuracy).toBe(1);
    const published = Object.values(config.published!.variants);
    const numbers = published.flatMap(({ note: _note, ...measures }) => leaves(measures));
    expect(report.published?.rows.map((row) => row.published * 100)).toHaveLength(numbers.length);
    for (const row of report.published?.rows ?? [])
      expect(numbers.some((number) => Math.abs(number / 100 - row.published) < 1e-12)).toBe(true);
  });
});

/** Every number at any depth. */
function leaves(value: object): number[] {
  return Object.values(value).flatMap((item: unknown) => {
    if (typeof item === 'number') return [item];
    return typeof item === 'object' && item !== null ? leaves(item) : [];
  });
}

describe('examples/paper/README.md', () => {
  test('names files that `igd fetch` knows', () => {
    const named = [...README.matchAll(/igd fetch ([\w-]+)/g)].map(([, file = '']) => file);
    expect(named.length).toBeGreaterThan(3);
    for (const file of named) expect(Object.keys(CATALOGUE)).toContain(file);
  });
});
