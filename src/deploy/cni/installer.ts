// Puts the plugin where the node's container runtime finds it, and keeps it there: another plugin that writes its list
// anew is followed at once. Files are replaced as a whole, so that a runtime reads the one or the other.

import {
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../base/index.ts';
import { addPlugin, chooseConfig, removePlugin } from './conflist.ts';
import { pluginName } from './types.ts';

export interface CniInstallerOptions {
  /** The node's folder of plugins, /opt/cni/bin. */
  readonly binFolder: string;
  /** Of its networks, /etc/cni/net.d. */
  readonly configFolder: string;
  /** What becomes the plugin. */
  readonly program: string;
  readonly socket: string;
  readonly log: Log;
  /** It was not in the list a moment ago: pods may have been made past it. */
  onAdded(): void;
}

/** Where the system tells of no changes (some file systems do not) they are seen by looking. */
const lookMs = 5000;

export class CniInstaller {
  private readonly options: CniInstallerOptions;
  private told = '';
  private stopWatching: (() => void) | null = null;
  /** The plugin is in the list that the runtime uses. */
  installed = false;

  constructor(options: CniInstallerOptions) {
    this.options = options;
  }

  /** Throws where the folders cannot be written. */
  start(): void {
    const { binFolder, configFolder, program } = this.options;
    const [target, fresh] = [join(binFolder, pluginName), join(binFolder, `.${pluginName}.new`)];
    copyFileSync(program, fresh);
    chmodSync(fresh, 0o755);
    renameSync(fresh, target);
    this.look();
    const watcher = watch(configFolder, () => this.look());
    const timer = setInterval(() => this.look(), lookMs);
    this.stopWatching = () => {
      watcher.close();
      clearInterval(timer);
    };
  }

  /** The plugin stays, and refuses pods until the agent is back: as while a new version of it takes over. */
  stop(): void {
    this.stopWatching?.();
    this.stopWatching = null;
  }

  /** Takes it out of every list of the node, also of one that is not in use any more. */
  remove(): void {
    this.stop();
    const { binFolder, configFolder } = this.options;
    for (const name of readdirSync(configFolder).filter((one) => chooseConfig([one]) !== null)) {
      const text = readFileSync(join(configFolder, name), 'utf8');
      const without = removePlugin(text);
      if (without.ok && without.value !== 'same') this.replace(name, without.value);
    }
    rmSync(join(binFolder, pluginName), { force: true });
    this.installed = false;
    this.options.log.write('info', 'the plugin was taken out of the networks of this node');
  }

  private look(): void {
    try {
      this.tell(this.patch());
    } catch (error) {
      this.installed = false;
      this.tell(error instanceof Error ? error.message : String(error));
    }
  }

  /** Why it is not in the list; '': it is. */
  private patch(): string {
    const name = chooseConfig(readdirSync(this.options.configFolder));
    this.installed = false;
    if (name === null) return 'no network is configured yet';
    const text = readFileSync(join(this.options.configFolder, name), 'utf8');
    const added = addPlugin(text, this.options.socket);
    if (!added.ok) return `${name}: ${added.error}`;
    if (added.value !== 'same') {
      this.replace(name, added.value);
      this.options.log.write('info', 'the plugin was added to a network', { file: name });
      this.options.onAdded();
    }
    this.installed = true;
    return '';
  }

  /** Beside the other, so that renaming is one step, and by a name that does not end as those that runtimes read. */
  private replace(name: string, text: string): void {
    const path = join(this.options.configFolder, name);
    const fresh = join(this.options.configFolder, `.${name}.weft-new`);
    writeFileSync(fresh, text, { mode: statSync(path).mode, flush: true });
    renameSync(fresh, path);
  }

  private tell(reason: string): void {
    if (this.told === reason) return;
    this.told = reason;
    if (reason !== '') this.options.log.write('warn', 'the plugin is not in the network', { reason });
  }
}
