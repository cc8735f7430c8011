import { compare } from './comparison.ts';
import { CONVOLUTIONS } from './convolutions.ts';
import { MASKS } from './masks.ts';
import { OTHERS } from './others.ts';
import { POOLS } from './pools.ts';

/**
 * Times the ways to compute the gradient of an op on onnxruntime's CPU, one thread: "rule" is what `src/onnx/autodiff` does.
 *
 *   node --import tsx bench/gradient-ops/index.ts [name]
 */

const wanted = process.argv[2] ?? '';
for (const comparison of [...MASKS, ...CONVOLUTIONS, ...POOLS, ...OTHERS]) {
  if (comparison.name.includes(wanted)) await compare(comparison);
}
