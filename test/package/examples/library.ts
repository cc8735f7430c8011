// igd as a library, in TypeScript. The tests check its types in a project that has installed it, and nothing else.
import { ConfigError, type IgdError } from 'igd';

export function explain(error: IgdError): string {
  const code: 1 | 2 = error.exitCode;
  const kind = error instanceof ConfigError ? 'the config' : 'something else';
  return `${kind}: ${error.message} (${code})`;
}
