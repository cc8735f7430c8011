// igd as a library, in JavaScript. The tests run this in a project that has installed it.
import { attack, openModel, readImages } from 'igd';

const demo = 'node_modules/igd/examples/demo';
const model = await openModel(`${demo}/shapes10-rn18-w8.pt`);
const { images, labels } = await readImages(`${demo}/test-64.bin`, { count: 8 });
const threat = { norm: 'Linf', epsilon: 8 / 255 };
const { cleanAccuracy, robustAccuracy } = await attack(model, { images, labels, threat, attack: 'apgd-ce' });
console.log(JSON.stringify({ cleanAccuracy, robustAccuracy }));
await model.release();
