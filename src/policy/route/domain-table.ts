// Virtual hosts by domain, with Envoy's precedence: exact, then the longest `*suffix`, then the longest `prefix*`, then
// `*`. The whole authority is compared, port included: `svc` does not match `svc:80`. A wildcard stands for at least
// one character.

/** The four forms of a domain. */
export type DomainKind = 'exact' | 'suffix' | 'prefix' | 'any';

export function kindOfDomain(domain: string): DomainKind {
  if (domain === '*') return 'any';
  if (domain.startsWith('*')) return 'suffix';
  return domain.endsWith('*') ? 'prefix' : 'exact';
}

export class DomainTable<T> {
  private readonly exact = new Map<string, T>();
  /** Wildcards by the length of their fixed part, the longest first. */
  private readonly suffixes: { readonly length: number; readonly byText: Map<string, T> }[] = [];
  private readonly prefixes: { readonly length: number; readonly byText: Map<string, T> }[] = [];
  private any: T | null = null;

  /** False when the domain is there already. `domain` is lower-case. */
  add(domain: string, value: T): boolean {
    switch (kindOfDomain(domain)) {
      case 'any':
        if (this.any !== null) return false;
        this.any = value;
        return true;
      case 'suffix':
        return addOnce(byLength(this.suffixes, domain.length - 1), domain.slice(1), value);
      case 'prefix':
        return addOnce(byLength(this.prefixes, domain.length - 1), domain.slice(0, -1), value);
      case 'exact':
        return addOnce(this.exact, domain, value);
    }
  }

  /** It is there as it stands. */
  has(domain: string): boolean {
    return this.exact.has(domain);
  }

  find(authority: string): T | null {
    // Callers write names in lower case: the first look is the only one nearly always.
    const exact = this.exact.get(authority);
    if (exact !== undefined) return exact;
    // An empty port is the scheme's own (RFC 3986 3.2.3), so the name alone is meant.
    const host = (authority.endsWith(':') ? authority.slice(0, -1) : authority).toLowerCase();
    return this.exact.get(host) ?? this.findWildcard(host) ?? this.any;
  }

  private findWildcard(host: string): T | null {
    for (let index = 0; index < this.suffixes.length; index++) {
      const { length, byText } = this.suffixes[index]!;
      if (host.length <= length) continue;
      const value = byText.get(host.slice(host.length - length));
      if (value !== undefined) return value;
    }
    for (let index = 0; index < this.prefixes.length; index++) {
      const { length, byText } = this.prefixes[index]!;
      if (host.length <= length) continue;
      const value = byText.get(host.slice(0, length));
      if (value !== undefined) return value;
    }
    return null;
  }
}

function addOnce<T>(map: Map<string, T>, key: string, value: T): boolean {
  if (map.has(key)) return false;
  map.set(key, value);
  return true;
}

function byLength<T>(
  groups: { readonly length: number; readonly byText: Map<string, T> }[],
  length: number,
): Map<string, T> {
  const found = groups.find((group) => group.length === length);
  if (found !== undefined) return found.byText;
  const group = { length, byText: new Map<string, T>() };
  groups.push(group);
  groups.sort((left, right) => right.length - left.length);
  return group.byText;
}
