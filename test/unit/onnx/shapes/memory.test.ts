import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';

const HUGE = 1_000_000;

/** What a graph of a few bytes can ask for. */
const BOMBS: [string, (graph: GraphBuilder, x: string) => string][] = [
  ['ConstantOfShape', (graph) => graph.op('ConstantOfShape', [graph.ints([HUGE, HUGE])])],
  ['Expand', (graph) => graph.op('Expand', [graph.constant(1), graph.ints([HUGE, HUGE])])],
  [
    'Expand',
    (graph, x) => graph.op('Expand', [graph.reshape(x, [{ batch: 1 }, 1, 16, 1]), graph.ints([1, HUGE, 1, HUGE])]),
  ],
  ['Tile', (graph, x) => graph.op('Tile', [x, graph.ints([1, HUGE, HUGE, 1])])],
  ['Resize', (graph, x) => graph.op('Resize', [x, '', graph.constant([1, 1, HUGE, HUGE])], { mode: 'nearest' })],
  ['Pad', (graph, x) => graph.op('Pad', [x, graph.ints([0, 0, 0, 0, 0, HUGE, HUGE, HUGE])])],
  ['Range', (graph) => graph.op('Range', [graph.ints(0), graph.ints(HUGE * HUGE), graph.ints(1)])],
];

describe('a value that asks for more memory than there is', () => {
  it.each(BOMBS)('%s', (op, build) => {
    const graph = new GraphBuilder();
    const x = graph.input('x', [{ batch: 1 }, 1, 4, 4]);
    expect(() => build(graph, x)).toThrow(GraphError);
    expect(() => build(graph, x)).toThrow(new RegExp(`^${op} ".*" would give shape .*: more memory than there is$`));
  });

  it('is one of more than 8 GiB, or of 512 MiB where no image changes it', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', [{ batch: 1 }, 1, 1, 1]);
    const spread = (count: number) => graph.op('Tile', [x, graph.ints([1, count, 1, 1])]);
    expect(graph.shape(spread(2 ** 31))).toEqual([{ batch: 1 }, 2 ** 31, 1, 1]);
    expect(() => spread(2 ** 31 + 1)).toThrow('8 GiB: more memory than there is');
    const filled = (count: number) => graph.op('ConstantOfShape', [graph.ints([count])]);
    expect(graph.shape(filled(2 ** 27))).toEqual([2 ** 27]);
    expect(() => filled(2 ** 28)).toThrow('1 GiB: more than a value has that no image changes');
  });
});
