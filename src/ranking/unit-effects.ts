import type { Fetches } from '../onnx/runtime.ts';

/** Values on the boundary of trunk and tail for a batch of images: the layer's and those of shortcuts around it. */
export interface TrunkValues {
  /** [n, ...dims] by name. */
  readonly values: Fetches;
  readonly labels: Int32Array;
}

/**
 * What leaving out each unit does to the label's logit, f_y(x) - f_y^[j](x), for every image of a batch. `visit` is called
 * once per image and unit whose effect is not zero.
 */
export interface UnitEffects {
  measure(batch: TrunkValues, visit: (image: number, unit: number, effect: number) => void): Promise<void>;
  release(): Promise<void>;
}
