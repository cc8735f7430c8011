import type { DatasetSpec } from '../datasets/dataset.ts';
import { datasetDigest, digestOf } from '../datasets/digest.ts';
import { InputError } from '../errors.ts';
import { clipFiles } from '../runs/inputs/clip-inputs.ts';
import { checkpointDigest } from '../runs/inputs/inspect-inputs.ts';
import { modelDigest } from '../runs/inputs/model-digest.ts';
import type { ClipConfig } from '../schemas/config.ts';

/** The files that a ranking is made of. */
interface RankedFiles {
  readonly checkpoint: string;
  readonly probe: DatasetSpec;
  readonly labels: string | undefined;
  readonly clip: ClipConfig | undefined;
}

/** What the files held before they were read: whose ranking it is. */
export interface RankedDigests {
  readonly checkpoint: string;
  readonly probe: string;
  readonly labels: string | undefined;
  /** Throws InputError where a file holds something else by now: nothing is to be kept under a digest that it may not be of. */
  readonly confirm: () => Promise<void>;
}

/** To be asked for before anything is opened. Throws InputError where a file cannot be read. */
export async function rankedDigests({ checkpoint, probe, labels, clip }: RankedFiles): Promise<RankedDigests> {
  const others =
    clip === undefined
      ? []
      : [...clipFiles(clip).map((path) => ({ path, digest: modelDigest })), { path: clip.tokenizer, digest: digestOf }];
  const files = [
    { path: checkpoint, digest: () => checkpointDigest(checkpoint) },
    { path: probe.path, digest: () => datasetDigest(probe) },
    ...(labels === undefined ? [] : [{ path: labels, digest: digestOf }]),
    ...others,
  ];
  const before: string[] = [];
  for (const { path, digest } of files) before.push(await digest(path));
  const confirm = async () => {
    for (const [place, { path, digest }] of files.entries())
      if ((await digest(path)) !== before[place])
        throw new InputError(`${path}: was written to while it was ranked; leave it alone, and rank again`);
  };
  const [ofCheckpoint = '', ofProbe = '', ofLabels] = before;
  return { checkpoint: ofCheckpoint, probe: ofProbe, labels: labels === undefined ? undefined : ofLabels, confirm };
}
