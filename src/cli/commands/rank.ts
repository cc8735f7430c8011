import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Dataset } from '../../datasets/dataset.ts';
import { requireModelClasses } from '../../datasets/model-classes.ts';
import { openDataset } from '../../datasets/open.ts';
import { proveClassifier } from '../../evaluation/proof/prove-model.ts';
import { type Classifier, layerOf, tellingAxis } from '../../models/classifier.ts';
import { diagnose, requireSound } from '../../ranking/diagnostics.ts';
import { unitScores } from '../../ranking/methods.ts';
import { encodeRanking, recipeFor } from '../../ranking/ranking.ts';
import { inspectClip } from '../../runs/inputs/clip-inputs.ts';
import { exportUnits } from '../../runs/inputs/ig-defense-format.ts';
import { openClassifier } from '../../runs/inputs/open-classifier.ts';
import { testifyOn } from '../../runs/inputs/testify-model.ts';
import { clipFeatures } from '../../runs/jobs/clip-features.ts';
import { clipRecipe } from '../../runs/planning/plan.ts';
import { onnxRuntime } from '../../runtime/session.ts';
import type { ClipConfig } from '../../schemas/config.ts';
import { testimonyText } from '../../schemas/testimony.ts';
import { RANKING_METHODS, type RankingMethod, rankingUses } from '../../schemas/variants.ts';
import { FileStore } from '../../stores/folder-store.ts';
import { localPath } from '../../stores/open.ts';
import { modelNotes, sayAssumed, sayModelNotes } from '../assumptions.ts';
import { rankingsFolder } from '../execution-context.ts';
import { refuseIdle } from '../idle-flags.ts';
import { positiveInteger, seedNumber } from '../numbers.ts';
import {
  addClipOptions,
  addDataOptions,
  addLayerAxis,
  addModelOptions,
  type ClipFlags,
  clipConfig,
  cores,
  type DataFlags,
  dataSpec,
  layerFlags,
  localData,
  type ModelFlags,
  modelOptions,
} from '../options.ts';
import { addJson, printJson, progressOutput } from '../output.ts';
import { countProgress } from '../progress.ts';
import { rankedDigests } from '../ranked-files.ts';
import { localFolder, print, writeOutput } from '../storage-location.ts';

interface RankFlags extends ModelFlags, DataFlags, ClipFlags {
  readonly rankings: string;
  readonly layer: string;
  readonly layerAxis?: number;
  readonly method: RankingMethod;
  readonly images?: number;
  readonly units?: number;
  readonly signed?: boolean;
  readonly seed?: number;
  readonly batchSize: number;
  readonly allowDegenerate?: boolean;
  readonly out: string;
  readonly exportNpy?: string;
}

export function define(command: Command): void {
  command
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
    .option('--seed <n>', 'seed of the random ranking (default: 0)', seedNumber)
    .option('--batch-size <n>', 'images per forward pass', positiveInteger, 64)
    .option('--allow-degenerate', 'write the ranking even where it carries no class information')
    .requiredOption('--out <file>', 'the ranking file to write (.json)')
    .option('--export-npy <dir>', "also write the public code's layout, unit<j>.npy");
  command.option('--rankings <dir>', "cdir: folder where CLIP's embeddings are kept for every run", rankingsFolder());
  addLayerAxis(addModelOptions(addDataOptions(addClipOptions(addJson(command))))).action(rank);
}

async function rank(checkpoint: string, given: RankFlags): Promise<void> {
  if (given.exportNpy !== undefined) localFolder(given.exportNpy, '--export-npy');
  refuseIdleRanking(given);
  const flags = await localData(given);
  const { method, seed = 0, batchSize } = flags;
  const path = await localPath(checkpoint);
  const spec = dataSpec(flags, 'train', flags.images);
  const withClip = rankingUses(method, 'clip') ? clipConfig(flags) : undefined;
  const digests = await rankedDigests({ checkpoint: path, probe: spec, labels: flags.labels, clip: withClip });
  const probe = await openDataset(spec);
  const input = modelOptions(flags);
  const { normalize = null, layout, inputRange, output, binary, model, zoo } = input;
  const { imageShape } = probe;
  const modelSpec = { path, ...layerFlags(flags), imageShape, ...input };
  const classifier = await openClassifier(modelSpec);
  requireModelClasses(probe, classifier.classes, { format: spec.format, where: flags.labels ?? flags.data });
  const layer = layerOf(classifier, flags.layer);
  const clip = withClip && (await inspectedClip(withClip, flags, classifier, probe));
  const store = new FileStore(resolve(flags.rankings));
  const runtime = onnxRuntime({ threads: cores() });
  const testimony = await testifyOn(modelSpec, probe, runtime);
  const proof = { name: basename(path), data: probe, gradients: false, evaluations: probe.count };
  const proved = await proveClassifier(classifier, runtime, proof);
  const signed = flags.signed === true;
  const { confirm } = digests;
  const progress = countProgress(progressOutput(), 'probe images:');
  const scores = await unitScores(method, {
    ...{ classifier, layer, probe, signed, seed, batchSize, runtime },
    clip:
      clip &&
      ((embedded) => clipFeatures({ ...clip, probe, probeDigest: digests.probe, confirm, store, runtime }, embedded)),
    progress: progress.update,
  }).finally(progress.end);
  await confirm();
  const keep = flags.units ?? Math.max(1, Math.floor(layer.units / 8));
  const diagnostics = diagnose(scores, keep);
  requireSound(diagnostics, method, flags.allowDegenerate === true);
  const recipe = recipeFor(method, {
    layer: layer.name,
    layerAxis: tellingAxis(layer).axis,
    checkpoint: digests.checkpoint,
    stateDict: input.stateDict ?? null,
    input: { normalize, layout, inputRange, output, binary, model, zoo },
    probe: { sha256: digests.probe, images: probe.count, labels: digests.labels },
    ...{ signed, seed },
    ...(clip && { clip: clipRecipe(clip.config, clip.inputs) }),
  });
  await writeOutput(flags.out, encodeRanking({ recipe, scores }));
  if (flags.exportNpy !== undefined) await exportUnits(scores, flags.exportNpy);
  const { meanOverlap, deadUnits, flags: problems } = diagnostics;
  const facts = { method, layer: layer.name, units: layer.units, classes: classifier.classes, images: probe.count };
  const notes = [...(probe.notes ?? []), ...proved.notes];
  printJson({
    out: flags.out,
    ...facts,
    topUnits: keep,
    meanOverlap,
    deadUnits,
    flags: problems,
    testimony,
    notes: [...modelNotes(classifier.notes), ...notes],
  });
  print(`${flags.out}: ${method} of ${layer.units} units for ${classifier.classes} classes on ${probe.count} images`);
  print(
    `  top ${keep} units of two classes overlap by ${diagnostics.meanOverlap.toFixed(2)} on average; ${diagnostics.deadUnits} units matter to no class`,
  );
  for (const { message } of [...notes, ...diagnostics.flags]) print(`  note: ${message}`);
  print(`  ${testimonyText(testimony)}`);
  sayModelNotes(classifier.notes);
  sayAssumed(classifier.reading);
}

/** Throws InputError where a flag is of another method. */
function refuseIdleRanking(flags: RankFlags): void {
  const { method } = flags;
  const only = (name: RankingMethod) => `is of --method ${name}: give that, or leave it out`;
  refuseIdle(flags, [
    {
      flags: ['clip', 'clipImage', 'clipText', 'tokenizer', 'similarity', 'classNames'],
      when: !rankingUses(method, 'clip'),
      why: only('cdir'),
    },
    { flags: ['signed'], when: !rankingUses(method, 'signed'), why: only('loir') },
    { flags: ['seed'], when: !rankingUses(method, 'seed'), why: only('random') },
    {
      flags: ['clipImage', 'clipText'],
      when: flags.clip !== undefined,
      why: 'is instead of --clip: leave one of them out',
    },
  ]);
}

async function inspectedClip(config: ClipConfig, flags: RankFlags, { classes }: Classifier, probe: Dataset) {
  const use = { classes, images: probe.count, classNames: flags.classNames, ownNames: probe.classNames };
  return { config, inputs: await inspectClip(config, use) };
}
