import type { TypedTensor } from '../../numeric/tensor.ts';
import {
  ATTACK_OUTCOMES,
  type AttackOutcome,
  type GroupShift,
  type ShiftTable,
  UNIT_GROUPS,
  type UnitGroup,
} from '../../schemas/analysis.ts';

/**
 * How an attack moves the activations of a layer (IG-Defense, Kulkarni & Weng, ECCV 2024, Table 7), computed as `analysis.py`
 * of the public code does: for an image, the mean change of a group's units over their mean before the attack; of that, the
 * mean over images. Not the ratio of two means over images: an image whose units are almost silent before weighs as much as
 * any other. A unit important to both the true and the post-attack class counts in both groups.
 */

export interface ShiftInputs {
  /** [N, D] spatial means of the layer's units, clean and attacked. */
  readonly before: Float32Array;
  readonly after: Float32Array;
  /** [N] */
  readonly labels: ArrayLike<number>;
  readonly predictionsBefore: ArrayLike<number>;
  readonly predictionsAfter: ArrayLike<number>;
  /** [C, D] in {0, 1}: the important units of each class. */
  readonly masks: TypedTensor<'float32'>;
}

/** One correctly classified image. */
export interface ImageShift {
  readonly row: number;
  readonly outcome: AttackOutcome;
  readonly groups: Readonly<Record<UnitGroup, { readonly shift: number | null; readonly units: number } | null>>;
}

/** The images that were right before the attack, in order. */
export function imageShifts(inputs: ShiftInputs): ImageShift[] {
  const { labels, predictionsBefore, predictionsAfter, masks } = inputs;
  const [, units = 0] = masks.dims;
  const grouping = groupingOf(masks);
  const rows = Array.from({ length: labels.length }, (_, row) => row);
  const right = rows.filter((row) => predictionsBefore[row] === labels[row]);
  return right.map((row) => {
    const [label, prediction] = [labels[row]!, predictionsAfter[row]!];
    const before = inputs.before.subarray(row * units, (row + 1) * units);
    const after = inputs.after.subarray(row * units, (row + 1) * units);
    const shiftOf = (group: readonly number[]) => ({
      shift: relativeChange(before, after, group),
      units: group.length,
    });
    const { trueClass, postAttackClass, otherClasses, unimportant } = grouping(label, prediction);
    const isSuccess = prediction !== label;
    return {
      row,
      outcome: isSuccess ? 'successful' : 'unsuccessful',
      groups: {
        trueClass: shiftOf(trueClass),
        postAttackClass: isSuccess ? shiftOf(postAttackClass) : null,
        otherClasses: shiftOf(otherClasses),
        unimportant: shiftOf(unimportant),
      },
    };
  });
}

/** The mean over images, for each outcome of the attack and each group of units. */
export function shiftTable(images: readonly ImageShift[]): ShiftTable {
  const rowOf = (outcome: AttackOutcome) => {
    const members = images.filter((image) => image.outcome === outcome);
    const groupOf = (group: UnitGroup) => summarise(members.map(({ groups }) => groups[group]));
    const [trueClass, postAttackClass, otherClasses, unimportant] = UNIT_GROUPS.map(groupOf);
    return {
      images: members.length,
      groups: {
        trueClass: trueClass ?? null,
        postAttackClass: outcome === 'successful' ? (postAttackClass ?? null) : null,
        otherClasses: otherClasses ?? null,
        unimportant: unimportant ?? null,
      },
    };
  };
  const [successful, unsuccessful] = ATTACK_OUTCOMES.map(rowOf);
  return { successful: successful!, unsuccessful: unsuccessful! };
}

/** The units of each group for an image of class `label` that the attack turned into `prediction`. */
export type Grouping = (label: number, prediction: number) => Readonly<Record<UnitGroup, number[]>>;

/**
 * Units by whom they matter to. `otherClasses` are important to some class, but neither to the true nor to the post-attack
 * one; `unimportant` to none: of the layer's units, where the public code takes 512 for granted.
 */
function groupingOf({ dims: [classes = 0, units = 0], data }: TypedTensor<'float32'>): Grouping {
  const topUnits = Array.from({ length: classes }, (_, c) =>
    Array.from({ length: units }, (_unused, unit) => unit).filter((unit) => data[c * units + unit] === 1),
  );
  const toAny = new Set(topUnits.flat());
  const unimportant = Array.from({ length: units }, (_, unit) => unit).filter((unit) => !toAny.has(unit));
  return (label, prediction) => {
    const [trueClass = [], postAttackClass = []] = [topUnits[label], topUnits[prediction]];
    const taken = new Set([...trueClass, ...postAttackClass]);
    const otherClasses = [...toAny].filter((unit) => !taken.has(unit));
    return { trueClass, postAttackClass, otherClasses, unimportant };
  };
}

/** (mean after - mean before) / mean before; null where there are no units or nothing to be relative to. */
function relativeChange(before: Float32Array, after: Float32Array, units: readonly number[]): number | null {
  const mean = (values: Float32Array) => units.reduce((sum, unit) => sum + values[unit]!, 0) / units.length;
  const base = mean(before);
  return units.length === 0 || base === 0 ? null : (mean(after) - base) / base;
}

/** The public code lets one image without such units turn the whole mean into NaN; here it is left out, and counted. */
function summarise(cells: readonly ImageShift['groups'][UnitGroup][]): GroupShift {
  const units = cells.reduce((sum, cell) => sum + (cell?.units ?? 0), 0) / Math.max(cells.length, 1);
  const shifts = cells.flatMap((cell) => cell?.shift ?? []);
  const n = shifts.length;
  if (n === 0) return { shift: null, standardError: null, median: null, images: 0, units };
  const shift = shifts.reduce((sum, value) => sum + value, 0) / n;
  const squares = shifts.reduce((sum, value) => sum + (value - shift) ** 2, 0);
  const standardError = n < 2 ? null : Math.sqrt(squares / (n - 1) / n);
  return { shift, standardError, median: medianOf(shifts), images: n, units };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return (low + high) / 2;
}
