// Uses what the walk-throughs of CONTRIBUTING.md add, in a copy of the checkout where they were followed: `node --import tsx
// test/docs/use-what-was-added.mjs FOLDER`, which may write files to the folder. Prints, by walk-through, null or what went
// wrong. It is JavaScript since the names it uses are none in the checkout itself.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  attack,
  checkGradient,
  distance,
  encodeModel,
  GraphBuilder,
  keyedStream,
  openModel,
  rankUnits,
  readImages,
} from '../../src/index.ts';

const [, , folder = '.'] = process.argv;
const DEMO = 'examples/demo/shapes10-rn18-w8.pt';

/** Models to be closed at the end. */
const models = [];

async function opened(source) {
  const model = await openModel(source);
  models.push(model);
  return model;
}

const uses = {
  "An op's gradient": async () => {
    const builder = new GraphBuilder();
    const x = builder.op('Flatten', [builder.input('x', [{ batch: 1 }, 1, 2, 3])]);
    const weights = builder.constant(drawn('op', 18), [6, 3]);
    const logits = builder.op('MatMul', [builder.op('Asinh', [builder.op('Mul', [x, builder.constant(3)])]), weights]);
    const model = await opened(encodeModel(builder.build([logits])));
    const { ok, suspects } = await checkGradient(model, drawn('image', 12), { tolerance: 3e-3 });
    assert.deepEqual({ ok, suspects }, { ok: true, suspects: [] });
  },

  'An attack': () => breaks({ attack: 'noise', queries: 20 }, { norm: 'Linf', epsilon: 0.25 }),

  'A norm': () => breaks({ attack: 'apgd-ce', iterations: 5 }, { norm: 'L4', epsilon: 0.3 }),

  'An architecture': async () => {
    const model = await opened(smallConvNet());
    const images = drawn('image', 2 * SIZE);
    assert.equal(model.architecture, 'SmallConvNet, width 2');
    assertClose(await model.logits(images), [
      ...logitsOf(images.subarray(0, SIZE)),
      ...logitsOf(images.subarray(SIZE)),
    ]);
  },

  'A ranking': async () => {
    const model = await opened(smallConvNet());
    const images = drawn('image', 3 * SIZE);
    const ranking = await rankUnits(model, { layer: 'conv', method: 'activation', images, labels: [1, 0, 1] });
    const [a, b, c] = [0, 1, 2].map((image) => activationsOf(images.subarray(image * SIZE, (image + 1) * SIZE)));
    const expected = [0, 1].flatMap((unit) => [b[unit], (a[unit] + c[unit]) / 2, 0]);
    assertClose(ranking.scores, expected);
  },

  'A data set': async () => {
    const path = join(folder, 'digits.csv');
    writeFileSync(path, 'label,1x1,1x2,2x1,2x2\n2,0,51,102,255\n0,255,0,0,0\n');
    const { images, labels, imageShape } = await readImages(path, { format: 'csv' });
    assert.deepEqual([...labels], [2, 0]);
    assert.deepEqual(imageShape, [1, 2, 2]);
    assertClose(images, [0, 0.2, 0.4, 1, 1, 0, 0, 0]);
    writeFileSync(path, '0,1,2,3\n');
    await assert.rejects(readImages(path, { format: 'csv' }), { name: 'DatasetError' });
  },
};

/** Some of the demo's images are broken, by examples in the ball. */
async function breaks(spec, threat) {
  const model = await opened(DEMO);
  const clean = await readImages('examples/demo/test-64.bin', { count: 8 });
  const { adversarial, brokenBy } = await attack(model, { ...clean, attack: spec, threat });
  const size = clean.images.length / clean.labels.length;
  const rows = [...brokenBy.keys()].filter((row) => brokenBy[row] === spec.attack);
  assert.notEqual(rows.length, 0, 'no image was broken');
  for (const row of rows) {
    const rowOf = (images) => images.subarray(row * size, (row + 1) * size);
    const far = distance(rowOf(adversarial), rowOf(clean.images), threat.norm);
    assert(far > threat.epsilon / 2 && far <= threat.epsilon + 1e-5, `an example is ${far} away`);
  }
}

const SIDE = 32;
const SIZE = 3 * SIDE * SIDE;
const WEIGHTS = {
  'conv.weight': { shape: [2, 3, 3, 3], data: drawn('conv', 54, -1) },
  'conv.bias': { shape: [2], data: drawn('bias', 2) },
  'fc.weight': { shape: [3, 2], data: drawn('fc', 6, -1) },
  'fc.bias': { shape: [3], data: drawn('fc bias', 3) },
};

/** The path of a checkpoint in safetensors: the length of a header, the header, and numbers. */
function smallConvNet() {
  let end = 0;
  const entries = Object.entries(WEIGHTS).map(([name, { shape, data }]) => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, 'small.safetensors');
  const numbers = Object.values(WEIGHTS).map(({ data }) => Buffer.from(data.buffer));
  writeFileSync(path, Buffer.concat([length, header, ...numbers]));
  return path;
}

/** Mean over all pixels of relu(conv(x) + bias), written out. */
function activationsOf(x) {
  const [kernel, bias] = [WEIGHTS['conv.weight'].data, WEIGHTS['conv.bias'].data];
  const at = (c, row, column) =>
    row < 0 || column < 0 || row >= SIDE || column >= SIDE ? 0 : x[(c * SIDE + row) * SIDE + column];
  return [0, 1].map((unit) => {
    let sum = 0;
    for (let row = 0; row < SIDE; row++)
      for (let column = 0; column < SIDE; column++) {
        let value = bias[unit];
        for (let k = 0; k < 27; k++) {
          const [c, down, right] = [Math.floor(k / 9), Math.floor(k / 3) % 3, k % 3];
          value += kernel[unit * 27 + k] * at(c, row + down - 1, column + right - 1);
        }
        sum += Math.max(0, value);
      }
    return sum / SIDE ** 2;
  });
}

function logitsOf(x) {
  const [first, second] = activationsOf(x);
  const { data } = WEIGHTS['fc.weight'];
  return Array.from(WEIGHTS['fc.bias'].data, (bias, c) => bias + data[2 * c] * first + data[2 * c + 1] * second);
}

/** Numbers by chance from `low` to 1, the same for the same key. */
function drawn(key, count, low = 0) {
  const stream = keyedStream([key]);
  return Float32Array.from({ length: count }, () => low + (1 - low) * stream.uniform());
}

function assertClose(actual, expected) {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries())
    assert(Math.abs(actual[i] - value) < 1e-5, `value ${i} is ${actual[i]}, not ${value}`);
}

const results = {};
for (const [title, use] of Object.entries(uses)) {
  results[title] = await use().then(
    () => null,
    (error) => String(error),
  );
}
for (const model of models) await model[Symbol.asyncDispose]();
console.log(JSON.stringify(results));
