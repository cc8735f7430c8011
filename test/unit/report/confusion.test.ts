import { describe, expect, it } from 'vitest';
import { reportHtml } from '../../../src/report/report-files.ts';
import { confusionsOf, mistakes } from '../../../src/report/summary/confusion.ts';
import type { ImageOutcome, ShardResult } from '../../../src/schemas/results.ts';
import { LOIR, makeRun, NONE } from './fixture.ts';

const outcome = (image: number, label: number, clean: number | null, adversarial: number | null): ImageOutcome => ({
  image,
  label,
  cleanPrediction: clean,
  brokenBy: adversarial === null ? null : 'apgd-ce',
  adversarialPrediction: adversarial,
});

function shard(images: ImageOutcome[]): ShardResult {
  const checks = { randomised: false, probabilities: false, zeroGradientImages: 0 };
  return { schema: 'igd.shard/2', variant: 'none', images, attacks: [], checks };
}

describe('confusions', () => {
  const shards = [
    shard([outcome(0, 0, 0, 2), outcome(1, 0, 0, null), outcome(2, 1, 0, null)]),
    shard([outcome(3, 1, null, null), outcome(4, 2, 2, 0), outcome(5, 0, 0, 2)]),
  ];
  const found = confusionsOf('none', shards);

  it('are of the images as they are, and of examples where an attack broke them', () => {
    expect(found.clean).toEqual([
      { label: 0, prediction: 0, images: 3 },
      { label: 1, prediction: 0, images: 1 },
      { label: 1, prediction: null, images: 1 },
      { label: 2, prediction: 2, images: 1 },
    ]);
    expect(found.attacked).toEqual([
      { label: 0, prediction: 0, images: 1 },
      { label: 0, prediction: 2, images: 2 },
      { label: 1, prediction: 0, images: 1 },
      { label: 1, prediction: null, images: 1 },
      { label: 2, prediction: 0, images: 1 },
    ]);
    expect(mistakes(found.attacked)[0]).toEqual({ label: 0, prediction: 2, images: 2 });
  });

  it('are those of all shards, in whatever order', () => {
    expect(confusionsOf('none', shards.toReversed())).toEqual(found);
    expect(confusionsOf('loir', shards)).toEqual({ clean: [], attacked: [] });
  });
});

describe('on the page', () => {
  const sectionOf = (page: string, title: string) => page.split(`<h2>${title}</h2>`)[1]?.split('</section>')[0] ?? '';

  it('few classes are a matrix of every variant, clean and attacked', () => {
    const { report, shards } = makeRun({ variants: [NONE, LOIR], images: 200 });
    const text = sectionOf(reportHtml(report, { shards }), 'What is taken for what');
    expect(text.match(/<table class="confusion">/g)).toHaveLength(4);
    const cells = [...text.matchAll(/<span class="(?:wrong )?cell"[^>]*>(\d+)</g)].map(([, images]) => Number(images));
    expect(cells.reduce((sum, images) => sum + images, 0)).toBe(4 * 200);
    const diagonal = [...text.matchAll(/<span class="cell"[^>]*>(\d+)</g)].map(([, images]) => Number(images));
    const right = report.variants.reduce((sum, { clean, robust }) => sum + clean.correct + robust.correct, 0);
    expect(diagonal.reduce((sum, images) => sum + images, 0)).toBe(right);
  });

  it('many classes are the most frequent confusions', () => {
    const { report, shards } = makeRun({ variants: [NONE], images: 200, classes: 40 });
    const text = sectionOf(reportHtml(report, { shards }), 'What is taken for what');
    expect(text).not.toContain('class="confusion"');
    expect(text.match(/<tr>/g)).toHaveLength(1 + 12);
  });

  it('the cost adds up, and has dollars where an hour has a price', () => {
    const { report } = makeRun({ variants: [NONE, LOIR], images: 200 });
    const attacks = report.variants.flatMap((variant) => variant.attacks);
    const evaluations = attacks.reduce((sum, { forwards, gradients }) => sum + forwards + gradients, 0);
    const seconds = attacks.reduce((sum, attack) => sum + attack.seconds, 0);
    const plain = sectionOf(reportHtml(report), 'Cost');
    expect(plain).toContain(`<th scope="row">all</th><td>${evaluations.toLocaleString('en-US')}</td>`);
    expect(plain).not.toContain('Dollars');
    const priced = sectionOf(reportHtml(report, { pricePerHour: 36 }), 'Cost');
    expect(priced).toContain(`<td>${(seconds / 100).toFixed(2)}</td></tr>\n</tbody>`);
  });
});
