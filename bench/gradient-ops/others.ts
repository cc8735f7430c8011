import { type Comparison, rule, weights } from './comparison.ts';

/** Ops of transformers, and indexing. */
export const OTHERS: readonly Comparison[] = [
  {
    name: 'MatMul by weights',
    x: [197, 768],
    dy: [197, 768],
    forms: {
      rule: rule((b, x) => b.op('MatMul', [x, weights(b, [768, 768])])),
      'weights transposed beforehand': (b, _, dy) => b.op('MatMul', [dy, weights(b, [768, 768])]),
    },
  },
  {
    name: 'LayerNormalization',
    x: [197, 768],
    dy: [197, 768],
    forms: {
      rule: rule((b, x) => b.op('LayerNormalization', [x, weights(b, [768])], { axis: -1 })),
      'statistics by LayerNormalization': (b, x, dy) => {
        const ones = b.constant(new Float32Array(768).fill(1));
        const [z, , scale] = b.ops('LayerNormalization', [x, ones], {
          outputs: ['z', 'mean', 'scale'],
          attributes: { axis: -1 },
        });
        const mean = (value: string) => b.op('ReduceMean', [value, b.ints([-1])]);
        const g = b.op('Mul', [dy, weights(b, [768])]);
        const along = b.op('Mul', [z!, mean(b.op('Mul', [g, z!]))]);
        return b.op('Mul', [scale!, b.op('Sub', [b.op('Sub', [g, mean(g)]), along])]);
      },
    },
  },
  {
    name: 'Gather of the class token',
    x: [197, 768],
    dy: [768],
    forms: {
      rule: rule((b, x) => b.op('Gather', [x, b.ints(0)], { axis: 1 })),
      'Gather back': (b, _, dy) => {
        const row = b.op('Unsqueeze', [dy, b.ints([1])]);
        const zero = b.op('Pad', [row, b.ints([0, 0, 0, 0, 1, 0])]);
        return b.op('Gather', [zero, b.ints([0, ...Array<number>(196).fill(1)])], { axis: 1 });
      },
    },
  },
  {
    name: 'Slice of every second pixel',
    x: [64, 32, 32],
    dy: [64, 16, 16],
    forms: {
      rule: rule((b, x) => b.op('Slice', [x, b.ints([0, 0]), b.ints([32, 32]), b.ints([2, 3]), b.ints([2, 2])])),
      'Pad of cells': (b, _, dy) => {
        const cells = b.reshape(dy, [{ batch: 1 }, 64, 16, 1, 16, 1]);
        const stuffed = b.op('Pad', [cells, b.ints([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1])]);
        return b.reshape(stuffed, [{ batch: 1 }, 64, 32, 32]);
      },
    },
  },
];
