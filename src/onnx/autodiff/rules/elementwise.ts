import { toNumbers } from '../../../numeric/tensor.ts';
import { eachInput, type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { sumLike } from '../shape-helpers.ts';

/** Arithmetic element by element. Operands are broadcast, so each gradient is summed back to its operand's shape. */

function summed(rule: InputRule): InputRule {
  return (site) => sumLike(site.builder, rule(site), site.x);
}

const binary = (...rules: readonly InputRule[]) => perInput(...rules.map(summed));
const variadic = (rule: InputRule) => eachInput(summed(rule));

/** x^e: e x^(e - 1). Where e is 0 the slope is 0, and not 0 times the infinity of 0^-1. */
const powBase: InputRule = (site) => {
  const { builder, inputs, mul, sub, pow, selected, x, dy } = site;
  const exponent = inputs[1]!;
  const known = builder.constantOf(exponent);
  if (known === undefined) return unlessZero(site, exponent, mul(dy, mul(exponent, pow(x, sub(exponent, 1)))));
  const values = toNumbers(known);
  if (values.every((value) => value === 2)) return mul(dy, mul(x, 2));
  const lowered = builder.constant(
    values.map((value) => (value === 0 ? 0 : value - 1)),
    known.dims,
  );
  const exponents = builder.constant(values, known.dims);
  const product = mul(dy, mul(exponents, pow(x, lowered)));
  return values.includes(0) ? selected(exponents, product) : product;
};

/** x^e with respect to e: x^e log x, and 0 where x is 0. */
const powExponent: InputRule = (site) => {
  const { mul, log, inputs, y, dy } = site;
  return unlessZero(site, inputs[0]!, mul(dy, mul(y, log(inputs[0]!))));
};

/** `value`, and 0 where `zero` is 0: there the formula has an infinity of its own. */
function unlessZero({ builder }: RuleSite, zero: string, value: string): string {
  const none = builder.constant(0);
  return builder.op('Where', [builder.op('Equal', [zero, none]), none, value]);
}

/** The largest (smallest) operands share the gradient, as in torch.maximum. */
const extreme: InputRule = ({ masked, div, same, total, inputs, x, y, dy }) => {
  const winners = inputs.map((input) => same(input, y)) as [string, ...string[]];
  return masked(dy, div(same(x, y), total(winners)));
};

/** Of `yes` where the condition holds, of `no` elsewhere. */
const where: InputRule = ({ builder, inputs, index, dy }) => {
  const zero = builder.constant(0);
  return builder.op('Where', [inputs[0]!, ...(index === 1 ? [dy, zero] : [zero, dy])]);
};

/** 2 / sqrt(pi) exp(-x^2). */
const erf: InputRule = ({ mul, square, exp, neg, x, dy }) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)));

/** a mod b = a - b floor(a / b), or with the truncated quotient for fmod: slope 1 in a. */
const modulus: InputRule = ({ dy }) => dy;

export const ELEMENTWISE_RULES: GradientTable = {
  Add: variadic(({ dy }) => dy),
  Sub: binary(
    ({ dy }) => dy,
    ({ neg, dy }) => neg(dy),
  ),
  Mul: variadic(({ mul, inputs, index, dy }) => mul(dy, inputs[1 - index]!)),
  Div: binary(
    ({ div, inputs, dy }) => div(dy, inputs[1]!),
    ({ neg, mul, div, inputs, y, dy }) => neg(mul(dy, div(y, inputs[1]!))),
  ),
  Mod: binary(modulus),
  Pow: binary(powBase, powExponent),
  Min: variadic(extreme),
  Max: variadic(extreme),
  Sum: variadic(({ dy }) => dy),
  Mean: variadic(({ mul, inputs, dy }) => mul(dy, 1 / inputs.length)),
  Where: variadic(where),
  Neg: perInput(({ neg, dy }) => neg(dy)),
  Exp: perInput(({ mul, y, dy }) => mul(dy, y)),
  Log: perInput(({ div, x, dy }) => div(dy, x)),
  // Infinite at 0, where 0 is what keeps a norm of zeros from spoiling everything before it.
  Sqrt: perInput(({ mul, masked, reciprocalOrZero, y, dy }) => masked(dy, mul(reciprocalOrZero(y), 0.5))),
  Reciprocal: perInput(({ neg, mul, square, y, dy }) => neg(mul(dy, square(y)))),
  Abs: perInput(({ mul, sign, x, dy }) => mul(dy, sign(x))),
  Sin: perInput(({ mul, cos, x, dy }) => mul(dy, cos(x))),
  Cos: perInput(({ neg, mul, sin, x, dy }) => neg(mul(dy, sin(x)))),
  Tan: perInput(({ add, mul, square, y, dy }) => mul(dy, add(square(y), 1))),
  Atan: perInput(({ add, div, square, x, dy }) => div(dy, add(square(x), 1))),
  Asin: perInput(({ sub, div, sqrt, square, x, dy }) => div(dy, sqrt(sub(1, square(x))))),
  Acos: perInput(({ neg, sub, div, sqrt, square, x, dy }) => neg(div(dy, sqrt(sub(1, square(x)))))),
  Sinh: perInput(({ mul, cosh, x, dy }) => mul(dy, cosh(x))),
  Cosh: perInput(({ mul, sinh, x, dy }) => mul(dy, sinh(x))),
  Acosh: perInput(({ sub, div, sqrt, square, x, dy }) => div(dy, sqrt(sub(square(x), 1)))),
  Atanh: perInput(({ sub, div, square, x, dy }) => div(dy, sub(1, square(x)))),
  Erf: perInput(erf),
};
