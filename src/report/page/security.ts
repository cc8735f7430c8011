import type { Report } from '../../schemas/report.ts';
import { list } from '../format.ts';
import { securityFigure } from '../plots/security.ts';
import { securityCurve } from '../summary/perturbations.ts';
import type { PerturbationsByVariant } from './gallery.ts';
import { html, type Markup, note, section } from './markup.ts';

/** Attacks that look for the nearest example, and not for one anywhere in the ball. */
const NEAREST = /^fab/;

/** The security curve, from the nearest examples known; null where no attack looked for near ones. */
export function securitySection(report: Report, perturbations: PerturbationsByVariant): Markup | null {
  const { run, variants } = report;
  const seekers = run.suite.filter(({ attack }) => NEAREST.test(attack));
  const known = variants.filter(({ id }) => perturbations.has(id));
  if (seekers.length === 0 || known.length === 0) return null;
  const { epsilon } = run.threat;
  const curves = known.map((variant) => {
    const images = perturbations.get(variant.id)?.images ?? [];
    return { id: variant.id, points: securityCurve(variant, images, { epsilon, total: run.images }) };
  });
  const { svg, legend } = securityFigure(report, curves);
  const caption = 'Share of images that are right and have no known adversarial example within the distance.';
  return section(
    'Accuracy over the size of perturbations',
    html`<figure>\n${legend}\n${svg}\n<figcaption>${caption}</figcaption>\n</figure>\n`,
    note(
      `An upper bound of robust accuracy at every distance but 0: nearer examples may exist that nobody found. ${whoFound(report, perturbations)}`,
    ),
  );
}

/** How tight the bound is: of how many images somebody looked for a near example. */
function whoFound({ run, variants }: Report, perturbations: PerturbationsByVariant): string {
  const seekers = run.suite.filter(({ attack }) => NEAREST.test(attack));
  const names = new Set(seekers.map(({ name }) => name));
  const seesAll = seekers.some(({ sees }) => sees === 'all');
  const images = variants.flatMap(({ id }) => perturbations.get(id)?.images ?? []);
  const near = images.filter(({ nearestBy }) => names.has(nearestBy)).length;
  if (images.length === 0) return 'No image was broken.';
  if (near === images.length) return `Every example is by ${list([...names])}, which looks for the nearest.`;
  const others = seesAll
    ? 'the others are by attacks that use the whole ball, where it found none as near.'
    : 'the others are by attacks that use the whole ball, and there the curve stays up until the end: with "sees": "all" it looks at every image.';
  return `${near} of ${images.length} examples are by ${list([...names])}, which looks for the nearest; ${others}`;
}
