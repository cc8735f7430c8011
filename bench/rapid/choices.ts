import { parseArgs } from 'node:util';
import {
  type AttackSpec,
  attack,
  defend,
  type LabelledImages,
  type OpenModel,
  openModel,
  rankUnits,
  readImages,
} from '../../src/index.ts';

/**
 * What the attacks of suite `rapid` find and cost for any number of targets and steps, on the plain and the LO-IR-masked model:
 * the table by which they were chosen.
 *
 * npx tsx bench/rapid/choices.ts CHECKPOINT TEST_BIN PROBE_BIN [--images 256] [--layer layer4] [--units 16] [--epsilon 0.03137254901960784]
 */

const PROBE_IMAGES = 1000;
const TARGETS = [1, 2, 3, 9];
const STEPS = [25, 50, 100];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '256' },
    layer: { type: 'string', default: 'layer4' },
    units: { type: 'string', default: '16' },
    epsilon: { type: 'string', default: String(8 / 255) },
  },
});
const [checkpoint, testBin, probeBin] = positionals;
if (checkpoint === undefined || testBin === undefined || probeBin === undefined)
  throw new Error('give CHECKPOINT TEST_BIN PROBE_BIN; see the head of this file');

const CHOICES: readonly (readonly [string, AttackSpec])[] = [
  ...TARGETS.flatMap((targets) =>
    STEPS.map(
      (iterations) =>
        [`\`malt\`, targets ${targets}, ${iterations} steps`, { attack: 'malt', targets, iterations }] as const,
    ),
  ),
  ...STEPS.flatMap((iterations): (readonly [string, AttackSpec])[] => [
    [`\`pma\`, ${iterations} steps`, { attack: 'pma', iterations }],
    [`\`pma\`, terms label, ${iterations} steps`, { attack: 'pma', iterations, terms: ['label'] }],
    [`\`apgd-pm\`, ${iterations} steps`, { attack: 'apgd-pm', iterations }],
  ]),
];

const base = await openModel(checkpoint);
const images = await readImages(testBin, { format: 'cifar10', split: 'test', count: Number(values.images) });
const probe = await readImages(probeBin, { format: 'cifar10', split: 'train', count: PROBE_IMAGES });
const ranking = await rankUnits(base, { ...probe, layer: values.layer, method: 'loir' });
const masked = defend(base, { ranking, importantUnits: Number(values.units) });

console.log('| attack | plain: robust | units an image | LO-IR: robust | units an image |\n|---|---|---|---|---|');
for (const [label, spec] of CHOICES) {
  const cells = [await tried(base, images, spec), await tried(masked, images, spec)];
  console.log(`| ${label} | ${cells.flat().join(' | ')} |`);
}
await Promise.all([base.release(), masked.release()]);

/** Robust accuracy, and units (a forward 1, a gradient 3) for each image that is classified correctly. */
async function tried(model: OpenModel, { images: x, labels }: LabelledImages, spec: AttackSpec): Promise<string[]> {
  const threat = { norm: 'Linf', epsilon: Number(values.epsilon) } as const;
  const { cleanAccuracy, robustAccuracy, usage } = await attack(model, { images: x, labels, threat, attack: spec });
  const units = usage.reduce((sum, { forwards, gradients }) => sum + forwards + 3 * gradients, 0);
  return [`${(100 * robustAccuracy).toFixed(1)}%`, (units / (cleanAccuracy * labels.length)).toFixed(0)];
}
