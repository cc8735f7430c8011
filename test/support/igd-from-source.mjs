// `node --import tsx --import ./test/support/igd-from-source.mjs program.mjs`: what a program imports as "igd" is the source
// of this checkout, whether it is built or not.
import { register } from 'node:module';

const source = new URL('../../src/index.ts', import.meta.url).href;
const hooks = `export async function resolve(specifier, context, next) {
  return next(specifier === 'igd' ? ${JSON.stringify(source)} : specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
