import { isFiniteRow } from '../../numeric/float32.ts';
import type { RandomStream } from '../../numeric/random.ts';
import { rowOf, stackRows } from '../../numeric/rows.ts';
import type { AttackedModel } from './attack.ts';
import type { LossName } from './losses.ts';
import type { ModelAnswer, ModelQuery } from './per-image-attack.ts';

/** An image whose attack may have a query. */
export interface QueryingImage {
  readonly attack: { readonly next: ModelQuery | undefined };
  readonly sample: { readonly label: number; readonly stream: RandomStream };
}

interface PendingQuery<Image> {
  readonly image: Image;
  readonly query: ModelQuery;
}

export interface AnsweredQuery<Image> {
  readonly image: Image;
  readonly answer: ModelAnswer;
}

const NOTHING = new Float32Array();

/** Puts the queries of all images to the model: one evaluation for each kind of query, however many images have it. */
export async function runQueries<Image extends QueryingImage>(
  model: AttackedModel,
  images: readonly Image[],
): Promise<AnsweredQuery<Image>[]> {
  const groups = new Map<LossName | 'logits', PendingQuery<Image>[]>();
  for (const image of images) {
    const query = image.attack.next;
    if (query === undefined) continue;
    const kind = query.kind === 'logits' ? 'logits' : query.loss;
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [{ image, query }]);
    else group.push({ image, query });
  }
  const answered: AnsweredQuery<Image>[] = [];
  for (const [kind, group] of groups)
    answered.push(...(await (kind === 'logits' ? queryLogits(model, group) : queryGradient(model, kind, group))));
  return answered;
}

async function queryLogits<Image extends QueryingImage>(
  model: AttackedModel,
  group: readonly PendingQuery<Image>[],
): Promise<AnsweredQuery<Image>[]> {
  const logits = await model.logits(stacked(model, group), streamsOf(group));
  return group.map(({ image }, row) => ({
    image,
    answer: { logits: rowOf(logits, row, model.classes), loss: Number.NaN, gradient: NOTHING },
  }));
}

async function queryGradient<Image extends QueryingImage>(
  model: AttackedModel,
  loss: LossName,
  group: readonly PendingQuery<Image>[],
): Promise<AnsweredQuery<Image>[]> {
  const batch = { x: stacked(model, group), labels: labelsOf(group), ...lossParameters(model, group) };
  const result = await model.gradient(loss, batch, streamsOf(group));
  return group.map(({ image }, row) => {
    const logits = rowOf(result.logits, row, model.classes);
    // A loss of logits that are no prediction may be infinite, and no later point would ever beat it.
    const loss = isFiniteRow(logits) ? result.loss[row]! : Number.NaN;
    return { image, answer: { logits, loss, gradient: rowOf(result.gradient, row, model.imageSize) } };
  });
}

/** What the losses of a group take besides labels: all queries of one loss take the same. */
function lossParameters<Image>({ classes }: AttackedModel, group: readonly PendingQuery<Image>[]) {
  const queries = group.flatMap(({ query }) => (query.kind === 'gradient' ? [query] : []));
  const [first] = queries;
  return {
    ...(first?.target === undefined ? {} : { targets: Int32Array.from(queries, ({ target }) => target!) }),
    ...(first?.weight === undefined ? {} : { weights: Float32Array.from(queries, ({ weight }) => weight!) }),
    ...(first?.reference === undefined
      ? {}
      : {
          references: stackRows(
            queries.map(({ reference }) => reference!),
            classes,
          ),
        }),
  };
}

function stacked<Image>({ imageSize }: AttackedModel, group: readonly PendingQuery<Image>[]): Float32Array {
  return stackRows(
    group.map(({ query }) => query.x),
    imageSize,
  );
}

function labelsOf<Image extends QueryingImage>(group: readonly PendingQuery<Image>[]): Int32Array {
  return Int32Array.from(group, ({ image }) => image.sample.label);
}

function streamsOf<Image extends QueryingImage>(group: readonly PendingQuery<Image>[]): RandomStream[] {
  return group.map(({ image }) => image.sample.stream);
}
