import type { ThreatModel } from '../../attacks/core/attack.ts';
import { distance } from '../../attacks/norms/threat-model.ts';
import type { EvaluationImages } from '../../evaluation/image-state.ts';
import type { Evaluation } from '../../evaluation/protocol.ts';
import { rowOf } from '../../numeric/rows.ts';
import { drawPicture, type ImageShape } from '../../report/pictures.ts';
import { extremesOf } from '../../report/summary/perturbations.ts';
import { type Perturbation, perturbationsSchema, picturesSchema } from '../../schemas/perturbations.ts';

/** JSON of a shard's perturbations and of its pictures. */
export interface PerturbationRecords {
  readonly sizes: string;
  readonly pictures: string;
}

interface AttackedImages {
  readonly variant: string;
  readonly images: EvaluationImages;
  readonly evaluation: Evaluation;
  readonly threat: ThreatModel;
  readonly shape: ImageShape;
}

/** Measures a shard's examples while their images are at hand, and draws those that a report may show. */
export function perturbationRecords({
  variant,
  images,
  evaluation,
  threat,
  shape,
}: AttackedImages): PerturbationRecords {
  const { outcomes, adversarial, nearest } = evaluation;
  const size = shape[0] * shape[1] * shape[2];
  const rows = outcomes.flatMap(({ brokenBy }, row) => (brokenBy === null ? [] : [{ row, brokenBy }]));
  const pair = (row: number) => [rowOf(images.x, row, size), rowOf(adversarial, row, size)] as const;
  const sizes = rows.map(({ row, brokenBy }): Perturbation => {
    const [clean, example] = pair(row);
    const own = distance(example, clean, threat.norm);
    const known = nearest[row] ?? { distance: own, attack: brokenBy };
    return {
      image: images.images[row]!,
      nearest: known.distance,
      nearestBy: known.attack,
      distance: own,
      l2: distance(example, clean, 'L2'),
    };
  });
  const { least, most } = extremesOf(sizes, threat.epsilon);
  const pictures = [...least, ...most].flatMap(
    ({ image }) => drawPicture(image, ...pair(images.images.indexOf(image)), shape) ?? [],
  );
  return {
    sizes: textOf(perturbationsSchema.parse({ schema: 'igd.perturbations/1', variant, images: sizes })),
    pictures: textOf(picturesSchema.parse({ schema: 'igd.pictures/1', variant, pictures })),
  };
}

function textOf(record: object): string {
  return `${JSON.stringify(record)}\n`;
}
