import type { Dataset, DatasetSpec } from '../../datasets/dataset.ts';
import { datasetDigest, digestOf } from '../../datasets/digest.ts';
import { openDataset } from '../../datasets/open.ts';
import { InputError } from '../../errors.ts';
import type { Classifier } from '../../models/classifier.ts';
import { type ClassifierSpec, openClassifier } from './open-classifier.ts';

/** What a plan says of a file. */
interface Planned {
  /** SHA-256 in hex, as `datasetDigest` or `checkpointDigest` has it. */
  readonly sha256: string;
}

/**
 * Opens what a run was planned with, and nothing else: a file that was replaced since is named, not evaluated, for its numbers would
 * be reported, and its rankings kept, under the name of the one that was planned. It is hashed after it has been read, so that what is
 * replaced in between is seen as well.
 */
export async function openPlannedDataset(spec: DatasetSpec, planned: Planned, what: string): Promise<Dataset> {
  const dataset = await openDataset(spec);
  requirePlanned({ what, path: spec.path, found: await datasetDigest(spec), planned: planned.sha256 });
  return dataset;
}

/** The same for a checkpoint. Throws InputError where it is another file. */
export async function openPlannedClassifier(spec: ClassifierSpec, planned: Planned): Promise<Classifier> {
  const classifier = await openClassifier(spec);
  await requirePlannedFile('checkpoint', spec.path, planned.sha256);
  return classifier;
}

/** Throws InputError where a file is not the one that was planned. */
export async function requirePlannedFile(what: string, path: string, planned: string): Promise<void> {
  requirePlanned({ what, path, found: await digestOf(path), planned });
}

interface Comparison {
  readonly what: string;
  readonly path: string;
  readonly found: string;
  readonly planned: string;
}

function requirePlanned({ what, path, found, planned }: Comparison): void {
  if (found === planned) return;
  throw new InputError(
    `the ${what} ${path} is another file than when the run was planned: its SHA-256 is ${found}, planned was ${planned}. ` +
      'Put that file back and go on, or start a new run (another --out, or submit the config again)',
  );
}
