/** Sides of windows, steps between them, and zeros around the image. */
export type Window = Readonly<Record<'kernel' | 'stride' | 'padding', number>>;

/** Of a MaxPool2d or AvgPool2d, by the names of its attributes. */
export type PoolGeometry = Readonly<Record<'kernel_size' | 'stride' | 'padding', number>>;

/** The poolings of a network, to be held against the modules of its file. */
export class Pools {
  /** Every MaxPool2d and AvgPool2d so far, by its module. */
  readonly maxima = new Map<string, PoolGeometry>();
  readonly averages = new Map<string, PoolGeometry>();
  /** What becomes of the last maps of the network, or of each of its members: [H, W] of both. */
  readonly last: { readonly map: readonly number[]; readonly pooled: readonly number[] }[] = [];

  /** Its attributes as a node of a graph. */
  addMaximum(module: string, window: Window) {
    return added(this.maxima, module, window);
  }

  /** The same. */
  addAverage(module: string, window: Window) {
    return added(this.averages, module, window);
  }
}

function added(pools: Map<string, PoolGeometry>, module: string, { kernel, stride, padding }: Window) {
  pools.set(module, { kernel_size: kernel, stride, padding });
  return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: Array<number>(4).fill(padding) };
}
