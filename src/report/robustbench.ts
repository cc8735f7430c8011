import { z } from 'zod';
import { CIFAR10, CIFAR100 } from '../datasets/cifar.ts';
import type { Report, VariantReport } from '../schemas/report.ts';
import { count, list, radius } from './format.ts';

/**
 * An entry of RobustBench's leaderboards, as `model_info/<dataset>/<threat>/<model>.json` of RobustBench/robustbench holds
 * them: accuracies are text in percent with two digits. null is for whoever submits the model to fill in.
 */
const entrySchema = z.strictObject({
  link: z.null(),
  name: z.null(),
  authors: z.null(),
  /** Whether it was trained on more than the data set. */
  additional_data: z.null(),
  number_forward_passes: z.int().positive(),
  dataset: z.string().nullable(),
  venue: z.null(),
  architecture: z.string(),
  eps: z.string(),
  clean_acc: z.string(),
  /** Robust accuracy in the model's own paper. */
  reported: z.null(),
  autoattack_acc: z.string().nullable(),
  /** A lower robust accuracy than AutoAttack's, by other means: the leaderboards rank by it where it is there. */
  external: z.string().optional(),
  footnote: z.string().optional(),
  /** AutoAttack may overestimate this model's robustness. */
  unreliable: z.boolean(),
});
export type RobustBenchEntry = z.infer<typeof entrySchema>;

/** AutoAttack's versions that `autoattack_acc` may come from. */
export type AutoAttackVersion = 'standard' | 'plus';

interface Leaderboard {
  /** RobustBench's name of the data set. */
  readonly name: string;
  /** Images it is about. */
  readonly images: number;
  readonly radii: Readonly<Partial<Record<string, number>>>;
  /** Other data come in CIFAR's format too. */
  isAbout(classNames: readonly string[]): boolean;
}

const LEADERBOARDS: Readonly<Partial<Record<string, Leaderboard>>> = {
  cifar10: {
    name: 'cifar10',
    images: 10_000,
    radii: { Linf: 8 / 255, L2: 0.5 },
    isAbout: (names) => names.join() === CIFAR10.classNames?.join(),
  },
  imagefolder: {
    name: 'imagenet',
    images: 5000,
    radii: { Linf: 4 / 255 },
    // ILSVRC2012's class folders: n01440764, n01443537, ...
    isAbout: (names) => names.length === 1000 && names.every((name) => /^n\d{8}$/.test(name)),
  },
  cifar100: {
    name: 'cifar100',
    images: 10_000,
    radii: { Linf: 8 / 255 },
    isAbout: (names) => names.length === CIFAR100.classes,
  },
};

function leaderboardOf({ format, classNames }: Report['dataset']): Leaderboard | undefined {
  const leaderboard = LEADERBOARDS[format];
  return leaderboard?.isAbout(classNames) === true ? leaderboard : undefined;
}

/** What AutoAttack's own checks warn of, and what shows that it did overestimate. */
const DOUBTS = new Set([
  'no-prediction',
  'zero-gradients',
  'randomised',
  'smoothing-needs-eot',
  'probability-outputs',
  'too-few-classes',
  'square-beats-gradients',
  'transfer-removes-gain',
]);

/** The entry of one variant; `version` is null where the suite is not AutoAttack's. */
export function robustBenchEntry(
  report: Report,
  variant: VariantReport,
  version: AutoAttackVersion | null,
): RobustBenchEntry {
  const { run, checkpoint, dataset } = report;
  const external = version !== null && variant.worstCase.correct < variant.robust.correct;
  const footnote = footnotes(report, variant, version).join(' ');
  return {
    link: null,
    name: null,
    authors: null,
    additional_data: null,
    number_forward_passes: passesOf(run, variant),
    dataset: leaderboardOf(dataset)?.name ?? null,
    venue: null,
    architecture: checkpoint.architecture,
    eps: radius(run.threat.epsilon),
    clean_acc: inPercent(variant.clean.accuracy),
    reported: null,
    autoattack_acc: version === null ? null : inPercent(variant.robust.accuracy),
    ...(external ? { external: inPercent(variant.worstCase.accuracy) } : {}),
    ...(footnote === '' ? {} : { footnote }),
    unreliable: version === null || variant.flags.some(({ code }) => DOUBTS.has(code)),
  };
}

/** The file's text. */
export function robustBenchJson(entry: RobustBenchEntry): string {
  return `${JSON.stringify(entrySchema.parse(entry), null, 2)}\n`;
}

/** Fields that only the model's authors can fill in. */
export function unknownFields(entry: RobustBenchEntry): string[] {
  return Object.entries(entry).flatMap(([field, value]) => (value === null ? [field] : []));
}

/** A defended model runs twice as its authors define it, though this program shares the trunk. */
function passesOf({ smoothing }: Report['run'], { mask }: VariantReport): number {
  return mask === 'none' ? 1 : 1 + (smoothing?.samples ?? 1);
}

function inPercent(share: number): string {
  return (100 * share).toFixed(2);
}

function footnotes(report: Report, variant: VariantReport, version: AutoAttackVersion | null): string[] {
  const notes = [suiteNote(report, variant, version), defenceNote(report, variant), coverageNote(report)];
  return [...notes, threatNote(report), transferNote(report, variant, version)].filter((note) => note !== null);
}

function suiteNote({ run }: Report, { robust }: VariantReport, version: AutoAttackVersion | null): string | null {
  if (version === 'standard') return null;
  if (version === 'plus') return 'Robust accuracy is of the "plus" version of AutoAttack.';
  const names = list(run.suite.map(({ name }) => name));
  return `Not evaluated with AutoAttack: ${inPercent(robust.accuracy)}% robust accuracy is due to ${names}.`;
}

function defenceNote({ run, ranking }: Report, { mask, threshold, id }: VariantReport): string | null {
  if (mask === 'none') return null;
  const units = mask === 'two-pass' ? 'all' : `${ranking.importantUnits ?? 'all'} of ${ranking.units}`;
  const ramp = threshold === undefined ? '' : `, fading in above confidence ${threshold}`;
  const noise =
    run.smoothing === null ? '' : `; Gaussian noise of ${radius(run.smoothing.sigma)} makes the first pass random`;
  return `Test-time defence "${id}": a first pass masks ${ranking.layer} of the second, which keeps ${units} units${ramp}${noise}.`;
}

function coverageNote({ run, dataset }: Report): string | null {
  const wanted = leaderboardOf(dataset)?.images;
  if (run.images === wanted) return null;
  return `Evaluated on ${count(run.images)}${wanted === undefined ? '' : ` of ${count(wanted)}`} images.`;
}

function threatNote({ run, dataset }: Report): string | null {
  const { norm, epsilon } = run.threat;
  const wanted = leaderboardOf(dataset)?.radii[norm];
  if (wanted !== undefined && Math.abs(epsilon - wanted) < 1e-9) return null;
  return `Threat model ${norm}, ${radius(epsilon)}: ${wanted === undefined ? 'no leaderboard has it' : `the leaderboard has ${radius(wanted)}`}.`;
}

function transferNote({ variants }: Report, variant: VariantReport, version: AutoAttackVersion | null): string | null {
  const { worstCase, robust, id } = variant;
  if (worstCase.correct >= robust.correct) return null;
  const others = list(variants.filter((other) => other.id !== id).map((other) => other.id));
  return (
    `${inPercent(worstCase.accuracy)}% robust accuracy is due to ${version === null ? 'the same attacks' : 'AutoAttack'} ` +
    `plus transfer from ${others}.`
  );
}
