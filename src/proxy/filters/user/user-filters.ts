// The filters of users' own that are loaded: by name, each with the handlers that configurations made of it. A new
// version of a file replaces the one before when it is good; one that is not leaves that in force and is an issue.

import type { Issue } from '../../../base/index.ts';
import type { UserFilterConfig } from '../../config/filter-types.ts';
import type { FilterHandler, FilterModule } from './api.ts';

interface Made {
  readonly module: FilterModule;
  readonly handler: FilterHandler;
}

export class UserFilters {
  private readonly modules = new Map<string, { readonly module: FilterModule; readonly path: string }>();
  private readonly handlers = new WeakMap<UserFilterConfig, Made>();
  private readonly faults = new Map<string, string>();

  /** `exported`: what the module at `path` exports. Returns what is wrong with it, or null. */
  install(path: string, exported: unknown): string | null {
    const fault = this.faultOf(path, exported);
    if (fault !== null) return this.fail(path, fault);
    const module = exported as FilterModule;
    for (const [name, known] of this.modules) if (known.path === path) this.modules.delete(name);
    this.modules.set(module.name, { module, path });
    this.faults.delete(path);
    return null;
  }

  /** It could not be loaded: the version before stays. */
  fail(path: string, fault: string): string {
    this.faults.set(path, fault);
    return fault;
  }

  get issues(): readonly Issue[] {
    return [...this.faults].map(([path, rule]) => ({ object: path, field: '', rule, value: '' }));
  }

  /** Why this configuration could not be put into force, or null. */
  refusal(config: UserFilterConfig): string | null {
    const known = this.modules.get(config.filter);
    if (known === undefined) return `is not loaded: start the proxy with --filter`;
    if (this.handlers.get(config)?.module === known.module) return null;
    try {
      this.handlers.set(config, { module: known.module, handler: known.module.create(config.config) });
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Of the newest version that takes the configuration; null: there is none. */
  find(config: UserFilterConfig): FilterHandler | null {
    const known = this.modules.get(config.filter);
    const made = this.handlers.get(config);
    if (made !== undefined && made.module === known?.module) return made.handler;
    const refusal = this.refusal(config);
    if (refusal === null) return this.handlers.get(config)?.handler ?? null;
    // Asked again at the next request, and said once: the words are the same.
    if (known !== undefined) this.fail(known.path, `${config.filter}: ${refusal}`);
    return made?.handler ?? null;
  }

  private faultOf(path: string, exported: unknown): string | null {
    const { name, create } = (exported ?? {}) as Partial<FilterModule>;
    if (typeof name !== 'string' || !/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(name))
      return 'must export name: lower-case letters, digits, dots and dashes, at most 63';
    if (typeof create !== 'function')
      return 'must export create, a function from a configuration to a handler';
    const other = this.modules.get(name);
    return other === undefined || other.path === path ? null : `has the name of ${other.path}: ${name}`;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Where in somebody's file, `FILE:LINE:COLUMN`; '' where nobody knows. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return /^ +at .*?([^\s()]+:\d+:\d+)\)?$/m.exec(stack)?.[1] ?? '';
}
