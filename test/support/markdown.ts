import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the repository is. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What a page of Markdown says, as far as its links are concerned. */
export interface Page {
  /** Targets of its links and images. */
  readonly links: readonly string[];
  /** Anchors that GitHub gives its headings, and those it sets itself. */
  readonly anchors: ReadonlySet<string>;
  /** What stands in code: blocks, and spans within a paragraph. */
  readonly code: readonly string[];
}

const BLOCK = /^[ \t]*(```|~~~)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$/gms;
const COMMENT = /<!--.*?-->/gs;
const SPAN = /(`+)(?!`)((?:(?!\n[ \t]*\n).)+?)(?<!`)\1(?!`)/gs;
/** `[text](target "title")`, also with an image in its text. */
const LINK = /\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+["'][^"']*["'])?\s*\)/g;
const DEFINITION = /^[ \t]*\[[^\]\n]+\]:[ \t]*<?(\S+?)>?(?:[ \t]+["'].*)?$/gm;
const HTML = /<[a-z]+\s[^>]*?\b(?:href|src)=["']([^"']*)["']/gi;
const OWN_ANCHOR = /<[a-z]+\s[^>]*?\b(?:id|name)=["']([^"']*)["']/gi;
const HEADING = /^[ \t]{0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$/gm;

/** Reads a page of the repository. */
export function readPage(path: string): Page {
  return parsePage(readFileSync(`${ROOT}${path}`, 'utf8'));
}

export function parsePage(text: string): Page {
  const blocks = [...text.matchAll(BLOCK)].map(([, , code = '']) => code);
  const prose = text.replaceAll(BLOCK, '').replaceAll(COMMENT, '');
  const spans = [...prose.matchAll(SPAN)].map(([, , code = '']) => code.replaceAll('\n', ' '));
  const plain = prose.replaceAll(SPAN, '');
  const targets = [LINK, DEFINITION, HTML].flatMap((pattern) => [...plain.matchAll(pattern)]);
  return {
    links: targets.map(([, target = '']) => target),
    anchors: new Set([...anchorsOf(prose), ...[...plain.matchAll(OWN_ANCHOR)].map(([, name = '']) => name)]),
    code: [...blocks, ...spans],
  };
}

/** Anchors of headings; the second of two alike ends in -1. */
function anchorsOf(prose: string): string[] {
  const seen = new Map<string, number>();
  return [...prose.matchAll(HEADING)].map(([, heading = '']) => {
    const slug = slugOf(heading);
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

/** As GitHub makes it: the words shown, in small letters, without punctuation, with hyphens for spaces. */
function slugOf(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/<[^>]*>/g, '')
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}
