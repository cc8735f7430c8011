/**
 * What is wrong with the nesting and the attributes of a text in XML or strict HTML: empty where nothing is. Small on
 * purpose; it knows tags, quoted attributes and entities, which is all our pages use.
 */
export function checkWellFormed(text: string, voidElements: ReadonlySet<string> = new Set()): string[] {
  const problems: string[] = [];
  const open: string[] = [];
  const content = text.replace(/^<!doctype html>/, '').replaceAll(/<style[^>]*>.*?<\/style>/gs, '');
  for (const [, words = '', tag] of content.matchAll(/([^<]*)(<[^>]*>)?/g)) {
    if (/&(?!(amp|lt|gt|quot|#39|#x27);)/.test(words) || words.includes('>')) problems.push(`unescaped: ${words}`);
    if (tag !== undefined) problems.push(...checkTag(tag, open, voidElements));
  }
  return [...problems, ...open.map((name) => `never closed: ${name}`)];
}

const TAG = /^<(?<closing>\/?)(?<name>[\w-]+)(?: [\w:-]+="[^"<]*")* ?(?<empty>\/?)>$/;

function checkTag(tag: string, open: string[], voidElements: ReadonlySet<string>): string[] {
  const { closing, name = '', empty } = TAG.exec(tag)?.groups ?? {};
  if (name === '') return [`no tag: ${tag}`];
  if (closing === '/') {
    const last = open.pop();
    return last === name ? [] : [`${tag} closes <${last}>`];
  }
  if (empty !== '/' && !voidElements.has(name)) open.push(name);
  return [];
}
