/** Letters, letters that end a word and six merges: the 60 tokens that the small CLIP of the fixtures knows. */
export function lettersTokenizer(): unknown {
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const merges = ['c i', 'r o', 's t', 'a r</w>', 's s</w>', 'o w'].map((pair) => pair.split(' '));
  const tokens = [...letters, ...letters.map((letter) => `${letter}</w>`), ...merges.map((pair) => pair.join(''))];
  const special = ['<|startoftext|>', '<|endoftext|>'];
  return {
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      unk_token: '<|endoftext|>',
      end_of_word_suffix: '</w>',
      vocab: Object.fromEntries([...tokens, ...special].map((token, id) => [token, id])),
      merges,
    },
    added_tokens: special.map((content, i) => ({ id: tokens.length + i, content, special: true, normalized: false })),
  };
}
