/** HTML that is safe to place in a page as it is. Only `html` and `trusted` make it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | null | readonly Content[];

/** A template whose values are escaped unless they are markup already; null leaves nothing, a list its items in a row. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const parts = strings.map((string, index) => string + render(values[index] ?? null));
  return new Markup(parts.join(''));
}

/** Text that is HTML or SVG of our own making. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

function render(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (content === null) return '';
  if (typeof content === 'object') return content.map(render).join('');
  return escapeHtml(String(content));
}
