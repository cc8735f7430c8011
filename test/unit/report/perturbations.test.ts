import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawPicture, type ImageShape } from '../../../src/report/pictures.ts';
import { encodePng } from '../../../src/report/png.ts';
import { reportHtml } from '../../../src/report/report-files.ts';
import { extremesOf, securityCurve, type VariantPerturbations } from '../../../src/report/summary/perturbations.ts';
import type { Perturbation } from '../../../src/schemas/perturbations.ts';
import { conf, LOIR, makeRun, NONE } from './fixture.ts';
import { checkWellFormed } from './well-formed.ts';

const pixelsOf = (png: string | Uint8Array) =>
  sharp(typeof png === 'string' ? Buffer.from(png, 'base64') : png)
    .raw()
    .toBuffer({ resolveWithObject: true });

describe('a PNG of our own', () => {
  it.each([1, 3] as const)('with %i channels is read by others as it was', async (channels) => {
    const pixels = Uint8Array.from({ length: 7 * 5 * channels }, (_, k) => (k * 37) % 256);
    const { data, info } = await pixelsOf(encodePng({ width: 7, height: 5, channels, pixels }));
    expect(info).toMatchObject({ width: 7, height: 5 });
    const read = [...data].filter((_, k) => k % info.channels < channels);
    expect(read).toEqual([...pixels]);
  });
});

describe('the picture of an example', () => {
  const shape: ImageShape = [3, 4, 6];
  const clean = Float32Array.from({ length: 72 }, (_, k) => k / 72);
  const example = clean.map((value, k) => value + (k % 2 === 0 ? 8 / 255 : 0) * (value < 0.9 ? 1 : -1));

  it('shows image, example and difference, multiplied by a round number', async () => {
    const picture = drawPicture(17, clean, example, shape)!;
    expect(picture).toMatchObject({ image: 17, width: 6, height: 4, reduced: 1, amplified: 10 });
    const { data } = await pixelsOf(picture.clean);
    expect(data[3 * 5 + 2]).toBe(Math.round((255 * (48 + 5)) / 72));
    const difference = await pixelsOf(picture.difference);
    expect([difference.data[0], difference.data[3]]).toEqual([Math.round(255 * (0.5 + 80 / 255)), 128]);
  });

  it('is reduced where the image is large: the mean of blocks', async () => {
    const large = Float32Array.from({ length: 130 * 100 }, (_, k) => Math.floor((k % 100) / 3) / 50);
    const picture = drawPicture(0, large, large, [1, 130, 100])!;
    expect(picture).toMatchObject({ width: 34, height: 44, reduced: 3, amplified: 500 });
    const { data, info } = await pixelsOf(picture.clean);
    expect(data[10 * info.channels]).toBe(51);
  });

  it('is none where there are neither one nor three channels', () => {
    expect(drawPicture(0, new Float32Array(8), new Float32Array(8), [2, 2, 2])).toBeUndefined();
  });
});

const EPSILON = 8 / 255;
const sized = (image: number, nearest: number, l2 = 1, nearestBy = 'fab-t'): Perturbation => ({
  ...{ image, nearest, nearestBy, distance: nearest, l2 },
});

describe('the extremes', () => {
  it('are by distance, then by L2 where attacks use the whole ball, then by number', () => {
    const images = [
      ...[
        sized(0, EPSILON, 1.2),
        sized(1, EPSILON * (1 - 1e-6), 1.4),
        sized(2, EPSILON / 2, 9),
        sized(3, EPSILON, 1.1),
      ],
      ...[sized(4, EPSILON, 1.3), sized(5, EPSILON, 1.1), sized(6, EPSILON / 3, 9), sized(7, EPSILON, 1.1)],
    ];
    const { least, most } = extremesOf(images, EPSILON);
    expect(least.map(({ image }) => image)).toEqual([6, 2, 3]);
    expect(most.map(({ image }) => image)).toEqual([1, 4, 0]);
    // Whichever way the images are cut into shards, those of the whole are among those of the parts.
    const parts = [images.slice(0, 3), images.slice(3)].flatMap((part) => {
      const { least, most } = extremesOf(part, EPSILON);
      return [...least, ...most];
    });
    expect(extremesOf(parts, EPSILON)).toEqual({ least, most });
  });

  it('never show an image twice', () => {
    for (const count of [0, 1, 2, 5]) {
      const { least, most } = extremesOf(
        Array.from({ length: count }, (_, k) => sized(k, k / 100)),
        EPSILON,
      );
      expect([...least, ...most].map(({ image }) => image).sort()).toEqual([...Array(count).keys()]);
    }
  });
});

describe('the security curve', () => {
  const share = (correct: number) => ({ correct, accuracy: correct / 10, interval: [0, 1] as [number, number] });
  const curve = securityCurve(
    { clean: share(8), robust: share(5) },
    [sized(0, EPSILON / 4), sized(1, EPSILON / 2), sized(2, EPSILON * (1 + 1e-7))],
    { epsilon: EPSILON, total: 10 },
  );
  const at = (part: number) => curve[64 * part]?.accuracy;

  it('goes from clean to robust accuracy, down at every distance where an example is known', () => {
    expect([at(0), at(15 / 64), at(1 / 4), at(31 / 64), at(1 / 2), at(63 / 64), at(1)]).toEqual([
      ...[0.8, 0.8, 0.7, 0.7, 0.6, 0.6, 0.5],
    ]);
    expect(curve.every(({ accuracy }, step) => step === 0 || accuracy <= curve[step - 1]!.accuracy)).toBe(true);
  });
});

describe('on the page', () => {
  const { report, shards } = makeRun({ variants: [NONE, LOIR, conf(0.8)], images: 200 });
  const perturbations = new Map(
    report.variants.map(({ id }): [string, VariantPerturbations] => {
      const broken = shards
        .filter(({ variant }) => variant === id)
        .flatMap(({ images }) => images.filter(({ brokenBy }) => brokenBy !== null))
        .sort((a, b) => a.image - b.image);
      const images = broken.map(({ image, brokenBy }) =>
        sized(image, (EPSILON * ((image % 50) + 1)) / 50, 1, brokenBy!),
      );
      const { least, most } = extremesOf(images, EPSILON);
      const noise = new Float32Array(3 * 64 * 64).map((_, k) => Math.abs(1e4 * Math.sin(k * k)) % 1);
      const pictures = [...least, ...most].map(
        ({ image }) =>
          drawPicture(
            image,
            noise,
            noise.map((x) => 1 - x),
            [3, 64, 64],
          )!,
      );
      return [id, { images, pictures }];
    }),
  );
  const page = reportHtml(report, { shards, perturbations });

  it('examples stand with their classes, and every picture is in the page itself', () => {
    const figures = page.match(/<figure>\n<div class="triple">/g);
    expect(figures).toHaveLength(3 * 6);
    const sources = [...page.matchAll(/<img [^>]*src="([^"]*)"/g)].map(([, source]) => source);
    expect(sources).toHaveLength(3 * 6 * 3);
    for (const source of sources) expect(source).toMatch(/^data:image\/png;base64,[\w+/]+=*$/);
    const { image } = extremesOf(perturbations.get('none')!.images, EPSILON).least[0]!;
    const { label, adversarialPrediction } = shards[0]!.images.find((outcome) => outcome.image === image)!;
    const [truth, taken] = [label, adversarialPrediction!].map((index) => report.dataset.classNames[index]);
    expect(page).toContain(`<strong>${truth} → ${taken}</strong><br>image ${image} · `);
    expect(checkWellFormed(page, new Set(['meta', 'br', 'img']))).toEqual([]);
    expect(reportHtml(report, { shards: shards.toReversed(), perturbations })).toBe(page);
  });

  it('the curve says that it is an upper bound, and by whom', () => {
    expect(page).toContain('An upper bound of robust accuracy');
    expect(page).toMatch(/\d+ of \d+ examples are by fab-t, which looks for the nearest/);
    const { run } = report;
    const looking = run.suite.map((entry) => (entry.attack === 'fab-t' ? { ...entry, sees: 'all' as const } : entry));
    const seen = reportHtml({ ...report, run: { ...run, suite: looking } }, { perturbations });
    expect([page, seen].map((text) => text.includes('&quot;sees&quot;: &quot;all&quot;'))).toEqual([true, false]);
    const suite = run.suite.filter(({ attack }) => attack !== 'fab-t');
    expect(reportHtml({ ...report, run: { ...run, suite } }, { perturbations })).not.toContain('upper bound of robust');
  });

  it('neither is there where shards measured nothing', () => {
    expect(reportHtml(report, { shards })).not.toMatch(/<img|upper bound of robust/);
  });

  it('pictures end before the page is too large, and those left out are named', () => {
    const many = Array.from({ length: 12 }, (_, k) => conf(0.5 + k / 100));
    const large = makeRun({ variants: many, images: 60 });
    const { pictures, images } = perturbations.get('none')!;
    const all = new Map(many.map(({ id }) => [id, { images, pictures }]));
    const text = reportHtml(large.report, { shards: large.shards, perturbations: all });
    expect(text).toMatch(/Left out, for the page would be too large: .*conf@0.61/);
    expect(text.length).toBeLessThan(3_000_000);
  });
});
