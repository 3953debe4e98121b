// Names by a key that most have to themselves: a set is made where there are several, and not for thousands of one.

export class NamesByKey {
  private readonly names = new Map<string, string | Set<string>>();

  of(key: string): Iterable<string> {
    const known = this.names.get(key);
    return typeof known === 'string' ? [known] : (known ?? []);
  }

  add(key: string, name: string): void {
    const known = this.names.get(key);
    if (known === undefined) this.names.set(key, name);
    else if (typeof known !== 'string') known.add(name);
    else if (known !== name) this.names.set(key, new Set([known, name]));
  }

  remove(key: string, name: string): void {
    const known = this.names.get(key);
    if (known === name) this.names.delete(key);
    else if (known instanceof Set && known.delete(name) && known.size === 0) this.names.delete(key);
  }
}
