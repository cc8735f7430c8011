import { writeFileSync } from 'node:fs';
import { resolveSuite } from '../../../src/attacks/suites.ts';
import type { DatasetFormat, RunConfig } from '../../../src/schemas/config.ts';
import { scratch, writeJson } from '../../support/cli.ts';
import { lettersTokenizer } from '../../support/clip.ts';
import { standInCifar, standInImages } from '../../support/stand-in-data.ts';
import { type StandInName, unitsOf, writeStandIn } from '../../support/stand-ins.ts';

/** Where stand-ins are made; to be removed at the end. */
export const folder = scratch();

/** Of a format. ImageNet has 1,000; more than attacks have targets is enough. */
const CLASSES: Readonly<Partial<Record<DatasetFormat, number>>> = { cifar100: 100, imagefolder: 12 };
const classesOf = (format: DatasetFormat) => CLASSES[format] ?? 10;

/** Which network a preset's checkpoint holds, told by its name as its publishers gave it. */
export function standInOf(preset: string): StandInName {
  if (preset.includes('imagenet')) return 'imageNetResNet';
  if (preset.includes('wrn')) return 'wideResNet';
  return preset.includes('cifar100-oaat') ? 'preActResNet' : 'cifarResNet';
}

/** No attack of a suite is left out, none may take long. */
const LONGEST = { iterations: 2, restarts: 2, queries: 5, targets: 2, eot: 2 };

/** A preset with its structure kept, on a stand-in: two images, k at most half the units, attacks of a few steps. */
export async function cutDown(
  preset: string,
  config: RunConfig,
  source: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const { layer = '', dataset, ranking, importantUnits = 1 } = config;
  // Read into the config; no key of it.
  const { mask: _, ...analysis } = config.analysis;
  const standIn = standInOf(preset);
  const { uri, ...paths } = await inputsOf(standIn, dataset);
  const { attack, lossSurface } = analysis;
  return {
    ...source,
    checkpoint: { ...config.checkpoint, uri },
    dataset: { ...dataset, ...paths, testImages: 2, ...(dataset.probeFraction && { probeFraction: 0.5 }) },
    importantUnits: Math.min(importantUnits, unitsOf(standIn, layer) / 2),
    ranking: {
      ...ranking,
      ...(ranking.clip && { clip: smallClip(ranking.clip), classNames: classNames(classesOf(dataset.format)) }),
      // Random weights on noise: that classes differ is not to be expected.
      allowDegenerate: true,
    },
    suite: resolveSuite(config).map(shortened),
    analysis: {
      ...analysis,
      ...(attack && { attack: shortened(attack) }),
      ...(lossSurface && { lossSurface: { images: [0, 1], points: 3 } }),
    },
    compute: { batchSize: 16, imagesPerShard: 2 },
  };
}

function shortened(spec: object): Record<string, unknown> {
  const limited = Object.entries(spec).map(([key, value]: [string, unknown]) => {
    const most = Object.entries(LONGEST).find(([name]) => name === key)?.[1];
    return [key, typeof value === 'number' && most !== undefined ? Math.min(value, most) : value];
  });
  return Object.fromEntries(limited);
}

const made = new Map<string, Promise<Pick<RunConfig['dataset'], 'test' | 'probe' | 'testList'> & { uri: string }>>();

/** A small random network and its data, made once for the presets that share them. */
function inputsOf(standIn: StandInName, { format, preprocessing }: RunConfig['dataset']) {
  const key = `${standIn}-${format}-${preprocessing}`;
  const inputs = made.get(key) ?? makeInputs(folder.path(key), standIn, { format, preprocessing });
  made.set(key, inputs);
  return inputs;
}

async function makeInputs(
  place: string,
  standIn: StandInName,
  { format, preprocessing }: Pick<RunConfig['dataset'], 'format' | 'preprocessing'>,
) {
  const classes = classesOf(format);
  const uri = writeStandIn(`${place}/weights.safetensors`, standIn, classes);
  const paths =
    format === 'cifar10' || format === 'cifar100'
      ? await standInCifar(place, format, uri, classes)
      : await standInImages(place, preprocessing, uri, classes);
  return { uri, ...paths };
}

/** The CLIP of the fixtures; fewer images than its similarity's 100 are there to compare. */
function smallClip(clip: NonNullable<RunConfig['ranking']['clip']>): Record<string, unknown> {
  const tokenizer = writeJson(folder.path('tokenizer.json'), lettersTokenizer());
  return { ...clip, model: 'test/fixtures/clip/clip.pt', tokenizer, similarity: { name: 'soft_wpmi', topK: 5 } };
}

/** A file of names that this CLIP knows: words of two small letters. */
function classNames(classes: number): string {
  const letter = (index: number) => String.fromCharCode('a'.charCodeAt(0) + index);
  const names = Array.from({ length: classes }, (_, c) => letter(Math.floor(c / 26)) + letter(c % 26));
  const path = folder.path(`names-${classes}.txt`);
  writeFileSync(path, `${names.join('\n')}\n`);
  return path;
}
