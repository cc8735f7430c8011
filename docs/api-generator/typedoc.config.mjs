import { OptionDefaults } from 'typedoc';

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  entryPoints: ['../../src/index.ts'],
  tsconfig: 'tsconfig.json',
  out: '../api',
  name: 'igd',
  readme: 'none',
  disableSources: true,
  excludePrivate: true,
  // What protoc writes into the types of ONNX messages.
  blockTags: [...OptionDefaults.blockTags, '@generated'],
  // Lists of names that a type's comment spells out, schemas that a type is inferred from, and messages of protoc's.
  intentionallyNotExported: [
    ...[
      'DATASET_FORMATS',
      'DEVICES',
      'LOSS_NAMES',
      'NORM_NAMES',
      'PREPROCESSINGS',
      'PROTOCOLS',
      'RANKING_METHODS',
      'SUITE_NAMES',
    ],
    ...['attackSpecSchema', 'attackUsageSchema', 'flag', 'modelChecksSchema'],
    ...['ResolvedAttackSpec', 'RankedMask', 'SimilaritySpec', 'Variant', 'VariantEntry', 'arithmetic'],
    ...['AttributeProto', 'ModelProto', 'NodeProto', 'ValueInfoProto'],
  ],
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: false },
};
