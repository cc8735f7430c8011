import { isChance, mayBeChance } from '../evaluation/chance.ts';
import { imageRanges, imagesText } from '../numeric/ranges.ts';
import { SIGNIFICANCE, wilsonInterval } from '../numeric/statistics.ts';
import type { Comparison, Flag, Report, VariantReport } from '../schemas/report.ts';
import { type Testimony, testimonyText } from '../schemas/testimony.ts';
import { count, counted, interval, list, percent, points, pValue } from './format.ts';
import { pValueOf } from './summary/comparisons.ts';

/** What a rule about one variant may look at. */
export interface VariantCase {
  readonly variant: Omit<VariantReport, 'flags'>;
  /** The model without a defence, where the run has it. */
  readonly base: Omit<VariantReport, 'flags'> | undefined;
  readonly run: Report['run'];
  readonly comparisons: readonly Comparison[];
  readonly classes: number;
  /** An attack of the suite averages gradients over the model's noise (EoT). */
  readonly averagesNoise: boolean;
}

/** Gives the sentence to print, or null where there is nothing to say. */
type Rule<Case> = (subject: Case) => string | null;

const VARIANT_RULES: Readonly<Record<string, Rule<VariantCase>>> = {
  'transfer-removes-gain': transferRemovesGain,
  'starved-gradients': starvedGradients,
  'worse-than-none': worseThanNone,
  'no-better-than-chance': noBetterThanChance,
  'no-prediction': noPrediction,
  'zero-gradients': idleGradients,
  randomised,
  'probability-outputs': probabilityOutputs,
  'too-few-classes': tooFewClasses,
  'square-beats-gradients': squareBeatsGradients,
  'smoothing-needs-eot': smoothingNeedsEot,
  'audit-wide': auditWide,
  'audit-missing': auditMissing,
};

type RunCase = Pick<Report, 'run' | 'sweep' | 'dataset'> & { readonly testimony?: Testimony | undefined };

const RUN_RULES: Readonly<Record<string, Rule<RunCase>>> = {
  incomplete,
  'reading-not-borne-out': readingNotBorneOut,
  'small-sample': smallSample,
  // Of confidence thresholds: a flag keeps its code.
  'flat-sweep': ({ sweep }) => (sweep?.flat ? sweep.message : null),
};

/** What a reader must know before trusting this variant's numbers. */
export function flagVariant(subject: VariantCase): Flag[] {
  return applyRules(VARIANT_RULES, subject);
}

/** What a reader must know about the run as a whole. */
export function flagRun(subject: RunCase): Flag[] {
  return applyRules(RUN_RULES, subject);
}

function applyRules<Case>(rules: Readonly<Record<string, Rule<Case>>>, subject: Case): Flag[] {
  return Object.entries(rules).flatMap(([code, rule]) => {
    const message = rule(subject);
    return message === null ? [] : [{ code, message }];
  });
}

/** Of a run that was told to go on, or that has too few images to be ended. */
function noBetterThanChance({ variant, run, classes }: VariantCase): string | null {
  const { correct } = variant.clean;
  if (variant.mask !== 'none') return null;
  const found = `the model is right on ${counted(correct, 'clean image')} of ${count(run.images)}`;
  if (mayBeChance(correct, run.images, classes))
    return `${found}, as guessing among ${count(classes)} classes is: more images tell whether it is given what it was trained on`;
  if (!isChance(correct, run.images, classes)) return null;
  return `${found}, no better than chance among ${count(classes)} classes: there is no accuracy that an attack could take`;
}

/** A gain that other models' examples take away never was robustness: the attack could not see its way through the mask. */
function transferRemovesGain({ variant, base, comparisons }: VariantCase): string | null {
  if (base === undefined) return null;
  const gain = variant.robust.accuracy - base.robust.accuracy;
  const left = variant.worstCase.accuracy - base.worstCase.accuracy;
  if (gain <= 0 || left > gain / 2) return null;
  const p = pValueOf(comparisons, 'robust', variant.id, base.id);
  return (
    `${left <= 0 ? 'the' : 'most of the'} gain over ${base.id} (${versus(variant, base, 'robust')}) is gone on transferred ` +
    `examples (${versus(variant, base, 'worstCase')}): ` +
    (p < SIGNIFICANCE ? 'gradients were starved, not robustness gained' : `it may have been chance too (${pValue(p)})`)
  );
}

/** More than chance and a restart make of two runs of an attack, in shares of all images. */
const STARVED = 0.02;

/** The same attack made without the defence finds more than through it: a sign of gradients that lead nowhere. */
function starvedGradients({ variant, run }: VariantCase): string | null {
  const crafted = run.suite.find(({ once }) => once);
  const row = (name: string | undefined) => variant.attacks.find(({ attack }) => attack === name);
  const elsewhere = row(crafted?.name);
  const own = row(run.suite.find(({ attack, once, sees }) => attack === crafted?.attack && !once && sees)?.name);
  if (elsewhere === undefined || own?.alone === undefined) return null;
  const lead = (elsewhere.broken - own.alone) / run.images;
  if (lead <= STARVED) return null;
  return (
    `examples made without the defence (${elsewhere.attack}) break ${counted(elsewhere.broken, 'image')}, the same attack ` +
    `through its own gradients (${own.attack}) ${count(own.alone)}, ${(100 * lead).toFixed(1)} points fewer: its gradients are starved, and ` +
    'attacks on it alone overstate its robustness'
  );
}

function versus(
  variant: VariantCase['variant'],
  base: VariantCase['variant'],
  measure: 'robust' | 'worstCase',
): string {
  return `${percent(variant[measure].accuracy)} vs ${percent(base[measure].accuracy)}`;
}

function worseThanNone({ variant, base, comparisons }: VariantCase): string | null {
  if (base === undefined || variant.robust.accuracy >= base.robust.accuracy) return null;
  const p = pValueOf(comparisons, 'robust', variant.id, base.id);
  if (p >= SIGNIFICANCE) return null;
  return `robust accuracy is below that of ${base.id} (${versus(variant, base, 'robust')}, ${pValue(p)}): it makes the model weaker`;
}

/** NaN compares with nothing: what becomes of such an image is a convention, so it is said which. */
function noPrediction({ variant }: VariantCase): string | null {
  if (variant.unpredicted === undefined) return null;
  const { clean, attacked } = variant.unpredicted;
  const places = [
    clean.length === 0 ? [] : `on ${imagesText(clean)}, counted as wrong`,
    attacked.length === 0
      ? []
      : `near ${imagesText(attacked)}, at points that an attack tried: that is no adversarial example, so robust accuracy may be too high`,
  ].flat();
  return `the model gives no prediction, its logits being NaN or infinite, ${places.join('; and ')}`;
}

/** Zero, NaN and infinite gradients are one flag: attacks take all of them for no direction. */
function idleGradients({ variant }: VariantCase): string | null {
  const { zeroGradientImages: zero, nonFiniteGradientImages: nonFinite = 0 } = variant.checks;
  if (zero + nonFinite === 0) return null;
  const attacked = variant.clean.correct;
  const share = `${count(zero + nonFinite)} of ${counted(attacked, 'attacked image')} (${percent((zero + nonFinite) / attacked)})`;
  const kinds =
    nonFinite === 0
      ? 'of exactly zero'
      : `that leads nowhere, ${count(zero)} of exactly zero and ${count(nonFinite)} of NaN or infinity`;
  return `${share} had a loss gradient ${kinds}: gradient attacks are blind there, so robust accuracy may be too high`;
}

/** Smoothing is known without measuring and has a rule of its own; this one is for randomness nobody told of. */
function randomised({ variant, run, averagesNoise }: VariantCase): string | null {
  if (!variant.checks.randomised || averagesNoise) return null;
  if (run.smoothing !== null && variant.mask !== 'none') return null;
  return (
    'the model answers the same question differently, and no attack averages its gradients over that (EoT): robust accuracy ' +
    'is optimistic; use the suite "rand"'
  );
}

function probabilityOutputs({ variant }: VariantCase): string | null {
  if (!variant.checks.probabilities) return null;
  return (
    'the outputs look like probabilities: losses on logits are starved by the softmax inside the model, so robust accuracy ' +
    'may be too high; export the model without its softmax'
  );
}

/** Attacks that aim at a number of wrong classes, AutoAttack's being nine. */
const TARGETED_CLASSES = 10;
const TARGETED: ReadonlySet<string> = new Set(['apgd-t', 'fab-t']);

function tooFewClasses({ run, classes }: VariantCase): string | null {
  const targeted = run.suite.filter(({ attack }) => TARGETED.has(attack)).map(({ name }) => name);
  if (targeted.length === 0 || classes >= TARGETED_CLASSES) return null;
  return `with ${classes} classes ${list(targeted)} ${targeted.length === 1 ? 'has' : 'have'} ${classes - 1} targets instead of 9: fewer tries than the standard evaluation`;
}

/** AutoAttack's own check: a black-box attack should not find what white-box attacks missed. */
const SQUARE_TOLERANCE = 0.002;

function squareBeatsGradients({ variant, run }: VariantCase): string | null {
  const square = run.suite.find(({ attack, crafted }) => attack === 'square' && !crafted);
  const peers = variant.attacks.filter(({ group }) => group === square?.group);
  const place = peers.findIndex(({ attack }) => attack === square?.name);
  const broken = peers[place]?.broken ?? 0;
  if (place < 1 || broken / run.images <= SQUARE_TOLERANCE) return null;
  return (
    `Square broke ${counted(broken, 'image')} (${points(broken / run.images)} points) that the attacks before it could not: ` +
    'gradients are masked, and the true robust accuracy may be lower still'
  );
}

/** Only what masks is randomised: noise is drawn in the first of two passes. */
function smoothingNeedsEot({ variant, run, averagesNoise }: VariantCase): string | null {
  if (run.smoothing === null || variant.mask === 'none' || averagesNoise) return null;
  return (
    'smoothing makes the model random and no attack in the suite averages its gradients over the noise: results are ' +
    'optimistic; use the suite "rand", or give the attacks "eot", e.g. {"attack": "apgd-ce", "eot": 20}'
  );
}

/** A sample is planned for few breaks: one that shows more is as true, and says less. */
function auditWide({ variant: { audit }, run }: VariantCase): string | null {
  if (run.audit === undefined || audit?.needed === undefined) return null;
  const [low, high] = audit.interval;
  return (
    `the audit's interval is ${(100 * (high - low)).toFixed(1)} points wide, ${Number((200 * run.audit.halfWidth).toPrecision(10))} were asked: ` +
    `${audit.suite} broke ${count(audit.broken.length)} of ${count(audit.sample)}; a sample of ${count(audit.needed)} would have done`
  );
}

function auditMissing({ variant, run }: VariantCase): string | null {
  if (run.audit === undefined || variant.audit !== undefined) return null;
  return `the audit by ${run.audit.suite} that was asked for is not done: nothing is said of what it would leave`;
}

/** From here on the widest interval is about 6 points. */
const ENOUGH_IMAGES = 1000;

function smallSample({ run }: RunCase): string | null {
  const { images, effectiveImages = images } = run;
  if (effectiveImages >= ENOUGH_IMAGES) return null;
  const [low, high] = wilsonInterval(images / 2, images, effectiveImages);
  return (
    `${counted(images, 'image')} only${effectiveImages < images ? `, as good as ${Math.round(effectiveImages)} without their copies` : ''}: the 95% interval of an accuracy near 50% is ${interval([low, high])}, ` +
    `${(100 * (high - low)).toFixed(1)} points wide; differences below that may be chance`
  );
}

function incomplete({ run, dataset }: RunCase): string | null {
  if (run.missing.length === 0) return null;
  const shardsOf = new Map<string, number[]>();
  for (const { variant, shard } of run.missing) shardsOf.set(variant, [...(shardsOf.get(variant) ?? []), shard]);
  const gaps = [...shardsOf].map(
    ([variant, shards]) => `${variant} has no result for shard${shards.length === 1 ? '' : 's'} ${imageRanges(shards)}`,
  );
  return (
    `the run is incomplete (${list(gaps)}): this report is about ${count(run.images)} of ` +
    `${counted(dataset.test.images, 'image')}, those every variant has results for. Do what is missing with ` +
    '"igd retry RUN", or by starting the same "igd run" again'
  );
}

function readingNotBorneOut({ testimony }: RunCase): string | null {
  if (testimony?.outcome !== 'doubtful' && testimony?.outcome !== 'contradicted') return null;
  return `how the model is read is ${testimonyText(testimony)}`;
}

/** A flag as a person reads it: about whom, and who else it is true of with numbers of their own. */
export interface Notice extends Flag {
  /** A variant, a ranking, or null for the whole run. */
  readonly subject: string | null;
  readonly likewise: readonly string[];
}

/** Every flag of a report: on the run, on its rankings, on its variants. Variants with the same flag share a notice. */
export function noticesOf({ flags, ranking, variants }: Report): Notice[] {
  const ofRun = flags.map((flag) => ({ ...flag, subject: null, likewise: [] }));
  const ofRankings = ranking.methods.flatMap(({ method, flags }) =>
    flags.map((flag) => ({ ...flag, subject: `ranking ${method}`, likewise: [] })),
  );
  return [...ofRun, ...ofRankings, ...variantNotices(variants)];
}

/** The first variant tells the flag with its numbers; ten sentences that differ in a digit would hide the other flags. */
function variantNotices(variants: Report['variants']): Notice[] {
  const byCode = new Map<string, Notice & { likewise: string[] }>();
  for (const { id, flags } of variants) {
    for (const flag of flags) {
      const told = byCode.get(flag.code);
      if (told === undefined) byCode.set(flag.code, { ...flag, subject: id, likewise: [] });
      else told.likewise.push(id);
    }
  }
  return [...byCode.values()];
}
