// igd as a library, in TypeScript. The tests check its types and run it in a project that has installed it, and nothing else.
import { type AttackResult, attack, defend, IgdError, openModel, rankUnits, readImages } from 'igd';

const demo = 'node_modules/igd/examples/demo';
const threat = { norm: 'Linf', epsilon: 8 / 255 } as const;

export async function robustAccuracy(): Promise<number> {
  await using model = await openModel(`${demo}/shapes10-rn18-w8.pt`);
  const probe = await readImages(`${demo}/train-200.bin`, { split: 'train', count: 100 });
  const ranking = await rankUnits(model, { layer: 'layer4', method: 'loir', ...probe });
  await using defended = defend(model, { ranking, importantUnits: 12 });
  const data = await readImages(`${demo}/test-64.bin`, { count: 8 });
  const result: AttackResult = await attack(defended, { ...data, threat, attack: { attack: 'pgd', iterations: 10 } });
  return result.robustAccuracy;
}

try {
  console.log(await robustAccuracy());
} catch (error) {
  if (error instanceof IgdError) console.error(`${error.name}, exit code ${error.exitCode}: ${error.message}`);
  throw error;
}
