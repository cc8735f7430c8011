import { ModelError } from '../../errors.ts';
import type { Readable } from '../../models/readable.ts';
import { sizeOf } from '../../numeric/tensor.ts';
import type { Runtime } from '../../onnx/runtime.ts';
import type { Testimony } from '../../schemas/testimony.ts';
import type { TestimonyImages } from './deviations.ts';
import { areOrdinary, FEW_IMAGES, fewOf } from './images.ts';
import { CLEAR, EQUAL, type Judged, ReadingTrial } from './search.ts';
import { contradiction, describeChanges } from './statement.ts';

/**
 * Misfits, measured (docs/models.md): right readings have .05 to .43 on images of a model's own data, wrong ones from .17. `doubtful`:
 * a reading is not borne out. `fits`: another is only taken for the right one up to here.
 */
const MISFIT = { doubtful: 0.5, fits: 0.27 } as const;
/**
 * How many times nearer the right reading is than a wrong one: 2 and more where training was not far from the images. On blurred,
 * noisy or faded images a wrong one is nearer than the right by 2 at most, and then is beyond `fits`.
 */
const REFUTED = 1.9;

export interface TestimonyOptions {
  /** For messages: the file. */
  readonly name: string;
  /** Of what the model was trained on, or is evaluated on; see `testimonyImages`. */
  readonly images: TestimonyImages;
  readonly runtime: Runtime;
}

/**
 * Asks a model's BatchNorms whether it is read right: their running statistics are what the right reading gives on images of
 * the data set it was trained on. One forward pass over the images, and where that does not fit, one over half of them for each
 * of some ten other readings. Throws ModelError, which names the reading that fits, where they contradict; with
 * `model.testimony` "flag" that is an outcome like the others.
 */
export async function testify(readable: Readable, { name, images, runtime }: TestimonyOptions): Promise<Testimony> {
  const trial = new ReadingTrial(readable, images, runtime);
  const stated = await trial.judge(readable.options);
  const { misfit } = stated;
  const count = images.x.length / sizeOf(images.imageShape);
  const facts = { norms: stated.deviations.length, images: count, ...meansOf(stated) };
  if (facts.norms === 0 || count < FEW_IMAGES) return { outcome: 'none', ...facts };
  if (misfit <= CLEAR) return { outcome: 'fits', ...facts };
  const equal = await new ReadingTrial(readable, fewOf(images), runtime).nearest();
  const judged: Judged[] = [];
  for (const { options } of equal) judged.push(await trial.judge(options));
  const nearest = Math.min(...judged.map((one) => one.misfit));
  const rivals = judged.filter((one) => one.misfit <= EQUAL * nearest);
  const [best] = rivals;
  const isBorneOut = misfit <= MISFIT.doubtful && (best === undefined || misfit < EQUAL * nearest);
  const outcome = isBorneOut ? 'fits' : 'doubtful';
  if (best === undefined) return { outcome, ...facts };
  const rival = { readings: rivals.map((one) => describeChanges(stated, one)), ...meansOf(best) };
  if (!isRefuted(stated, rivals, images)) return { outcome, ...facts, rival };
  const testimony = { outcome: 'contradicted', ...facts, rival } as const;
  if (readable.options.model?.testimony === 'flag') return testimony;
  throw new ModelError(`${name}: ${contradiction(testimony, stated, rivals)}`);
}

/** Whether a reading must be wrong. Images unlike those of training could be to blame where a rival wants them normalised otherwise. */
function isRefuted(stated: Judged, rivals: readonly Judged[], images: TestimonyImages): boolean {
  const [best] = rivals;
  if (best === undefined || best.misfit > MISFIT.fits || stated.misfit < REFUTED * best.misfit) return false;
  const normalizationOf = ({ reading }: Judged) => reading.find(({ key }) => key === 'normalization')?.value;
  const sameInput = rivals.some((rival) => normalizationOf(rival) === normalizationOf(stated));
  return sameInput || areOrdinary(images);
}

function meansOf({ deviations }: Judged): Pick<Testimony, 'mean' | 'variance'> {
  const meanOf = (key: 'mean' | 'variance') =>
    deviations.reduce((sum, deviation) => sum + deviation[key], 0) / Math.max(1, deviations.length);
  return { mean: meanOf('mean'), variance: meanOf('variance') };
}
