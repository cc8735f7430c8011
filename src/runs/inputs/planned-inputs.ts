import { datasetDigest, digestOf } from '../../datasets/digest.ts';
import { isFolder } from '../../datasets/files.ts';
import { InputError } from '../../errors.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { namedInputs, pathAt } from '../../schemas/input-paths.ts';
import { clipFiles } from './clip-inputs.ts';
import { probeSpec, type RunInputs, testSpec } from './inspect-inputs.ts';
import { modelDigest } from './model-digest.ts';

/** An input as the plan has it, and how its file is hashed now. */
interface PlannedInput {
  /** In a reader's words. */
  readonly what: string;
  readonly path: string;
  /** As its user named it: where it was fetched to is a place that a user has not. */
  readonly named: string;
  /** SHA-256 when the run was planned. */
  readonly planned: string;
  readonly digest: () => Promise<string>;
}

/** What a job needs of a plan; the config's paths can be opened. */
interface PlannedRun {
  readonly config: RunConfig;
  readonly inputs: RunInputs;
  /** The config as its user wrote it. */
  readonly source?: unknown;
}

export function plannedCheckpoint({ config, inputs, source }: PlannedRun): PlannedInput[] {
  return [model('checkpoint', config.checkpoint.uri, inputs.checkpoint.sha256)].map(namedIn(config, source));
}

export function plannedTest({ config, inputs, source }: PlannedRun): PlannedInput[] {
  const spec = testSpec(config);
  const images = { what: 'test set', path: spec.path, planned: inputs.test.sha256 };
  return [
    { ...images, digest: () => datasetDigest(spec) },
    ...maybe('test labels', config.dataset.testLabels, inputs.labels?.test),
  ].map(namedIn(config, source));
}

/** None where the run has no probe set. */
export function plannedProbe({ config, inputs, source }: PlannedRun): PlannedInput[] {
  const spec = probeSpec(config);
  if (spec === undefined || inputs.probe === null) return [];
  const images = { what: 'probe set', path: spec.path, planned: inputs.probe.sha256 };
  return [
    { ...images, digest: () => datasetDigest(spec) },
    ...maybe('probe labels', config.dataset.probeLabels, inputs.labels?.probe),
  ].map(namedIn(config, source));
}

/** None where nothing is ranked by CLIP. */
export function plannedClip({ config, inputs, source }: PlannedRun): PlannedInput[] {
  const { clip } = config.ranking;
  if (clip === undefined || inputs.clip === undefined) return [];
  const { files, tokenizer } = inputs.clip;
  return [
    ...clipFiles(clip).flatMap((path, index) => maybe('CLIP', path, files[index], model)),
    file('tokenizer', clip.tokenizer, tokenizer),
  ].map(namedIn(config, source));
}

/**
 * Opens what was planned. A file is compared before it is read and after: the second time costs no reading where it has not
 * been written to. Throws InputError where a file is not the one that was planned.
 */
export async function openPlanned<T>(inputs: readonly PlannedInput[], open: () => Promise<T>): Promise<T> {
  await requirePlanned(inputs);
  const opened = await open();
  const folders = await Promise.all(inputs.map(({ path }) => isFolder(path)));
  await requirePlanned(inputs.filter((_, index) => folders[index] === false));
  return opened;
}

/** Throws InputError where an input is not the one that was planned. */
export async function requirePlanned(inputs: readonly PlannedInput[]): Promise<void> {
  for (const { what, named, planned, digest } of inputs) {
    const found = await digest();
    if (found === planned) continue;
    throw new InputError(
      `the ${what} ${named} is another file than when the run was planned: its SHA-256 is ${found}, planned was ${planned}. ` +
        'Put that file back and go on, or start a new run (another --out, or submit the config again)',
    );
  }
}

type Unnamed = Omit<PlannedInput, 'named'>;

/** The file that has a path in the config is called as it is in the source. */
function namedIn(config: RunConfig, source: unknown): (input: Unnamed) => PlannedInput {
  const places = namedInputs(config);
  return (input) => {
    const keys = places.find(({ path }) => path === input.path)?.keys;
    return { ...input, named: (keys && pathAt(source, keys)) ?? input.path };
  };
}

function file(what: string, path: string, planned: string): Unnamed {
  return { what, path, planned, digest: () => digestOf(path) };
}

/** With the weights that it keeps beside it. */
function model(what: string, path: string, planned: string): Unnamed {
  return { what, path, planned, digest: () => modelDigest(path) };
}

/** Plans of before say nothing of some files: there is nothing to compare those with. */
function maybe(what: string, path: string | undefined, planned: string | undefined, as = file): Unnamed[] {
  return path === undefined || planned === undefined ? [] : [as(what, path, planned)];
}
