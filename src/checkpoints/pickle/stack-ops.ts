import { COST, type Machine, malformed } from './machine.ts';
import { isKind, type PickleValue, type Placeholder, type PyGlobal, qualifiedName, refuseHostile } from './values.ts';

/** What opcodes do to values: containers are filled, objects are recorded, nothing is imported or called by name. */

export function pushList(machine: Machine, items: PickleValue[]): void {
  machine.charge(COST.sequence);
  machine.push({ kind: 'list', items });
}

export function pushTuple(machine: Machine, items: readonly PickleValue[]): void {
  machine.charge(COST.sequence);
  machine.push({ kind: 'tuple', items });
}

/** A dict of alternating keys and values. */
export function pushDict(machine: Machine, items: readonly PickleValue[]): void {
  machine.charge(COST.dict);
  machine.push({ kind: 'dict', entries: new Map() });
  setItems(machine, items);
}

/** A set is of no use in a checkpoint but to list names; a placeholder keeps them. */
export function pushSet(machine: Machine, name: 'set' | 'frozenset', items: PickleValue[]): void {
  pushPlaceholder(machine, { kind: 'global', module: 'builtins', name }, [{ kind: 'list', items }]);
}

/** Appends to the list, or list-like object, on top of the stack. */
export function append(machine: Machine, items: readonly PickleValue[]): void {
  const target = machine.top();
  if (!isKind(target, 'list') && !isKind(target, 'placeholder')) throw malformed('it appends to what is not a list');
  // Not push(...items): a million arguments overflow the call stack.
  for (const item of items) target.items.push(item);
}

/** Sets alternating keys and values in the dict, or dict-like object, on top of the stack. */
export function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const target = machine.top();
  if (!isKind(target, 'dict') && !isKind(target, 'placeholder')) throw malformed('it sets items of what is not a dict');
  if (items.length % 2 !== 0) throw malformed('it gives a dict a key without a value');
  machine.charge(items.length);
  for (let i = 0; i < items.length; i += 2) target.entries.set(items[i]!, items[i + 1]!);
}

export function pushGlobal(machine: Machine, module: string, name: string): void {
  machine.charge(COST.sequence);
  machine.push({ kind: 'global', module, name });
}

/** STACK_GLOBAL: module and name are the last two values. */
export function pushGlobalFromStack(machine: Machine): void {
  const [module, name] = machine.popLast(2);
  if (typeof module !== 'string' || typeof name !== 'string') {
    throw malformed('it names a global by something else than text');
  }
  pushGlobal(machine, module, name);
}

/** `callable(*args)`: applied where the host's table allows this global, else recorded in a placeholder. */
function call(machine: Machine, callable: PickleValue | undefined, args: readonly PickleValue[]): void {
  if (!isKind(callable, 'global') && !isKind(callable, 'placeholder')) throw malformed('it calls what is not a name');
  refuseHostile(callable);
  const apply = isKind(callable, 'global') ? machine.host.calls.get(qualifiedName(callable)) : undefined;
  const result = apply?.(args, machine.charge);
  if (result === undefined) {
    pushPlaceholder(machine, callable, args);
  } else {
    machine.charge(COST.dict);
    machine.push(result);
  }
}

function pushPlaceholder(machine: Machine, of: PyGlobal | Placeholder, args: readonly PickleValue[]): void {
  machine.charge(COST.placeholder);
  const { module, name } = of;
  machine.push({ kind: 'placeholder', module, name, args, state: undefined, items: [], entries: new Map() });
}

/** REDUCE, NEWOBJ: the callable or class, then a tuple of arguments. */
export function callWithTuple(machine: Machine): void {
  const args = machine.pop();
  const callable = machine.pop();
  if (!isKind(args, 'tuple')) throw malformed('it calls a name with something else than a tuple');
  call(machine, callable, args.items);
}

/** NEWOBJ_EX: class, tuple, dict. The keywords are recorded as one more argument. */
export function callWithKeywords(machine: Machine): void {
  const [callable, args, keywords] = machine.popLast(3);
  call(machine, callable, [args!, keywords!]);
}

/** OBJ: class and arguments above a mark. */
export function callAboveMark(machine: Machine): void {
  const [callable, ...args] = machine.popToMark();
  call(machine, callable, args);
}

/** INST: the class by name in the pickle, its arguments above a mark. */
export function callNamed(machine: Machine): void {
  const [module, name] = [machine.cursor.line(), machine.cursor.line()];
  call(machine, { kind: 'global', module, name }, machine.popToMark());
}

/** BUILD: the state of an object. Of containers and tensors it holds nothing we need (an OrderedDict's `_metadata`). */
export function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.top();
  if (isKind(target, 'placeholder')) target.state = state;
}

export function pushPersistent(machine: Machine, id: PickleValue): void {
  machine.charge(COST.sequence);
  machine.push(machine.host.persistentLoad(id));
}
