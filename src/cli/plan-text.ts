import type { AttackCost } from '../attacks/core/attack.ts';
import { count, counted, duration, percent } from '../report/format.ts';
import { alignColumns } from '../report/table.ts';
import type { Parallelism, Rates } from '../runs/planning/duration.ts';
import { type Bounds, type Estimate, sumOf, type VariantEstimate } from '../runs/planning/estimate.ts';
import type { RankingLoad } from '../runs/planning/workload.ts';

/** What `igd plan --json` prints. */
export interface TimedEstimate extends Estimate {
  readonly schema: 'igd.estimate/1';
  /** Under its name in the first edition, for programs that read it. */
  readonly hands: Parallelism;
  /** Why there are no more workers, where memory is the reason. */
  readonly memory: string | null;
  /** null where nothing was timed. */
  readonly time: { readonly seconds: Bounds<number>; readonly rates: Rates } | null;
  /** null without a price, or without a time. */
  readonly cost: (Bounds<number> & { readonly pricePerHour: number }) | null;
}

/** What `igd plan` prints for people. */
export function planText(name: string, estimate: TimedEstimate): string {
  const { images, shards, imagesPerShard, variants } = estimate;
  return [
    `${name}: ${counted(images, 'image')}, ${counted(variants.length, 'variant')}, ` +
      `${counted(shards, 'shard')} of up to ${counted(imagesPerShard, 'image')}`,
    '',
    ...table(stageRows(estimate)),
    ...estimate.rankings.map(rankingText),
    ...reuseLines(estimate),
    '',
    ...table(evaluationRows(estimate)),
    '',
    ...assumptionLines(estimate),
    ...timeLines(estimate),
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): string[] {
  return alignColumns(rows).map((cells) => cells.join('  ').trimEnd());
}

function stageRows({ stages }: Estimate): string[][] {
  return [['stage', 'jobs', 'to do'], ...stages.map(({ stage, jobs, left }) => [stage, count(jobs), count(left)])];
}

/** Shards that other runs have evaluated, in full or under the first of the attacks. */
function reuseLines({ kept, variants }: Estimate): string[] {
  if (kept === undefined) return [];
  const attacks = variants[0]?.attacks.length ?? 0;
  const shards = Object.values(kept.evaluate).flat();
  const whole = shards.filter((known) => known === attacks).length;
  const begun = shards.filter((known) => known > 0 && known < attacks).length;
  const parts = [
    ...(whole > 0 ? [`${counted(whole, 'shard')} of ${count(shards.length)} in full`] : []),
    ...(begun > 0 ? [`the first attacks of ${counted(begun, 'shard')}`] : []),
  ];
  return parts.length === 0 ? [] : [`other runs have evaluated ${parts.join(', ')} (--no-cache computes them anew)`];
}

function rankingText({ method, images, trunks, tails }: RankingLoad): string {
  if (trunks === 0) return `ranking ${method}: no evaluation`;
  const reruns = tails === 0 ? '' : `, and up to ${count(images * tails)} runs of the layers behind the mask`;
  return `ranking ${method}: ${count(images * trunks)} forwards${reruns}`;
}

/** Variants cost the same evaluations but for attacks that leave one out: the dearest stands for all. */
function evaluationRows({ variants, crafting = [], total }: Estimate): string[][] {
  const gradientsOf = ({ attacks }: VariantEstimate) => sumOf(attacks.map(({ most }) => most)).gradients;
  const [one] = variants.toSorted((a, b) => gradientsOf(b) - gradientsOf(a));
  const all = variants.length;
  const parts = one === undefined ? [] : partsOf(one);
  const perVariant: Bounds<AttackCost> = {
    expected: sumOf(parts.map(([, { expected }]) => expected)),
    most: sumOf(parts.map(([, { most }]) => most)),
  };
  return [
    ['evaluations of a variant', 'forwards', 'gradients', 'most forwards', 'most gradients'],
    ...parts.map(([label, bounds]) => evaluationRow(label, bounds)),
    evaluationRow('together', perVariant),
    ...crafting.map((attack) => evaluationRow(`${attack.attack}, made once`, attack)),
    ...(all > 1 || crafting.length > 0 ? [evaluationRow(all > 1 ? `all ${all} variants` : 'in all', total)] : []),
  ];
}

function partsOf({
  clean,
  attacks,
  rounded,
  transfer,
  audit,
}: VariantEstimate): (readonly [string, Bounds<AttackCost>])[] {
  return [
    ['clean images, checks', clean],
    ...attacks.map((attack) => [attack.attack, attack] as const),
    ['rounded to 8 bits', rounded],
    ['transfer', transfer],
    ...(audit === undefined ? [] : [['audit', audit] as const]),
  ];
}

function evaluationRow(label: string, { expected, most }: Bounds<AttackCost>): string[] {
  return [label, ...[expected, most].flatMap(({ forwards, gradients }) => [count(forwards), count(gradients)])];
}

function assumptionLines({ assumption: { correct, holdOut }, time }: TimedEstimate): string[] {
  const right =
    time === null
      ? 'every image is classified correctly'
      : `${percent(correct)} of the images are classified correctly, as of those tried`;
  return [
    `Expected: ${right}, and ${percent(holdOut)} of these withstand the first attack and all that follow (--hold-out).`,
    'At most: every attack works on every image to its end.',
  ];
}

function timeLines({ time, hands: parallelism, memory, cost }: TimedEstimate): string[] {
  if (time === null) return [];
  const { seconds } = time;
  const workers = `${counted(parallelism.workers, 'worker')} of ${counted(parallelism.threads, 'thread')}`;
  return [
    '',
    `time  ${duration(seconds.expected)}, at most ${duration(seconds.most)}; ${workers}, measured on this machine just now`,
    ...(memory === null ? [] : [memory]),
    ...(cost === null
      ? []
      : [`cost  ${money(cost.expected)}, at most ${money(cost.most)}, at ${cost.pricePerHour} an hour`]),
  ];
}

/** Two digits after the point, or as many as a small amount needs to show. */
export function money(amount: number): string {
  return amount >= 1 || amount === 0 ? amount.toFixed(2) : amount.toPrecision(2);
}
