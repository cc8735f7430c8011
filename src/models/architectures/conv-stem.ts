import type { NetworkBuilder } from '../network-builder.ts';
import { channelNorm } from '../token-modules.ts';

/** Epsilon of the LayerNorms in the stem, which are classes of their own. */
const EPSILON = 1e-6;

/**
 * The convolutional stem of Singh et al. (arXiv:2303.01870) in place of patches: convolutions `${module}.0`, `.3`, `.6`, ...,
 * all but a 1x1 one at the end followed by LayerNorm over the channels and GELU.
 *
 * @param halvings how many of the convolutions, from the first on, have stride 2
 */
export function convStem(network: NetworkBuilder, x: string, module: string, halvings: number): string {
  let h = x;
  for (let at = 0; network.has(`${module}.${at}.weight`); at += 3) {
    const isNormed = network.has(`${module}.${at + 1}.weight`);
    const stride = at / 3 < halvings ? 2 : 1;
    const kernel = isNormed ? 3 : 1;
    h = network.conv(h, `${module}.${at}`, { kernel, stride, padding: (kernel - 1) / 2 });
    if (isNormed) h = network.activate(channelNorm(network, h, `${module}.${at + 1}`, EPSILON));
  }
  return h;
}
