// igd as a library, in JavaScript. The tests run this in a project that has installed it.
import { ConfigError } from 'igd';

try {
  throw new ConfigError('no such key');
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.log(`${error.name}: ${error.message}, exit code ${error.exitCode}`);
}
