import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What a shell has to know of a command. */
interface CommandFacts {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionFacts[];
}

interface OptionFacts {
  /** "--device", and "-q" where it has a short form. */
  readonly flags: readonly string[];
  readonly description: string;
  /** What follows it: nothing, one of these words, or anything, in which case files are offered. */
  readonly value: 'none' | 'any' | readonly string[];
}

/** The script that makes a shell complete `program`: its commands, their options and the values these allow, else files. */
export function completionScript(program: Command, shell: Shell): string {
  return SCRIPTS[shell](program.commands.map(factsOf));
}

function factsOf(command: Command): CommandFacts {
  const help: OptionFacts = { flags: ['--help', '-h'], description: 'display help for command', value: 'none' };
  return {
    name: command.name(),
    description: command.description(),
    options: [...command.options.map(optionFacts), help],
  };
}

function optionFacts({ long, short, description, argChoices, required, optional }: Option): OptionFacts {
  const value = argChoices ?? (required || optional ? 'any' : 'none');
  return { flags: [long, short].filter((flag) => typeof flag === 'string'), description, value };
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CommandFacts[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** A word in single quotes, which all three shells read alike but for the quote itself. */
function quoted(text: string, quote = "'\\''"): string {
  return `'${text.replaceAll("'", quote)}'`;
}

function words(commands: readonly CommandFacts[]): string {
  return commands.map(({ name }) => name).join(' ');
}

function flagsOf({ options }: CommandFacts): string[] {
  return options.flatMap(({ flags }) => flags);
}

/** Options whose values are known, as patterns of a `case` on command and option. */
function choicesOf({ name, options }: CommandFacts): { pattern: string; values: string }[] {
  return options.flatMap(({ flags, value }) =>
    typeof value === 'string'
      ? []
      : [{ pattern: flags.map((flag) => `"${name} ${flag}"`).join('|'), values: value.join(' ') }],
  );
}

function bashScript(commands: readonly CommandFacts[]): string {
  const values = commands
    .flatMap(choicesOf)
    .map(
      ({ pattern, values }) => `    ${pattern}) COMPREPLY=($(compgen -W ${quoted(values)} -- "$word")); return ;;\n`,
    );
  const flags = commands.map((command) => `    ${command.name}) words=${quoted(flagsOf(command).join(' '))} ;;\n`);
  return `# igd's completion for bash: igd completion bash > ~/.local/share/bash-completion/completions/igd
_igd() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(`${words(commands)} help --version --help`)} -- "$word"))
    return
  fi
  case "$command $before" in
    "help help") COMPREPLY=($(compgen -W ${quoted(words(commands))} -- "$word")); return ;;
${values.join('')}  esac
  case "$command" in
${flags.join('')}  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
  esac
}
complete -o bashdefault -o default -F _igd igd
`;
}

function zshScript(commands: readonly CommandFacts[]): string {
  const described = commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}\n`);
  const values = commands
    .flatMap(choicesOf)
    .map(({ pattern, values }) => `    ${pattern}) compadd -- ${values}; return ;;\n`);
  const flags = commands.map((command) => {
    const entries = command.options.flatMap((option) =>
      option.flags.map((flag) => `      ${quoted(`${flag}:${option.description}`)}\n`),
    );
    return `    ${command.name}) options=(\n${entries.join('')}    ) ;;\n`;
  });
  return `#compdef igd
# igd's completion for zsh: igd completion zsh > a folder of $fpath/_igd
_igd() {
  local -a commands options
  commands=(
${described.join('')}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2] $words[CURRENT-1]" in
${values.join('')}  esac
  case "$words[2]" in
${flags.join('')}  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    _describe option options
  else
    _files
  fi
}
if [ "$funcstack[1]" = "_igd" ]; then _igd "$@"; else compdef _igd igd; fi
`;
}

function fishScript(commands: readonly CommandFacts[]): string {
  const quote = (text: string) => quoted(text.replaceAll('\\', '\\\\'), "\\'");
  const lines = commands.flatMap(({ name, description, options }) => [
    `complete -c igd -n __fish_use_subcommand -f -a ${name} -d ${quote(description)}`,
    ...options.map(({ flags, description: text, value }) => {
      const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
      const follows = value === 'none' ? '' : value === 'any' ? ' -r' : ` -x -a ${quote(value.join(' '))}`;
      return `complete -c igd -n '__fish_seen_subcommand_from ${name}' ${names.join(' ')}${follows} -d ${quote(text)}`;
    }),
  ]);
  return `# igd's completion for fish: igd completion fish > ~/.config/fish/completions/igd.fish\n${lines.join('\n')}\n`;
}
