import { describe, expect, it } from 'vitest';
import { checkGradient } from '../../../../src/onnx/autodiff/check-gradient.ts';
import { type GradientRule, type GradientTable, perInput } from '../../../../src/onnx/autodiff/rule.ts';
import { GRADIENT_RULES } from '../../../../src/onnx/autodiff/rule-table.ts';
import type { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { modelOf, readCases, uniform, withSessions } from './support.ts';

const resnet = () => readCases('block').find(({ name }) => name === 'ResNet')!;

/** The report on the residual network with one rule replaced. */
function checkWith(replaced: GradientTable) {
  const { build, x } = resnet();
  const rules = { ...GRADIENT_RULES, ...replaced };
  return withSessions((evaluate) => checkGradient(build(), x, evaluate, { rules }));
}

/** The rule of `op`, with each gradient it gives changed. */
function altered(
  op: string,
  change: (builder: GraphBuilder, gradient: string, index: number) => string | undefined,
): GradientRule {
  return (context, node, gradients) =>
    GRADIENT_RULES[op]!(context, node, gradients).map((dx, index) => dx && change(context.builder, dx, index));
}

describe('checkGradient', () => {
  it('passes the rules of the table', async () => {
    const report = await checkWith({});
    expect(report).toMatchObject({ ok: true, suspects: [] });
    expect(report.maxRelativeError).toBeLessThan(0.01);
  });

  it('names the nodes of a wrong rule', async () => {
    const report = await checkWith({ Relu: perInput(({ dy }) => dy) });
    expect(report.ok).toBe(false);
    expect(report.maxRelativeError).toBeGreaterThan(0.05);
    expect(new Set(report.suspects.map(({ op }) => op))).toEqual(new Set(['Relu']));
    expect(report.suspects.map(({ node }) => node)).toContain('stem.bn.relu');
  });

  it.each([
    ['a factor', { Conv: altered('Conv', (builder, dx) => builder.op('Mul', [dx, builder.constant(1.1)])) }],
    ['a sign', { MaxPool: altered('MaxPool', (builder, dx) => builder.op('Neg', [dx])) }],
    ['a branch left out', { Add: altered('Add', (_, dx, index) => (index === 0 ? dx : undefined)) }],
    ['zeros', { MaxPool: perInput(({ sub, x }) => sub(x, x)) }],
    ['NaN', { MaxPool: perInput(({ div, sub, x }) => div(sub(x, x), sub(x, x))) }],
    ['infinity', { MaxPool: perInput(({ div, exp, sub, x }) => div(exp(x), sub(x, x))) }],
  ])('does not pass %s', async (_, replaced) => {
    const report = await checkWith(replaced);
    expect(report.ok).toBe(false);
    expect(new Set(report.suspects.map(({ op }) => op))).toEqual(new Set(Object.keys(replaced)));
  });

  it('passes a gradient that is zero', async () => {
    const model = modelOf([4], (builder, x) => builder.op('Mul', [x, builder.constant(0)]));
    const report = await withSessions((evaluate) => checkGradient(model, uniform('x', [2, 4]), evaluate));
    expect(report).toEqual({ ok: true, maxRelativeError: 0, suspects: [] });
  });

  it('is the same twice, and another with another seed', async () => {
    const model = modelOf([6], (builder, x) => builder.op('Softmax', [x]));
    const rules = { Softmax: perInput(({ dy }) => dy) };
    const errorOf = async (seed: number) => {
      const x = uniform('x', [2, 6]);
      return (await withSessions((evaluate) => checkGradient(model, x, evaluate, { seed, rules }))).maxRelativeError;
    };
    expect(await errorOf(1)).toBe(await errorOf(1));
    expect(await errorOf(1)).not.toBe(await errorOf(2));
  });
});
