/** Where everything of a run is, under the run's folder or bucket prefix; and rankings in their own store. */
export const runKeys = {
  plan: 'plan.json',
  /** In place of a plan, what a sweep consists of: each of its runs lies in a folder beside it. Local sweeps go without. */
  sweepPlan: 'sweep-plan.json',
  sweepReport: 'sweep.json',
  /** What the results of a stage start with. */
  results: (stage: 'craft' | 'evaluate' | 'transfer' | 'audit') =>
    ({ craft: 'crafted/', evaluate: 'shards/', transfer: 'transfer/', audit: 'audit/' })[stage],
  /** A shard of a variant's examples that are tried on all of them; the examples themselves lie beside it. */
  crafted: (variant: string, shard: number) => `crafted/${variant}/${padded(shard)}.json`,
  craftedExamples: (variant: string, shard: number) => `crafted/${variant}/${padded(shard)}.npy`,
  evaluation: (variant: string, shard: number) => `shards/${variant}/${padded(shard)}.json`,
  /** [m, C, H, W] float32: the adversarial examples of the shard's broken images, in image order. */
  examples: (variant: string, shard: number) => `shards/${variant}/${padded(shard)}.npy`,
  /** How far the examples are from their images; and pictures of the least and the most perturbed. A report shows them. */
  perturbations: (variant: string, shard: number) => `perturbations/${variant}/${padded(shard)}.json`,
  pictures: (variant: string, shard: number) => `perturbations/${variant}/${padded(shard)}.pictures.json`,
  transfer: (variant: string, shard: number) => `transfer/${variant}/${padded(shard)}.json`,
  audit: (variant: string, shard: number) => `audit/${variant}/${padded(shard)}.json`,
  /** As `examples`, of the images that the audit broke. */
  auditExamples: (variant: string, shard: number) => `audit/${variant}/${padded(shard)}.npy`,
  /** That the variant's model computes what it says, as the first who evaluated it found. */
  proof: (variant: string) => `proof/${variant}.json`,
  /** What the BatchNorms of the run's model say of how it is read. */
  testimony: 'testimony.json',
  /** Where an interrupted evaluation goes on from; gone once it is done. */
  state: (variant: string, shard: number) => `state/${variant}/${padded(shard)}.bin`,
  craftState: (variant: string, shard: number) => `state/crafted/${variant}/${padded(shard)}.bin`,
  auditState: (variant: string, shard: number) => `state/audit/${variant}/${padded(shard)}.bin`,
  shift: (shard: number) => `shift/${padded(shard)}.json`,
  /** [m, 2, D] float32: the mean activation of each unit before and after the attack, in image order. */
  activations: (shard: number) => `shift/${padded(shard)}.npy`,
  surface: (variant: string, image: number) => `surface/${variant}/${padded(image)}.json`,
  /** Who does what of a run that several processes do; empty once it is done. */
  leases: 'leases/',
  jobLeases: 'leases/job-',
  /** A term of the lease of a job, by its result's key; '' for what all its terms start with. */
  lease: (result: string, term: number | '') => `leases/job-${result.replaceAll('/', '-')}.${term}`,
  process: (id: string) => `leases/process-${id}`,
  /** The one ranking of all processes, and a reader's copy; jobs read the store. */
  ranking: (method: string) => `ranking.${method}.json`,
  report: (file: string) => file,
} as const;

/** Content address in the ranking store. */
export function rankingKey(digest: string): string {
  return `rankings/${digest}.json`;
}

/** What is known of an evaluation by its content address, in the same store; written last, so that what it names is there. */
export function evaluationKey(address: string): string {
  return `evaluations/${address}.json`;
}

/** One of the files of an evaluation. */
export function evaluationFileKey(address: string, part: string): string {
  return `evaluation-files/${address}.${part}`;
}

/** Content address of CLIP's embeddings of a probe set, [N, E] float32, in the ranking store. */
export function embeddingsKey(digest: string): string {
  return `embeddings/${digest}.npy`;
}

function padded(shard: number): string {
  return String(shard).padStart(5, '0');
}
