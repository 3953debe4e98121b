// Between the control plane and the threads: an update is taken in by the first thread, whose word on it counts; what
// it accepts goes on to the others as it came, and is answered when all have it in force.

import type { Issue, MeshError } from '../../base/index.ts';
import type { XdsSubscriber, XdsUpdate } from '../../xds/index.ts';
import type { ConfigSource } from '../config/index.ts';
import { distinct, type Fleet } from './fleet.ts';

export class Relay implements XdsSubscriber {
  private readonly config: () => ConfigSource;
  private readonly fleet: Fleet;

  /** `config`: the source makes its client before it is made itself. */
  constructor(config: () => ConfigSource, fleet: Fleet) {
    this.config = config;
    this.fleet = fleet;
  }

  async onUpdate(update: XdsUpdate): Promise<readonly Issue[]> {
    const config = this.config();
    const issues = config.onUpdate(update);
    const accepted = config.tables.get(update.typeUrl)?.accepted;
    const changed = update.changed.filter((resource) => accepted?.get(resource.name)?.resource === resource);
    if (changed.length === 0 && update.removed.length === 0) return issues;
    return distinct([...issues, ...(await this.fleet.apply({ ...update, changed }))]);
  }

  onConnection(connected: boolean, error: MeshError | null): void {
    this.config().onConnection(connected, error);
    this.fleet.tell({ kind: 'connection', connected });
  }
}
