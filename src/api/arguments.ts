import { z } from 'zod';
import type { ThreatModel } from '../attacks/core/attack.ts';
import { ConfigError, InputError } from '../errors.ts';
import type { ImageShape } from '../models/classifier.ts';
import { sizeOf } from '../numeric/tensor.ts';
import { NORM_NAMES } from '../schemas/attacks.ts';
import { suggestedIssues } from '../schemas/issues.ts';

/** What callers hand over is checked where it comes in: JavaScript has no types, and a wrong length gives wrong numbers. */

/** How many images `x` holds. Throws InputError where it is no Float32Array of whole images. */
export function imageCount(x: unknown, shape: ImageShape, what = 'images'): number {
  const wanted = `a Float32Array [N, ${shape.join(', ')}] with values in [0, 1]`;
  if (!(x instanceof Float32Array)) throw new InputError(`${what} are ${describe(x)}: give ${wanted}`);
  const size = sizeOf(shape);
  if (x.length % size === 0) return x.length / size;
  throw new InputError(`${what} have ${x.length} numbers, no whole number of images of ${size}: give ${wanted}`);
}

/** Throws InputError where images are said to have another shape than those the model takes. */
export function requireShape(given: ImageShape | undefined, wanted: ImageShape): void {
  if (given === undefined || String(given) === String(wanted)) return;
  throw new InputError(
    `images are [${given.join(', ')}], the model takes [${wanted.join(', ')}]: open it with imageShape`,
  );
}

/** Throws InputError where a value of the images is outside [0, 1], or NaN. */
export function requireUnitRange(x: Float32Array, what = 'images'): void {
  const at = x.findIndex((value) => !(value >= 0 && value <= 1));
  if (at < 0) return;
  throw new InputError(`${what} hold ${x[at]} at ${at}: values are to be in [0, 1], a byte divided by 255`);
}

/** Classes, one for each image. Throws InputError where there are more or less of them, or one is no class of the model. */
export function classNumbers(values: unknown, count: number, classes: number, what = 'labels'): Int32Array {
  const numbers = arrayOf(values, count, what);
  const at = numbers.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value < classes));
  if (at < 0) return Int32Array.from(numbers);
  throw new InputError(`${what}[${at}] is ${numbers[at]}: give whole numbers from 0 to ${classes - 1}`);
}

/** Indices of images in their data set; their places where none are given. Throws InputError where two are the same. */
export function imageIndices(values: unknown, count: number): number[] {
  if (values === undefined) return Array.from({ length: count }, (_, index) => index);
  const indices = arrayOf(values, count, 'indices');
  const at = indices.findIndex((value) => !(Number.isSafeInteger(value) && value >= 0));
  if (at >= 0) throw new InputError(`indices[${at}] is ${indices[at]}: give whole numbers from 0`);
  if (new Set(indices).size < count)
    throw new InputError('indices name an image twice: give each image one of its own, its noise is drawn by it');
  return indices;
}

function arrayOf(values: unknown, count: number, what: string): number[] {
  if (!isList(values)) throw new InputError(`${what} are ${describe(values)}: give an array of numbers, one an image`);
  const numbers = Array.from(values, Number);
  if (numbers.length === count) return numbers;
  throw new InputError(`${what} are ${numbers.length} for ${count} images: give one an image`);
}

function isList(values: unknown): values is ArrayLike<unknown> {
  return Array.isArray(values) || (ArrayBuffer.isView(values) && !(values instanceof DataView));
}

/** Throws InputError where `value` is no whole number from `least`. */
export function wholeNumber(value: unknown, name: string, least = 0): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  throw new InputError(`${name} is ${describe(value)}: give a whole number from ${least}`);
}

const threatSchema = z
  .strictObject({ norm: z.enum(NORM_NAMES), epsilon: z.number().positive() })
  .refine(({ norm, epsilon }) => norm !== 'Linf' || epsilon <= 1, {
    path: ['epsilon'],
    error: 'is more than images in [0, 1] span: 8 steps of 8-bit images are 8 / 255',
  });

/** Throws ConfigError where it is no threat model of images in [0, 1]. */
export function checkedThreat(threat: unknown): ThreatModel {
  return parsed(threatSchema, threat, 'threat');
}

/** What a schema makes of a value. Throws ConfigError with its first issue. */
export function parsed<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(`${what}: ${suggestedIssues(result.error)[0]}`);
}

/** Throws InputError for options of other names than these: a misspelt one would do nothing. */
export function knownOptions(options: object, names: readonly string[], where: string): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new InputError(`${where} has no option "${unknown}"; it has ${names.join(', ')}`);
}

/** A value in a word or two, for messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const { name } = value.constructor ?? {};
  return name === undefined || name === 'Object' ? 'an object' : `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}
