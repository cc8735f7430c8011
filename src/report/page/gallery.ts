import type { Perturbation, Picture } from '../../schemas/perturbations.ts';
import type { Report } from '../../schemas/report.ts';
import type { ImageOutcome, ShardResult } from '../../schemas/results.ts';
import { list } from '../format.ts';
import { extremesOf, type VariantPerturbations } from '../summary/perturbations.ts';
import { details, html, type Markup, note, section } from './markup.ts';

/** Of all pictures together, as they stand in the page: variants beyond it are named and not drawn. */
const GALLERY_BYTES = 2_000_000;

export type PerturbationsByVariant = ReadonlyMap<string, VariantPerturbations>;

/** The least and the most perturbed adversarial examples of each variant; null where there are no pictures at all. */
export function gallerySection(
  report: Report,
  shards: readonly ShardResult[],
  perturbations: PerturbationsByVariant,
): Markup | null {
  const { threat } = report.run;
  const drawn: { readonly id: string; readonly markup: Markup }[] = [];
  const left: string[] = [];
  let bytes = 0;
  for (const { id } of report.variants) {
    const found = perturbations.get(id);
    if (found === undefined || found.pictures.length === 0) continue;
    bytes += bytesOf(found.pictures);
    if (bytes > GALLERY_BYTES) left.push(id);
    else drawn.push({ id, markup: variantGallery(report, found, outcomesOf(id, shards)) });
  }
  const [first, ...others] = drawn.map(({ id, markup }) => html`<h3 class="variant">${id}</h3>\n${markup}`);
  if (first === undefined) return null;
  return section(
    'Adversarial examples',
    first,
    others.length === 0
      ? null
      : details(others.length === 1 ? '1 more variant' : `${others.length} more variants`, others),
    note(
      `Left to right: the image, the adversarial example, and their difference around grey, multiplied by the number that stands below. Sorted by ` +
        `${threat.norm} distance to a thousandth of ε, then by L2. Colours are rounded to 8 bits here; distances are of the exact examples.`,
    ),
    left.length === 0 ? null : note(`Left out, for the page would be too large: ${list(left)}.`),
  );
}

function bytesOf(pictures: readonly Picture[]): number {
  return pictures.reduce(
    (sum, { clean, adversarial, difference }) => sum + clean.length + adversarial.length + difference.length,
    0,
  );
}

function outcomesOf(variant: string, shards: readonly ShardResult[]): ReadonlyMap<number, ImageOutcome> {
  const images = shards.filter((shard) => shard.variant === variant).flatMap((shard) => shard.images);
  return new Map(images.map((outcome) => [outcome.image, outcome]));
}

function variantGallery(
  report: Report,
  { images, pictures }: VariantPerturbations,
  outcomes: ReadonlyMap<number, ImageOutcome>,
): Markup {
  const { least, most } = extremesOf(images, report.run.threat.epsilon);
  const row = (title: string, members: readonly Perturbation[]) => {
    const items = members.flatMap((member) => {
      const picture = pictures.find(({ image }) => image === member.image);
      const outcome = outcomes.get(member.image);
      return picture === undefined || outcome === undefined ? [] : [exampleFigure(report, member, picture, outcome)];
    });
    return items.length === 0 ? null : html`<p class="facts">${title}</p>\n<div class="gallery">\n${items}</div>\n`;
  };
  return html`${row('Least perturbed', least)}${row('Most perturbed', most)}`;
}

function exampleFigure(
  { run, dataset }: Report,
  { image, distance, l2 }: Perturbation,
  picture: Picture,
  { label, adversarialPrediction, brokenBy }: ImageOutcome,
): Markup {
  const nameOf = (index: number | null) => (index === null ? 'none' : (dataset.classNames[index] ?? `class ${index}`));
  const [truth, taken] = [nameOf(label), nameOf(adversarialPrediction)];
  const { norm } = run.threat;
  const own = norm === 'Linf' ? `${(255 * distance).toFixed(1)}/255` : distance.toPrecision(3);
  const sizes = [`${norm} ${own}`, ...(norm === 'L2' ? [] : [`L2 ${l2.toPrecision(3)}`])];
  const reduced = picture.reduced === 1 ? '' : ` · shown at 1/${picture.reduced}`;
  const shown = [
    pixels(picture, picture.clean, `image ${image}, ${truth}`),
    pixels(picture, picture.adversarial, `its adversarial example, taken for ${taken}`),
    pixels(picture, picture.difference, `their difference, multiplied by ${picture.amplified}`),
  ];
  return html`<figure>
<div class="triple">${shown}</div>
<figcaption><strong>${truth} → ${taken}</strong><br>image ${image} · ${brokenBy}<br>${sizes.join(' · ')}<br>difference × ${picture.amplified}${reduced}</figcaption>
</figure>
`;
}

function pixels({ width, height }: Picture, png: string, alt: string): Markup {
  return html`<img width="${width}" height="${height}" alt="${alt}" src="data:image/png;base64,${png}">`;
}
