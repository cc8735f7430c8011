// Attacks 16 images of a PyTorch checkpoint and prints how many it still gets right.
//
//     node examples/library/attack-my-model.mjs [checkpoint] [images]
import { fileURLToPath } from 'node:url';
import { attack, openModel, readImages } from 'igd';

const demo = (name) => fileURLToPath(new URL(`../demo/${name}`, import.meta.url));
const [checkpoint = demo('shapes10-rn18-w8.pt'), data = demo('test-64.bin')] = process.argv.slice(2);

const model = await openModel(checkpoint);
try {
  const { images, labels } = await readImages(data, { count: 16 });
  const { cleanAccuracy, robustAccuracy, usage } = await attack(model, {
    images,
    labels,
    threat: { norm: 'Linf', epsilon: 8 / 255 },
    suite: 'apgd', // APGD on cross-entropy, then on the targeted DLR loss; 'standard' is the whole of AutoAttack
  });
  console.log(model.architecture);
  console.log(`clean accuracy  ${percent(cleanAccuracy)}`);
  console.log(`robust accuracy ${percent(robustAccuracy)}`);
  for (const { attack: name, gradients, seconds } of usage)
    console.log(`${name}: ${gradients} gradients in ${seconds.toFixed(1)} s`);
} finally {
  await model.release();
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}
