import type { Command } from 'commander';
import { Option } from 'commander';
import { layerOf, openClassifier } from '../../architectures/open.ts';
import type { RankingMethod } from '../../contracts/variants.ts';
import { RANKING_METHODS } from '../../contracts/variants.ts';
import { datasetDigest } from '../../datasets/digest.ts';
import { openDataset } from '../../datasets/open.ts';
import { checkpointDigest } from '../../pipeline/inputs.ts';
import { diagnose, requireSound } from '../../ranking/diagnostics.ts';
import { loirScores } from '../../ranking/loir.ts';
import { exportUnits } from '../../ranking/public-layout.ts';
import { randomScores } from '../../ranking/random.ts';
import { encodeRanking } from '../../ranking/ranking.ts';
import { localPath } from '../../stores/localise.ts';
import { say, writeOutput } from '../files.ts';
import {
  addDataOptions,
  addModelOptions,
  cores,
  type DataFlags,
  dataSpec,
  localData,
  type ModelFlags,
  modelOptions,
  positiveInteger,
} from '../options.ts';
import { folderOf } from '../places.ts';
import { countProgress } from '../progress.ts';

interface RankFlags extends ModelFlags, DataFlags {
  readonly layer: string;
  readonly method: RankingMethod;
  readonly images?: number;
  readonly units?: number;
  readonly signed?: boolean;
  readonly seed: number;
  readonly batchSize: number;
  readonly allowDegenerate?: boolean;
  readonly out: string;
  readonly exportNpy?: string;
}

export function addRank(program: Command): void {
  const command = program
    .command('rank')
    .description('rank the units of a layer by their importance for each class')
    .argument('<checkpoint>')
    .requiredOption('--layer <name>', 'the layer whose units are ranked, e.g. layer4')
    .addOption(new Option('--method <method>').choices(RANKING_METHODS).default('loir'))
    .option('--images <n>', 'probe images: the first n (default: all)', positiveInteger)
    .option(
      '--units <k>',
      'check the ranking for masks that keep k units (default: an eighth of the layer)',
      positiveInteger,
    )
    .option('--signed', "mean signed change (the paper's Eq. 5) instead of its absolute value (the public code)")
    .option('--seed <n>', 'seed of the random ranking', Number, 0)
    .option('--batch-size <n>', 'images per forward pass', positiveInteger, 64)
    .option('--allow-degenerate', 'write the ranking even where it carries no class information')
    .requiredOption('--out <file>', 'the ranking file to write (.json)')
    .option('--export-npy <dir>', "also write the public code's layout, unit<j>.npy");
  addModelOptions(addDataOptions(command)).action(rank);
}

async function rank(checkpoint: string, given: RankFlags): Promise<void> {
  if (given.exportNpy !== undefined) folderOf(given.exportNpy, '--export-npy');
  const flags = await localData(given);
  const path = await localPath(checkpoint);
  const spec = dataSpec(flags, 'train', flags.images);
  const probe = await openDataset(spec);
  const input = modelOptions(flags);
  const classifier = await openClassifier({ path, layer: flags.layer, imageShape: probe.imageShape, ...input });
  const layer = layerOf(classifier, flags.layer);
  const progress = countProgress(process.stderr, 'probe images:');
  const byChance = flags.method === 'random';
  const scores = byChance
    ? randomScores(layer.units, classifier.classes, layer.name, flags.seed)
    : await loirScores(classifier, layer, probe, {
        signed: flags.signed === true,
        batchSize: flags.batchSize,
        session: { threads: cores() },
        progress: progress.update,
      }).finally(progress.end);
  const keep = flags.units ?? Math.max(1, Math.floor(layer.units / 8));
  const diagnostics = diagnose(scores, keep);
  requireSound(diagnostics, flags.method, flags.allowDegenerate === true);
  const recipe = {
    method: flags.method,
    layer: layer.name,
    checkpoint: await checkpointDigest(path),
    stateDict: input.stateDict ?? null,
    input: { normalize: input.normalize ?? null, layout: input.layout },
    probe: byChance ? null : { sha256: await datasetDigest(spec), images: probe.count },
    signed: !byChance && flags.signed === true,
    seed: byChance ? flags.seed : null,
  };
  await writeOutput(flags.out, encodeRanking({ recipe, scores }));
  if (flags.exportNpy !== undefined) await exportUnits(scores, flags.exportNpy);
  say(
    `${flags.out}: ${flags.method} of ${layer.units} units for ${classifier.classes} classes on ${probe.count} images`,
  );
  say(
    `  top ${keep} units of two classes overlap by ${diagnostics.meanOverlap.toFixed(2)} on average; ${diagnostics.deadUnits} units matter to no class`,
  );
  for (const { message } of diagnostics.flags) say(`  note: ${message}`);
}
