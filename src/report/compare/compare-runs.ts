import { InputError } from '../../errors.ts';
import { imagesText } from '../../numeric/ranges.ts';
import { holmAdjusted, mcnemarExact, pairedInterval } from '../../numeric/statistics.ts';
import type { ComparedVariant, Fate, PairedMeasure, RunComparison } from '../../schemas/comparison.ts';
import type { Report } from '../../schemas/report.ts';
import type { ImageOutcome } from '../../schemas/results.ts';
import { list } from '../format.ts';
import { breakersOf } from '../summary/outcomes.ts';
import { shareOf } from '../summary/variants.ts';
import { cautionsOf, differencesOf } from './differences.ts';
import { isRight, isRobust, type RunOutcomes } from './run-outcomes.ts';

/** An image in both runs. */
interface Pair {
  readonly a: ImageOutcome;
  readonly b: ImageOutcome;
}

/** Identity of the images that a run is about; place for place, so that image 7 of one is image 7 of the other. */
export interface TestData {
  readonly name: string;
  readonly format: string;
  readonly uri: string;
  readonly sha256: string;
}

/**
 * Compares two runs on the images that both reports are about, variant by variant. Throws InputError where they are of
 * different test data, or have no image or no variant in common.
 */
export function compareRuns(a: RunOutcomes, b: RunOutcomes): RunComparison {
  requireSameData(testDataOf(a.report), testDataOf(b.report));
  const [idsA, idsB] = [a, b].map(({ report }) => report.variants.map(({ id }) => id)) as [string[], string[]];
  const shared = idsA.filter((id) => idsB.includes(id));
  if (shared.length === 0)
    throw new InputError(`${named(a)} and ${named(b)} have no variant in common: ${list(idsA)}; ${list(idsB)}`);
  const pairs = shared.map((id) => pairsOf(a, b, id));
  const { effectiveImages, images: covered } = a.report.run;
  const weight = (effectiveImages ?? covered) / covered;
  const measured = withHolm(
    pairs.map((images) => [measureOf(images, isRight, weight), measureOf(images, isRobust, weight)]),
  );
  const differences = differencesOf(a, b);
  return {
    schema: 'igd.comparison/1',
    a: sideOf(a.report, idsB),
    b: sideOf(b.report, idsA),
    images: pairs[0]!.length,
    differences,
    cautions: [...cautionsOf(differences), ...copyCautions(a)],
    variants: shared.map((id, index): ComparedVariant => {
      const [images, [clean, robust]] = [pairs[index]!, measured[index]!];
      const details = { perAttack: attackRows(images, a, b), perClass: classRows(images, a), changed: changes(images) };
      return { id, clean, robust, ...details };
    }),
  };
}

export function testDataOf({ run, dataset: { format, test } }: Report): TestData {
  return { name: run.name, format, uri: test.uri, sha256: test.sha256 };
}

/** Throws InputError where two runs are about different images. */
export function requireSameData(a: TestData, b: TestData): void {
  if (a.sha256 === b.sha256 && a.format === b.format) return;
  const text = ({ name, format, uri, sha256 }: TestData) => `${name}: ${format} ${uri}, sha256 ${sha256.slice(0, 12)}`;
  throw new InputError(
    `the test data differ (${text(a)}; ${text(b)}): only runs on the same images can be compared image by image`,
  );
}

function named({ report }: RunOutcomes): string {
  return `run ${report.run.name} (${report.run.id})`;
}

/** Which images are copies a report does not say. */
function copyCautions({ report: { run } }: RunOutcomes): string[] {
  if (run.distinctImages === undefined || run.distinctImages === run.images) return [];
  return [
    `${run.images - run.distinctImages} of the images are copies of others, which the p-values take for images of their own: they are too small`,
  ];
}

function sideOf({ run, variants }: Report, others: readonly string[]): RunComparison['a'] {
  const only = variants.map(({ id }) => id).filter((id) => !others.includes(id));
  return { name: run.name, id: run.id, igdVersion: run.igdVersion, images: run.images, only };
}

/** Throws InputError where there is none, and where an image has another label. */
function pairsOf(a: RunOutcomes, b: RunOutcomes, variant: string): Pair[] {
  const others = new Map(b.outcomes.get(variant)?.map((outcome) => [outcome.image, outcome]));
  const pairs = (a.outcomes.get(variant) ?? []).flatMap((outcome) => {
    const other = others.get(outcome.image);
    return other === undefined ? [] : [{ a: outcome, b: other }];
  });
  if (pairs.length === 0) throw new InputError(`${named(a)} and ${named(b)} have no image in common`);
  const relabelled = pairs.filter((pair) => pair.a.label !== pair.b.label).map((pair) => pair.a.image);
  if (relabelled.length === 0) return pairs.sort((left, right) => left.a.image - right.a.image);
  throw new InputError(`the labels differ on ${imagesText(relabelled)}: ${named(a)} and ${named(b)} are of other data`);
}

type Measured = Omit<PairedMeasure, 'adjusted'>;

/** `weight`: how much an image counts where some are copies of others. */
function measureOf(images: readonly Pair[], isGood: (outcome: ImageOutcome) => boolean, weight: number): Measured {
  const distinct = { places: [...images.keys()], effective: weight * images.length };
  const share = (side: 'a' | 'b') =>
    shareOf(
      images.map((pair) => isGood(pair[side])),
      distinct,
    );
  const [a, b] = [share('a'), share('b')];
  const onlyA = images.filter((pair) => isGood(pair.a) && !isGood(pair.b)).length;
  const onlyB = images.filter((pair) => !isGood(pair.a) && isGood(pair.b)).length;
  const counts = { correctA: a.correct, correctB: b.correct, onlyA, onlyB, total: images.length };
  return {
    a,
    b,
    difference: (onlyB - onlyA) / images.length,
    interval: pairedInterval(counts),
    onlyA,
    onlyB,
    pValue: mcnemarExact(onlyA, onlyB),
  };
}

/** One family: whoever looks at all of them is wrong about any with the probability that is said. */
function withHolm(measures: readonly (readonly [Measured, Measured])[]): [PairedMeasure, PairedMeasure][] {
  const adjusted = holmAdjusted(measures.flat().map(({ pValue }) => pValue));
  return measures.map(([clean, robust], index) => [
    { ...clean, adjusted: adjusted[2 * index]! },
    { ...robust, adjusted: adjusted[2 * index + 1]! },
  ]);
}

function attackRows(images: readonly Pair[], a: RunOutcomes, b: RunOutcomes): ComparedVariant['perAttack'] {
  const [inA, inB] = [a, b].map(({ report }) => new Set(report.run.suite.map(({ name }) => name)));
  const broken = (side: 'a' | 'b', attack: string) =>
    images.filter((pair) => breakersOf(pair[side]).includes(attack)).length;
  return [...new Set([...(inA ?? []), ...(inB ?? [])])].map((attack) => ({
    attack,
    a: inA?.has(attack) ? broken('a', attack) : null,
    b: inB?.has(attack) ? broken('b', attack) : null,
  }));
}

function classRows(images: readonly Pair[], { report }: RunOutcomes): ComparedVariant['perClass'] {
  const byLabel = new Map<number, Pair[]>();
  for (const pair of images) {
    const members = byLabel.get(pair.a.label) ?? [];
    members.push(pair);
    byLabel.set(pair.a.label, members);
  }
  return [...byLabel]
    .sort(([one], [other]) => one - other)
    .map(([label, members]) => {
      const sides = (isGood: (outcome: ImageOutcome) => boolean) => ({
        a: members.filter((pair) => isGood(pair.a)).length / members.length,
        b: members.filter((pair) => isGood(pair.b)).length / members.length,
      });
      const name = report.dataset.classNames[label] ?? `class ${label}`;
      return { class: label, name, images: members.length, clean: sides(isRight), robust: sides(isRobust) };
    });
}

function changes(images: readonly Pair[]): ComparedVariant['changed'] {
  return images.flatMap((pair) => {
    const [a, b] = [fateOf(pair.a), fateOf(pair.b)];
    return a.state === b.state ? [] : [{ image: pair.a.image, label: pair.a.label, a, b }];
  });
}

function fateOf({ label, cleanPrediction, brokenBy, adversarialPrediction }: ImageOutcome): Fate {
  if (cleanPrediction !== label) return { state: 'wrong', prediction: cleanPrediction };
  if (brokenBy === null) return { state: 'robust' };
  return { state: 'broken', attack: brokenBy, prediction: adversarialPrediction };
}
