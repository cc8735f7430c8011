import { GraphError } from '../../errors.ts';
import { GraphBuilder } from '../builder.ts';
import { describeNode, type Graph, type Node } from '../graph.ts';
import type { GradientRule, GradientTable } from './rule.ts';
import { GRADIENT_RULES, NON_DIFFERENTIABLE, UNSUPPORTED } from './rule-table.ts';
import { zerosLike } from './shape-helpers.ts';
import { appendGradient } from './vjp.ts';

/**
 * What stands in the way of the gradient of a graph's first output with respect to its input, a line each: the rules are asked with
 * every node that they would be used for, since one may know an op and not all of its attributes. Empty where there is a gradient.
 */
export function gradientProblems(graph: Graph, rules: GradientTable = GRADIENT_RULES): readonly string[] {
  const [input, output] = [graph.inputs[0], graph.outputs[0]];
  if (input === undefined || output === undefined) return [];
  const problems: string[] = [];
  const builder = GraphBuilder.from(graph);
  const cotangent = builder.input(builder.fresh('cotangent'), builder.shape(output.name));
  const asked = heard(graph.nodes, rules, problems);
  appendGradient(builder, output.name, cotangent, input.name, asked.table);
  return asked.any() ? problems : [flatProblem(graph, output.name, input.name)];
}

function flatProblem({ nodes }: Graph, output: string, input: string): string {
  const flat = nodes.filter(({ op }) => NON_DIFFERENTIABLE.has(op)).map(describeNode);
  return `"${output}" does not change smoothly with "${input}": no gradient passes ${flat.slice(0, 3).join(', ') || 'any node'}`;
}

/** The rules of these nodes, each going on with zeros where it fails, and telling why; and whether any was used. */
function heard(nodes: readonly Node[], rules: GradientTable, problems: string[]) {
  let used = false;
  const heardRule =
    (rule: GradientRule): GradientRule =>
    (context, node, gradients) => {
      used = true;
      try {
        return rule(context, node, gradients);
      } catch (problem) {
        if (!(problem instanceof GraphError)) throw problem;
        problems.push(problem.message);
        return node.inputs.map((name, index) => (context.needs(index) ? zerosLike(context.builder, name) : undefined));
      }
    };
  const ruleOf = (op: string) => (Object.hasOwn(rules, op) ? rules[op] : undefined);
  const ops = new Set(nodes.map(({ op }) => op).filter((op) => ruleOf(op) || !NON_DIFFERENTIABLE.has(op)));
  const table = Object.fromEntries([...ops].map((op) => [op, heardRule(ruleOf(op) ?? missing)]));
  return { table, any: () => used };
}

const missing: GradientRule = (_, node) => {
  const reason = UNSUPPORTED.get(node.op);
  throw new GraphError(`no gradient rule for ${describeNode(node)}${reason === undefined ? '' : `: ${reason}`}`);
};
