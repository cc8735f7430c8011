import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import {
  type ClassElement,
  type Comment,
  type Declaration,
  parseSync,
  type Statement,
  type TSSignature,
} from 'oxc-parser';

/** A declaration of a module: what it says, where it is, and whether a doc comment stands before it. */
interface Declared {
  readonly file: SourceFile;
  readonly declaration: Declaration;
  readonly isDocumented: boolean;
}

/** Where a name of a module comes from: another module, under a name there. */
interface Origin {
  readonly path: string;
  readonly name: string;
}

interface SourceFile {
  readonly path: string;
  readonly declared: ReadonlyMap<string, Declared>;
  readonly imported: ReadonlyMap<string, Origin>;
  readonly reexported: ReadonlyMap<string, Origin>;
  readonly isDocumented: (node: { readonly start: number }) => boolean;
}

/** Reads the text of a module by its path. */
export type ReadModule = (path: string) => string;

/**
 * What a module exports, to everybody who imports it, and says nothing about: exported names, and members of exported
 * classes and interfaces and of those they extend, as "Interface.member". Members of a class that are private need no words.
 */
export function undocumented(entry: string, read: ReadModule = (path) => readFileSync(path, 'utf8')): string[] {
  const files = new Map<string, SourceFile>();
  const open = (path: string): SourceFile => {
    const file = files.get(path) ?? sourceFile(path, read(path));
    files.set(path, file);
    return file;
  };
  const find = ({ path, name }: Origin): Declared => {
    const file = open(path);
    const elsewhere = file.reexported.get(name) ?? file.imported.get(name);
    const found = file.declared.get(name) ?? (elsewhere && find(elsewhere));
    if (found === undefined) throw new Error(`${path} declares no ${name}`);
    return found;
  };
  const { reexported, declared } = open(entry);
  const names = new Map([...reexported, ...[...declared.keys()].map((name) => [name, { path: entry, name }] as const)]);
  return [...names].flatMap(([name, origin]) => {
    const subject = find(origin);
    const own = subject.isDocumented ? [] : [name];
    return [...own, ...withoutWords(subject, find).map((member) => `${name}.${member}`)];
  });
}

/** Members of a declaration and of what it extends, as far as that is source of ours. */
function withoutWords({ file, declaration }: Declared, find: (origin: Origin) => Declared): string[] {
  const inherited = parentsOf(declaration).flatMap((name) => {
    const origin = file.declared.has(name) ? { path: file.path, name } : file.imported.get(name);
    return origin === undefined ? [] : withoutWords(find(origin), find);
  });
  const own = membersOf(declaration).filter(({ node }) => !file.isDocumented(node));
  return [...own.map(({ name }) => name), ...inherited];
}

function parentsOf(declaration: Declaration): string[] {
  if (declaration.type === 'ClassDeclaration')
    return declaration.superClass?.type === 'Identifier' ? [declaration.superClass.name] : [];
  if (declaration.type !== 'TSInterfaceDeclaration') return [];
  return declaration.extends.flatMap(({ expression }) => (expression.type === 'Identifier' ? [expression.name] : []));
}

function membersOf(declaration: Declaration): { name: string; node: { readonly start: number } }[] {
  if (declaration.type !== 'TSInterfaceDeclaration' && declaration.type !== 'ClassDeclaration') return [];
  const nodes: readonly (ClassElement | TSSignature)[] = declaration.body.body;
  return nodes.flatMap((node): { name: string; node: { readonly start: number } }[] => {
    if (!('key' in node)) return node.type === 'StaticBlock' ? [] : [{ name: node.type, node }];
    const { key } = node;
    const isHidden = key.type === 'PrivateIdentifier' || ('accessibility' in node && node.accessibility === 'private');
    const isConstructor = 'kind' in node && node.kind === 'constructor';
    if (isHidden || isConstructor) return [];
    return [{ name: key.type === 'Identifier' ? key.name : '[computed]', node }];
  });
}

function sourceFile(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const isDocumented = (node: { readonly start: number }) =>
    comments.some(
      (comment) => isDoc(comment) && comment.end <= node.start && text.slice(comment.end, node.start).trim() === '',
    );
  const [declared, imported, reexported] = [
    new Map<string, Declared>(),
    new Map<string, Origin>(),
    new Map<string, Origin>(),
  ];
  const file = { path, declared, imported, reexported, isDocumented };
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration') {
      const from = moduleAt(path, statement.source.value);
      for (const { type, local, ...specifier } of statement.specifiers)
        if (from !== undefined && type === 'ImportSpecifier' && 'imported' in specifier)
          imported.set(local.name, { path: from, name: nameOf(specifier.imported) });
    } else if (statement.type === 'ExportNamedDeclaration' && statement.source !== null) {
      const from = moduleAt(path, statement.source.value);
      for (const { local, exported } of statement.specifiers)
        if (from !== undefined) reexported.set(nameOf(exported), { path: from, name: nameOf(local) });
    } else if (statement.type === 'ExportAllDeclaration') {
      throw new Error(`${path} exports all of ${statement.source.value}: name what is exported`);
    } else {
      for (const [name, declaration] of declarationsOf(statement))
        declared.set(name, { file, declaration, isDocumented: isDocumented(statement) });
    }
  }
  return file;
}

function isDoc({ type, value }: Comment): boolean {
  return type === 'Block' && value.startsWith('*') && value.replaceAll(/[*\s]/g, '') !== '';
}

/** Path of a module that is source of ours. */
function moduleAt(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined;
}

function nameOf(name: { readonly type: string; readonly name?: string; readonly value?: unknown }): string {
  return name.name ?? String(name.value);
}

function declarationsOf(statement: Statement): [string, Declaration][] {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  switch (declaration?.type) {
    case 'VariableDeclaration':
      return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [[id.name, declaration]] : []));
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return declaration.id?.type === 'Identifier' ? [[declaration.id.name, declaration]] : [];
    default:
      return [];
  }
}
