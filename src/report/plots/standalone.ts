import type { Markup } from '../page/markup.ts';
import { PALETTE } from '../page/style.ts';

/** A chart as a file of its own: with the colours that it takes from its page otherwise. */
export function standaloneSvg({ text }: Markup): string {
  const start = text.indexOf('>') + 1;
  const style = `<style>${PALETTE}svg { background: var(--page); font-family: sans-serif; }\n</style>`;
  return `${text.slice(0, start)}${style}${text.slice(start)}\n`;
}
