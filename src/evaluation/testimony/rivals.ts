import type { ReadingOptions } from '../../models/readable.ts';
import { ACTIVATIONS, type ModelOptions, modelOptionsSchema, NORMALIZATIONS } from '../../schemas/model-options.ts';

/** Slope of the leaky ReLU that is tried: one of .01 leaves statistics that cannot be told from a ReLU's. */
const SLOPE = 0.1;

/** What activations, and one of these, may be; no network has a choice of two of them. */
const LAYOUTS = ['shortcut', 'stride', 'stem'] as const;

/**
 * Every way to read the blocks of a network, in place of what `base` says of them: a wrong activation can make up for a
 * wrong shortcut, so neither is decided before the other.
 */
export function blockReadings(base: ReadingOptions): ReadingOptions[] {
  const layouts = LAYOUTS.flatMap((key) =>
    modelOptionsSchema.shape[key].unwrap().options.map((value) => ({ [key]: value })),
  );
  return ACTIVATIONS.flatMap((activation) =>
    [{}, ...layouts].map((layout) => withModel(base, { activation, slope: slopeOf(activation), ...layout })),
  );
}

/** What is done to images of so many channels: what has a name, and pixels of 0 to 255. */
export function normalizations({ model = {} }: ReadingOptions, channels: number): ReadingOptions[] {
  const { normalization: _, ...rest } = model;
  const bytes = { mean: Array<number>(channels).fill(0), std: Array<number>(channels).fill(1 / 255) };
  const named = NORMALIZATIONS.map((normalization) => ({ model: { ...rest, normalization }, normalize: undefined }));
  return [...named, { model: rest, normalize: bytes }];
}

function slopeOf(activation: ModelOptions['activation']): number | undefined {
  return activation === 'leaky-relu' ? SLOPE : undefined;
}

function withModel({ model, ...input }: ReadingOptions, change: ModelOptions): ReadingOptions {
  return { ...input, model: { ...model, ...change } };
}
