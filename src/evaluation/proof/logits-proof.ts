import { gatherRows, stackRows } from '../../numeric/rows.ts';
import { type ProofCase, type ProvableModel, streamsFor } from './proof-case.ts';

/**
 * Logits of `x` by a session on the CPU that computes the graph as it is written; undefined where the runtime has none. Asked before
 * the model makes sessions of its own, it adds nothing to the memory that these take.
 */
export async function plainLogits(model: ProvableModel, x: Float32Array): Promise<Float32Array | undefined> {
  const plain = model.plain();
  if (plain === undefined) return undefined;
  const images = [...Array(x.length / model.imageSize).keys()];
  return plain.logits(x, streamsFor(images)).finally(() => plain.release());
}

/** The session in use against a plain one. Throws ModelError. */
export async function proveOptimisation(proof: ProofCase, plain: Float32Array | undefined): Promise<void> {
  if (plain === undefined) return;
  await proof.requireSameLogits(
    'optimisation',
    plain,
    (difference) =>
      `${proof.name}: its logits by the session in use and by one on the CPU that optimises nothing differ by ${difference} of their ` +
      'size: the runtime or the device computes another function; export the model by another exporter or opset, or use ' +
      'another device',
  );
}

/** Each image alone, and in a batch twice as large, in another order and among other images. Throws ModelError. */
export async function proveIndependence(proof: ProofCase): Promise<void> {
  const { model, images, x, name } = proof;
  const { classes, imageSize } = model;
  const problem = (where: string) => (difference: string) =>
    `${name} mixes the images of a batch: the logits of an image ${where} differ by ${difference} of their size; export it in ` +
    'evaluation mode, without means, softmax, sums or flips along the first axis';
  const alone = stackRows(await proof.eachAlone((one, streams) => model.logits(one, streams)), classes);
  await proof.requireSameLogits('neighbours', alone, problem('alone and among others'));
  const reversed = images.toReversed();
  const others = x.map((value) => 1 - value);
  const batch = stackRows([gatherRows(x, reversed, imageSize), others], others.length);
  const among = await model.logits(batch, streamsFor([...reversed, ...images]));
  await proof.requireSameLogits(
    'neighbours',
    gatherRows(among, reversed, classes),
    problem('among others and among yet others'),
  );
}
