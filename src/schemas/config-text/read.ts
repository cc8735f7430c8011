import { decodeText } from './decode.ts';
import { type JsonValue, parseJsonText } from './json.ts';

/** What a config's file may be called; an object in a bucket may have the name of its version behind it. */
const CONFIG_FILE = /^(.*?)\.(json|jsonc|ya?ml)(?:\?versionId=[^?&]*)?$/i;

/** For people who gave a file another name. */
export const CONFIG_SUFFIXES = '.json, .jsonc, .yaml or .yml';

/** The name of a config's file without its suffix; undefined where it has none of those that configs have. */
export function configName(file: string): string | undefined {
  return CONFIG_FILE.exec(file)?.[1];
}

type Parse = (text: string, where: string) => JsonValue;

/**
 * The value of a config's file, which its name says how to read: JSON, `.jsonc` with comments, `.yaml` or `.yml`; what is
 * called otherwise is JSON. It is the way in for every config that a user wrote. Throws InputError where it is no text,
 * ConfigError with line and column where it is none of that.
 */
export async function readConfig(bytes: Uint8Array, where: string): Promise<JsonValue> {
  // What reads YAML takes longer to load than all else of a start.
  const parseYaml = suffixOf(where).startsWith('y') ? (await import('./yaml.ts')).parseYamlText : parseJsonText;
  return readConfigWith(parseYaml, bytes, where);
}

/** The same at once, for those who have loaded what reads YAML (`yaml.ts`). */
export function readConfigWith(parseYaml: Parse, bytes: Uint8Array, where: string): JsonValue {
  const text = decodeText(bytes, where);
  const suffix = suffixOf(where);
  if (suffix.startsWith('y')) return parseYaml(text, where);
  return parseJsonText(text, where, suffix === 'jsonc' ? 'JSON with comments' : 'JSON');
}

function suffixOf(file: string): string {
  return CONFIG_FILE.exec(file)?.[2]?.toLowerCase() ?? '';
}
