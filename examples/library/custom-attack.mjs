// An attack of one's own, against the public interface alone: a random search over the corners of the L-infinity ball. It asks
// for logits only, so it needs no gradient; igd batches the questions of many images, and judges what the attack finds.
//
//     node examples/library/custom-attack.mjs
import { fileURLToPath } from 'node:url';
import { attack, attackRounds, clipToThreat, defineAttack, openModel, readImages } from 'igd';

/** Flips the sign of the perturbation on a random patch, and keeps what lowers the label's lead over the other classes. */
function signFlip({ queries, patch }) {
  return defineAttack({
    name: 'sign-flip',
    roundCost: () => ({ forwards: queries, gradients: 0 }),
    rounds: (classes) => attackRounds({ restarts: 1 }, classes),
    prepare:
      ({ threat, model: { imageShape } }) =>
      (sample, _round, saved) =>
        new SignFlip(sample, threat, imageShape, { queries, patch }, saved),
  });
}

/** The search of one image. Between two questions it is plain data, so that a run can be stopped and gone on with. */
class SignFlip {
  #sample;
  #threat;
  #shape;
  #options;
  /** What is saved: the best point so far, the label's lead there, the point asked about, and questions asked. */
  #state;

  constructor(sample, threat, shape, options, saved) {
    this.#sample = sample;
    this.#threat = threat;
    this.#shape = shape;
    this.#options = options;
    const start = () => this.#corner(() => (sample.stream.uniform() < 0.5 ? -1 : 1));
    this.#state = saved ?? { best: sample.clean.slice(), lead: Number.POSITIVE_INFINITY, asked: start(), queries: 0 };
  }

  get next() {
    const { queries, lead, asked } = this.#state;
    return queries < this.#options.queries && lead > 0 ? { kind: 'logits', x: asked } : undefined;
  }

  get best() {
    return this.#state.best;
  }

  update({ logits }) {
    const { label } = this.#sample;
    const others = logits.filter((_, category) => category !== label);
    const lead = logits[label] - Math.max(...others);
    const { asked } = this.#state;
    this.#state.queries++;
    if (lead < this.#state.lead) Object.assign(this.#state, { best: asked, lead });
    this.#state.asked = this.#flipped();
    // The protocol asks the model itself once more: claiming more than is true would change nothing.
    return lead < 0 ? asked : undefined;
  }

  save() {
    return this.#state;
  }

  /** The best point with the signs of a square patch turned round, the same for all channels. */
  #flipped() {
    const [, height, width] = this.#shape;
    const { stream, clean } = this.#sample;
    const { patch } = this.#options;
    const [top, left] = [stream.integer(height - patch + 1), stream.integer(width - patch + 1)];
    const isInside = (k) => {
      const [row, column] = [Math.floor(k / width) % height, k % width];
      return row >= top && row < top + patch && column >= left && column < left + patch;
    };
    const { best } = this.#state;
    return this.#corner((k) => Math.sign(best[k] - clean[k] || 1) * (isInside(k) ? -1 : 1));
  }

  /** The corner of the ball that these signs name, cut to [0, 1]. */
  #corner(signOf) {
    const x = this.#sample.clean.map((value, k) => value + this.#threat.epsilon * signOf(k));
    clipToThreat(x, this.#sample.clean, this.#threat);
    return x;
  }
}

const demo = (name) => fileURLToPath(new URL(`../demo/${name}`, import.meta.url));
const model = await openModel(demo('shapes10-rn18-w8.pt'));
try {
  const { images, labels } = await readImages(demo('test-64.bin'), { count: 16 });
  const { brokenBy, robustAccuracy, cleanAccuracy } = await attack(model, {
    images,
    labels,
    threat: { norm: 'Linf', epsilon: 8 / 255 },
    suite: [signFlip({ queries: 200, patch: 6 }), { attack: 'apgd-ce', iterations: 20 }],
  });
  const count = (name) => brokenBy.filter((breaker) => breaker === name).length;
  console.log(`right before: ${(100 * cleanAccuracy).toFixed(1)}%, after: ${(100 * robustAccuracy).toFixed(1)}%`);
  console.log(`sign-flip broke ${count('sign-flip')} images, apgd-ce ${count('apgd-ce')} of the others`);
} finally {
  await model.release();
}
