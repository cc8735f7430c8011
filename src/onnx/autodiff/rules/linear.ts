import { float } from '../../builder.ts';
import { floatOf, intOf } from '../../graph.ts';
import { type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { reshapeLike, sumLike, swapLastAxes } from '../shape-helpers.ts';

/** Y = A B: dA = dY B', dB = A' dY, summed over the leading axes along which a factor was repeated. */
const matMul: readonly InputRule[] = [
  (site) => {
    const { builder, x, inputs } = site;
    const product = builder.op('MatMul', [gradientMatrix(site), swapLastAxes(builder, asColumn(site, inputs[1]!))]);
    return reshapeLike(builder, sumLike(builder, product, asRow(site, x)), x);
  },
  (site) => {
    const { builder, x, inputs } = site;
    const product = builder.op('MatMul', [swapLastAxes(builder, asRow(site, inputs[0]!)), gradientMatrix(site)]);
    return reshapeLike(builder, sumLike(builder, product, asColumn(site, x)), x);
  },
];

/** A first factor that is a vector counts as a row. */
function asRow({ builder }: RuleSite, factor: string): string {
  return builder.shape(factor).length === 1 ? builder.op('Unsqueeze', [factor, builder.ints([0])]) : factor;
}

/** A second factor that is a vector counts as a column. */
function asColumn({ builder }: RuleSite, factor: string): string {
  return builder.shape(factor).length === 1 ? builder.op('Unsqueeze', [factor, builder.ints([1])]) : factor;
}

/** dy with the axes back that vector factors lost: the last for the second, the one before it for the first. */
function gradientMatrix({ builder, inputs: [a, b], dy }: RuleSite): string {
  const dims = [...builder.shape(dy)];
  if (builder.shape(b!).length === 1) dims.push(1);
  if (builder.shape(a!).length === 1) dims.splice(-1, 0, 1);
  return dims.length === builder.shape(dy).length ? dy : builder.reshape(dy, dims);
}

/** Y = alpha A* B* + beta C, where * transposes if asked to. */
const gemm: readonly InputRule[] = [
  (site) => {
    const [, b] = site.inputs;
    const { transA, transB } = orders(site);
    return transA ? product(site, b!, site.dy, transB, 1) : product(site, site.dy, b!, 0, 1 - transB);
  },
  (site) => {
    const [a] = site.inputs;
    const { transA, transB } = orders(site);
    return transB ? product(site, site.dy, a!, 1, transA) : product(site, a!, site.dy, 1 - transA, 0);
  },
  ({ builder, mul, node, x, dy }) => {
    const beta = floatOf(node, 'beta', 1);
    return sumLike(builder, beta === 1 ? dy : mul(dy, beta), x);
  },
];

function orders({ node }: RuleSite): { transA: number; transB: number } {
  return { transA: intOf(node, 'transA', 0), transB: intOf(node, 'transB', 0) };
}

function product({ builder, node }: RuleSite, a: string, b: string, transA: number, transB: number): string {
  return builder.op('Gemm', [a, b], { alpha: float(floatOf(node, 'alpha', 1)), transA, transB });
}

export const LINEAR_RULES: GradientTable = {
  MatMul: perInput(...matMul),
  Gemm: perInput(...gemm),
};
