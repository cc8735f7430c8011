/** HTML's names for what XML escapes; class names need no others. */
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
]);

/**
 * Text as CLIP's tokenizer wants it: what https://github.com/openai/CLIP, clip/simple_tokenizer.py does before it cuts words.
 * Of ftfy's repairs the ones that single characters need (composed accents, straight quotes, ligatures, full-width forms),
 * not its search for wrongly decoded text. HTML escapes are undone twice, white space is single, letters are small.
 */
export function cleanText(text: string): string {
  const repaired = text
    .replaceAll(/[\u2018\u2019\u201a\u201b\u02bc]/g, "'")
    .replaceAll(/[\u201c\u201d\u201e\u201f]/g, '"')
    .replaceAll(/[\u0132\u0133\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06\uff01-\uff9f\uffe0-\uffe6\u3000]/g, (character) =>
      character.normalize('NFKC'),
    )
    .normalize('NFC');
  return unescaped(unescaped(repaired)).replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

function unescaped(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w+));/g, (written, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES.get(name) ?? written;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : written;
  });
}
