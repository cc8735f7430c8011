import type { RandomStream } from '../random/stream.ts';
import type { AttackedModel } from './attack.ts';
import type { LossName } from './losses.ts';
import type { Answer, Query } from './search.ts';

/** Somebody with a question about its image. */
export interface Asker {
  readonly search: { readonly query: Query | undefined };
  readonly subject: { readonly label: number; readonly stream: RandomStream };
}

interface Asking<Lane> {
  readonly lane: Lane;
  readonly query: Query;
}

export interface Answered<Lane> {
  readonly lane: Lane;
  readonly answer: Answer;
}

const NOTHING = new Float32Array();

/** Puts the questions of all lanes to the model: one evaluation for each kind of question, however many ask it. */
export async function ask<Lane extends Asker>(model: AttackedModel, lanes: readonly Lane[]): Promise<Answered<Lane>[]> {
  const groups = new Map<LossName | 'logits', Asking<Lane>[]>();
  for (const lane of lanes) {
    const { query } = lane.search;
    if (query === undefined) continue;
    const kind = query.kind === 'logits' ? 'logits' : query.loss;
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [{ lane, query }]);
    else group.push({ lane, query });
  }
  const answered: Answered<Lane>[] = [];
  for (const [kind, group] of groups)
    answered.push(...(await (kind === 'logits' ? askLogits(model, group) : askGradient(model, kind, group))));
  return answered;
}

async function askLogits<Lane extends Asker>(
  model: AttackedModel,
  group: readonly Asking<Lane>[],
): Promise<Answered<Lane>[]> {
  const logits = await model.logits(stacked(model, group), streamsOf(group));
  return group.map(({ lane }, row) => ({
    lane,
    answer: { logits: rowOf(logits, row, model.classes), loss: Number.NaN, gradient: NOTHING },
  }));
}

async function askGradient<Lane extends Asker>(
  model: AttackedModel,
  loss: LossName,
  group: readonly Asking<Lane>[],
): Promise<Answered<Lane>[]> {
  const batch = { x: stacked(model, group), labels: labelsOf(group), ...aims(model, group) };
  const result = await model.gradient(loss, batch, streamsOf(group));
  return group.map(({ lane }, row) => ({
    lane,
    answer: {
      logits: rowOf(result.logits, row, model.classes),
      loss: result.loss[row]!,
      gradient: rowOf(result.gradient, row, model.imageSize),
    },
  }));
}

/** What the losses of a group take besides labels: all queries of one loss take the same. */
function aims<Lane>({ classes }: AttackedModel, group: readonly Asking<Lane>[]) {
  const queries = group.flatMap(({ query }) => (query.kind === 'gradient' ? [query] : []));
  const [first] = queries;
  return {
    ...(first?.target === undefined ? {} : { targets: Int32Array.from(queries, ({ target }) => target!) }),
    ...(first?.weight === undefined ? {} : { weights: Float32Array.from(queries, ({ weight }) => weight!) }),
    ...(first?.reference === undefined
      ? {}
      : {
          references: joined(
            queries.map(({ reference }) => reference!),
            classes,
          ),
        }),
  };
}

function stacked<Lane>({ imageSize }: AttackedModel, group: readonly Asking<Lane>[]): Float32Array {
  return joined(
    group.map(({ query }) => query.x),
    imageSize,
  );
}

/** Rows side by side. */
export function joined(rows: readonly Float32Array[], size: number): Float32Array {
  const values = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) values.set(row, i * size);
  return values;
}

function labelsOf<Lane extends Asker>(group: readonly Asking<Lane>[]): Int32Array {
  return Int32Array.from(group, ({ lane }) => lane.subject.label);
}

function streamsOf<Lane extends Asker>(group: readonly Asking<Lane>[]): RandomStream[] {
  return group.map(({ lane }) => lane.subject.stream);
}

function rowOf(values: Float32Array, row: number, size: number): Float32Array {
  return values.subarray(row * size, (row + 1) * size);
}
