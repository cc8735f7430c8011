import type { InputOptions } from '../contracts/config.ts';
import { ConfigError } from '../contracts/errors.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import type { ImageShape } from './architecture.ts';

/** Name of the image input of every graph igd makes. */
export const IMAGE_INPUT = 'x';

/**
 * Appends the image input [N, C, H, W] in [0, 1] and, behind it, what the model wants done to it: (x - mean) / std per
 * channel, then NHWC. Returns the value the model itself reads. Kept as nodes of their own: folded into a padded
 * convolution, the mean would be wrong at the border. Throws ConfigError where mean and std do not fit the channels.
 */
export function appendInput(
  builder: GraphBuilder,
  [channels, height, width]: ImageShape,
  { normalize, layout }: Partial<InputOptions>,
): string {
  let x = builder.input(IMAGE_INPUT, [{ batch: 1 }, channels, height, width]);
  if (normalize !== undefined) {
    if (normalize.mean.length !== channels) {
      throw new ConfigError(`normalize has ${normalize.mean.length} channels, the images have ${channels}`);
    }
    const perChannel = [channels, 1, 1];
    x = builder.op('Sub', [x, builder.constant(normalize.mean, perChannel)]);
    x = builder.op('Div', [x, builder.constant(normalize.std, perChannel)]);
  }
  return layout === 'NHWC' ? builder.op('Transpose', [x], { perm: [0, 2, 3, 1] }) : x;
}
