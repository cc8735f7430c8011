import type { Store } from './store.ts';

/** A store in memory, for simulations. */
export class MemoryStore implements Store {
  readonly #values = new Map<string, Uint8Array>();

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#values.get(key);
  }

  async has(key: string): Promise<boolean> {
    return this.#values.has(key);
  }

  async put(key: string, bytes: Uint8Array | string): Promise<void> {
    this.#values.set(key, typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes);
  }

  async putNew(key: string, bytes: Uint8Array | string): Promise<boolean> {
    if (this.#values.has(key)) return false;
    await this.put(key, bytes);
    return true;
  }

  async remove(key: string): Promise<void> {
    this.#values.delete(key);
  }

  async list(prefix: string): Promise<string[]> {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}
